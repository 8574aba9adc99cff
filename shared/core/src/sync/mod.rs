//! The engine: what each request reads from the log and appends to it.

mod report;
mod status;
mod v2;

pub use report::{Answered, Outcome, Report};
pub use status::{SyncStatus, SyncStatusQuery, sync_status};
pub use v2::sync as sync_v2;

use std::future::Future;

/// The largest document, in bytes of compact JSON: 6 MB, AsyncStorage's own limit (design section 5).
pub const MAX_DOCUMENT_BYTES: u64 = 6 * 1024 * 1024;

/// How long to wait before the next attempt, after another writer won the race for the head.
pub trait Backoff: Send {
    /// Waits, with jitter; false where neither attempts nor time are left.
    fn wait(&mut self) -> impl Future<Output = bool> + Send;
}
