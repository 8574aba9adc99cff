//! One invocation of a function, from its event to its answer and its log event.
//!
//! - [`http`]: the invocation by an event of the HTTP API.
//! - [`stream`]: the invocation by a batch of records of the table's stream.

pub mod http;
pub mod stream;

use coinolio_core::time::Timestamp;
use std::time::SystemTime;

/// Returns the current time.
fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
