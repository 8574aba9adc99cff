//! The engine: what each request reads from the log and appends to it.

mod base;
mod changes;
mod compact;
mod compare;
mod grow;
mod history;
mod keep_mine;
mod limits;
mod metadata;
pub mod portfolios;
mod ranked;
mod report;
mod restore;
mod rounding;
mod status;
mod summary;
mod undo;
mod v1;
mod v2;

pub use compact::{Compacted, Retention, compact};
pub use compare::compare;
pub use history::{DeviceNames, history};
pub use keep_mine::{Lost, keep_mine};
pub use metadata::Stamped;
pub use report::{Answered, Outcome, Report};
pub use restore::restore;
pub use status::{SyncStatus, SyncStatusQuery, sync_status};
pub use v1::sync as sync_v1;
pub use v2::sync as sync_v2;

use crate::error::{Code, Error};
use std::future::Future;

/// The largest document, in bytes of compact JSON: 6 MB, AsyncStorage's own limit (design section 5).
pub const MAX_DOCUMENT_BYTES: u64 = 6 * 1024 * 1024;

/// How long to wait before the next attempt, after another writer won the race for the head.
pub trait Backoff: Send {
    /// Waits, with jitter; false where neither attempts nor time are left.
    fn wait(&mut self) -> impl Future<Output = bool> + Send;
}

/// Waits before the next attempt at a lost race; busy where none is left.
pub(crate) async fn wait<B: Backoff>(backoff: &mut B) -> Result<(), Error> {
    if backoff.wait().await {
        Ok(())
    } else {
        Err(Error::new(
            Code::Busy,
            "other devices are writing to this portfolio; send the same request again",
        ))
    }
}
