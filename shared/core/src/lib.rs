//! The pure core of Coinolio Sync.
//!
//! Nothing in this crate knows AWS, HTTP or a clock: documents arrive as [`json::Value`], `now` is passed in, and storage
//! is behind the ports of [`store`]. Each module uses only those above it in this list:
//!
//! - [`json`], [`time`], [`id`], [`error`]: JSON values whose numbers keep their decimal value, and a strict reader;
//!   times; identifiers; refusals.
//! - [`algebra`]: paths, patches, `diff`, `apply`, three-way `merge` (docs/MERGE.md).
//! - [`log`]: a portfolio's stored entries and their encoding.
//! - [`devices`]: a user's devices.
//! - [`wire`]: the requests and responses of protocol v1 and v2 (docs/PROTOCOL.md).
//! - [`store`]: the ports to the storage, and a store in memory.
//! - [`portfolio`]: reading a portfolio from its store.
//! - [`sync`]: the engine, which carries out each request.

pub mod algebra;
pub mod devices;
pub mod error;
pub mod id;
pub mod json;
pub mod log;
mod named_enum;
pub mod portfolio;
pub mod store;
pub mod sync;
pub mod time;
pub mod wire;

pub use error::{Code, Error};
