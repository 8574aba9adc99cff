//! The change log, the directory, the snapshots and the devices on DynamoDB.
//!
//! The table has the string keys `pk` and `sk`. Every item contains its `format`, so that a reader refuses an item
//! of a later format instead of misreading it:
//!
//! | item | `pk` | `sk` |
//! | --- | --- | --- |
//! | directory entry | `USER#<user>` | `PORTFOLIO#<id>` |
//! | device | `USER#<user>` | `DEVICE#<device>` |
//! | change | `USER#<user>#PORTFOLIO#<id>` | `CHANGE#<parent, 20 digits>` |
//! | snapshot | `USER#<user>#PORTFOLIO#<id>` | `SNAPSHOT#<version, 20 digits>#<chunk, 4 digits>` |
//! | big patch | `USER#<user>#PORTFOLIO#<id>` | `PATCH#<change id>#<chunk, 4 digits>` |
//!
//! Keys are built only from validated ids, which cannot contain the separator `#`.
//!
//! The modules, from the bottom up: `keys`, `payload` and `item`; `table`, which sends the raw requests; `chunks`;
//! `store`, which owns the table and the cached documents; `log`, `directory`, `snapshots` and `devices`, which
//! implement one port each.
//!
//! ```
//! use coinolio_aws::config::emulator_client;
//! use coinolio_aws::dynamodb::{DynamoStore, Meter, Usage};
//!
//! // Create one store for the life of the process, and one meter for each invocation.
//! let store = DynamoStore::new(emulator_client("http://127.0.0.1:8000"), "coinolio");
//! let meter = Meter::default();
//! let metered = store.with_meter(meter.clone());
//! # drop(metered);
//! assert_eq!(meter.usage(), Usage::default());
//! ```

mod change_item;
mod chunks;
mod devices;
mod directory;
mod documents;
mod errors;
mod item;
mod keys;
mod log;
mod payload;
mod snapshots;
mod store;
mod stream;
mod table;

pub use store::DynamoStore;
pub(crate) use stream::Record as StreamedRecord;
pub use table::{Meter, Usage, create_table_if_missing, enable_stream_if_missing};
