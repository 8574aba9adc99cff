//! The waits between attempts to append a change.

use coinolio_core::sync::Backoff;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// The maximum number of retries. An append is beaten only if another append succeeds, so all of eight concurrent
/// writers of a portfolio succeed. If there are more, it is better that the clients try again later.
const ATTEMPTS: u32 = 8;

/// The upper limit of the first wait: about the duration of one attempt, in which the other writer finishes.
const FIRST: Duration = Duration::from_millis(10);

/// The upper limit of every wait.
const LONGEST: Duration = Duration::from_millis(200);

/// The time that must remain in the invocation when the last attempt begins: enough for the attempt and the answer.
const RESERVE: Duration = Duration::from_secs(1);

/// Exponential waits with full jitter, limited in number and by the invocation's remaining time.
///
/// Full jitter spreads concurrent writers best ("Exponential Backoff And Jitter", AWS Architecture Blog).
///
/// ```
/// use coinolio_aws::retry::Retry;
/// use coinolio_core::sync::Backoff;
/// use std::time::SystemTime;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // The invocation has no time left, so there is no further attempt.
/// assert!(!Retry::until(SystemTime::now()).wait().await);
/// # }
/// ```
#[derive(Debug)]
pub struct Retry {
    attempts: u32,
    until: Instant,
    waits: Arc<AtomicU64>,
}

impl Retry {
    /// Returns the waits of an invocation that must end by `deadline`.
    pub fn until(deadline: SystemTime) -> Self {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let now = Instant::now();
        Self {
            attempts: 0,
            until: now.checked_add(left.saturating_sub(RESERVE)).unwrap_or(now),
            waits: Arc::default(),
        }
    }

    /// Returns waits for another portfolio of the same invocation. The attempts start anew; the time limit and the
    /// count of waits are shared.
    #[must_use]
    pub fn another(&self) -> Self {
        Self {
            attempts: 0,
            until: self.until,
            waits: Arc::clone(&self.waits),
        }
    }

    /// Returns the counter of waits, which can be read after the retry is dropped.
    pub fn waits(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.waits)
    }

    /// Returns the upper limit of the next wait at `now`, or `None` if no attempts or no time remain.
    fn longest(&mut self, now: Instant) -> Option<Duration> {
        let left = self.until.checked_duration_since(now).filter(|left| !left.is_zero())?;
        if self.attempts == ATTEMPTS {
            return None;
        }
        let exponential = FIRST.saturating_mul(1 << self.attempts);
        self.attempts += 1;
        Some(exponential.min(LONGEST).min(left))
    }
}

impl Backoff for Retry {
    async fn wait(&mut self) -> bool {
        let Some(longest) = self.longest(Instant::now()) else {
            return false;
        };
        self.waits.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(rand::random_range(Duration::ZERO..=longest)).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{ATTEMPTS, LONGEST, Retry};
    use coinolio_core::sync::Backoff;
    use std::sync::atomic::Ordering;
    use std::time::{Duration, Instant, SystemTime};

    #[test]
    fn the_waits_double_up_to_the_limit_and_end_after_the_last_attempt() {
        let mut retry = Retry::until(SystemTime::now() + Duration::from_secs(60));
        let now = Instant::now();
        let waits: Vec<_> = std::iter::from_fn(|| retry.longest(now))
            .map(|wait| wait.as_millis())
            .collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 200, 200, 200]);
        assert_eq!(waits.len(), usize::try_from(ATTEMPTS).unwrap());
        assert_eq!(retry.longest(now), None);
    }

    #[test]
    fn no_wait_exceeds_the_invocations_remaining_time() {
        let mut retry = Retry::until(SystemTime::now() + Duration::from_secs(60));
        let almost = retry.until - Duration::from_millis(3);
        assert_eq!(retry.longest(almost), Some(Duration::from_millis(3)));
        assert_eq!(retry.longest(retry.until), None);
        assert_eq!(retry.longest(retry.until + LONGEST), None);
    }

    #[tokio::test]
    async fn there_is_no_wait_without_time_left() {
        for deadline in [SystemTime::UNIX_EPOCH, SystemTime::now() + Duration::from_millis(900)] {
            let mut retry = Retry::until(deadline);
            assert!(!retry.wait().await);
            assert_eq!(retry.waits().load(Ordering::Relaxed), 0);
        }
    }

    #[tokio::test]
    async fn the_counter_counts_every_wait() {
        let mut retry = Retry::until(SystemTime::now() + Duration::from_secs(60));
        let waits = retry.waits();
        assert!(retry.wait().await && retry.wait().await);
        let mut another = retry.another();
        assert_eq!((another.attempts, another.until), (0, retry.until));
        drop(retry);
        assert!(another.wait().await);
        assert_eq!(waits.load(Ordering::Relaxed), 3);
    }
}
