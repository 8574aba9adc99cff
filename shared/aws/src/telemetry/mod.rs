//! One log event for each invocation, with its metrics (`docs/OBSERVABILITY.md`).

mod format;
mod http;
mod stream;
mod subscriber;
mod tally;

pub(crate) use http::HttpInvocation;
pub(crate) use stream::StreamInvocation;
pub use subscriber::{Format, init, subscriber};
pub use tally::Tally;
