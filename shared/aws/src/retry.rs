//! Waiting between attempts at the head.

use coinolio_core::sync::Backoff;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// The most attempts after the first. Each lost race means that another writer won: eight writers on one
/// portfolio all get through, and more than that are better told to come again.
const ATTEMPTS: u32 = 8;

/// The longest first wait: about one attempt's own time, within which the winner is done.
const FIRST: Duration = Duration::from_millis(10);

/// The longest wait of all.
const LONGEST: Duration = Duration::from_millis(200);

/// What is left of the invocation's time when the last attempt begins: enough for it and for the answer.
const RESERVE: Duration = Duration::from_secs(1);

/// Exponential waits with full jitter, within a number of attempts and the invocation's time.
///
/// Full jitter spreads writers best ("Exponential Backoff And Jitter", AWS Architecture Blog).
#[derive(Debug)]
pub struct Retry {
    attempts: u32,
    until: Instant,
    waits: Arc<AtomicU64>,
}

impl Retry {
    /// Waits for an invocation that ends at `deadline`.
    pub fn until(deadline: SystemTime) -> Self {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let now = Instant::now();
        Self {
            attempts: 0,
            until: now.checked_add(left.saturating_sub(RESERVE)).unwrap_or(now),
            waits: Arc::default(),
        }
    }

    /// As many attempts again, within the same time, counted together: for another portfolio of the same invocation.
    #[must_use]
    pub fn another(&self) -> Self {
        Self {
            attempts: 0,
            until: self.until,
            waits: Arc::clone(&self.waits),
        }
    }

    /// How often it has waited: still readable when the retry itself is gone.
    pub fn waits(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.waits)
    }

    /// The longest that the next wait may be at `now`; `None` where neither attempts nor time are left.
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
    fn waits_double_up_to_the_longest_and_end_after_the_last_attempt() {
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
    fn no_wait_goes_beyond_the_invocations_time() {
        let mut retry = Retry::until(SystemTime::now() + Duration::from_secs(60));
        let almost = retry.until - Duration::from_millis(3);
        assert_eq!(retry.longest(almost), Some(Duration::from_millis(3)));
        assert_eq!(retry.longest(retry.until), None);
        assert_eq!(retry.longest(retry.until + LONGEST), None);
    }

    #[tokio::test]
    async fn without_time_left_there_is_no_wait() {
        for deadline in [SystemTime::UNIX_EPOCH, SystemTime::now() + Duration::from_millis(900)] {
            let mut retry = Retry::until(deadline);
            assert!(!retry.wait().await);
            assert_eq!(retry.waits().load(Ordering::Relaxed), 0);
        }
    }

    #[tokio::test]
    async fn each_wait_is_counted_for_those_who_hold_the_counter() {
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
