//! The conformance suite that every change log and every device store must pass.
//!
//! A test crate that includes it must first define the macro `suite!`, which turns each of its cases into a test. Each
//! test gets a log of its own.

pub(crate) mod compaction;
mod devices;
mod log;
pub(crate) mod removal;
pub(crate) mod samples;
mod snapshots;
