//! What a function says about itself: one structured event for each invocation, its metrics included (design
//! section 6).

mod format;
mod metrics;
mod record;
mod stream;
mod subscriber;
mod tally;

pub use metrics::{METRICS, Metric, Metrics, Unit};
pub(crate) use record::Record;
pub(crate) use stream::StreamRecord;
pub use subscriber::{Format, init, subscriber};
pub use tally::Tally;
