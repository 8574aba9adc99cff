//! The pure heart of Coinolio Sync.
//!
//! Nothing in this crate knows AWS, HTTP or a clock: documents come in as [`json::Value`], `now` is
//! passed in, and storage stands behind the [`log::ChangeLog`] port.
//!
//! - [`json`]: JSON values whose numbers keep their decimal value, and a strict reader.
//! - [`algebra`]: paths, patches, `diff`, `apply`, three-way `merge` (design section 4).
//! - [`devices`]: a user's devices, their ranks among them, and the port to where they are kept.
//! - [`log`]: the change log: its items, its port, its replay, an in-memory implementation.
//! - [`sync`]: the engine: what each request does to the log (design sections 3 and 5).
//! - [`wire`]: the requests and responses of protocol v1 and v2.

pub mod algebra;
pub mod devices;
pub mod error;
pub mod id;
pub mod json;
pub mod log;
pub mod sync;
pub mod time;
pub mod wire;

pub use error::{Code, Error};
