//! The change log and the devices on DynamoDB (design section 3).
//!
//! One table, string keys `pk` and `sk`; every item carries `format`, so that an item of a later version
//! is refused and never half understood:
//!
//! | item | `pk` | `sk` |
//! | --- | --- | --- |
//! | directory entry | `USER#<user>` | `PORTFOLIO#<id>` |
//! | device | `USER#<user>` | `DEVICE#<device>` |
//! | change | `USER#<user>#PORTFOLIO#<id>` | `CHANGE#<parent, 20 digits>` |
//! | snapshot | `USER#<user>#PORTFOLIO#<id>` | `SNAPSHOT#<version, 20 digits>#<chunk, 4 digits>` |
//! | big patch | `USER#<user>#PORTFOLIO#<id>` | `PATCH#<change id>#<chunk, 4 digits>` |
//!
//! Keys are built from validated ids only, none of which can hold the separator `#`.

mod chunks;
mod connect;
mod devices;
mod documents;
mod errors;
mod items;
mod keys;
mod log;
mod meter;
mod payload;
mod requests;
mod snapshots;
mod stream;
mod table;
mod transaction;

pub use log::DynamoLog;
pub use meter::{Meter, Usage};
pub(crate) use stream::Record as StreamedRecord;
pub use table::{create_table_if_missing, enable_stream_if_missing};
