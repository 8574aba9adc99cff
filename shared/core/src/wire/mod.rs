//! The requests and responses of protocol v1 and v2 (design section 5).
//!
//! Requests are decoded by hand from [`crate::json::Value`], so that an error can name the member;
//! responses are written by serde.

pub mod batch;
mod conflict;
pub mod devices;
pub mod fields;
pub mod v1;
pub mod v2;

pub use conflict::{ConflictRecord, IndexedConflict};
