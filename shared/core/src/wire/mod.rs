//! The requests and answers of protocols v1 and v2 (docs/PROTOCOL.md).
//!
//! Requests are decoded by hand from [`crate::json::Value`], so that an error can name the member; serde writes the
//! answers.

pub mod batch;
mod body;
mod conflict;
pub mod devices;
pub mod fields;
mod outcome;
pub mod v1;
pub(crate) mod v1_document;
pub mod v2;

pub use body::read_body;
pub use outcome::Outcome;
pub use v1_document::V1Document;
