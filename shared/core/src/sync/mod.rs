//! The engine: what each request reads from the log and appends to it.

use std::future::Future;

/// How long to wait before the next attempt, after another writer won the race for the head.
pub trait Backoff: Send {
    /// Waits, with jitter; false where neither attempts nor time are left.
    fn wait(&mut self) -> impl Future<Output = bool> + Send;
}
