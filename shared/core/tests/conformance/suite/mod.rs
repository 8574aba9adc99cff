//! The conformance suite that every store must pass.
//!
//! A test crate that includes it must first define the macro `suite!`, which turns each of its cases into a test. Each
//! test gets a store of its own.

pub(crate) mod compaction;
mod devices;
mod log;
pub(crate) mod removal;
pub(crate) mod samples;
mod snapshots;
