//! What a function says about itself: one structured event for each invocation (design section 6).

mod record;
mod subscriber;

pub(crate) use record::Record;
pub use subscriber::{Format, init, subscriber};
