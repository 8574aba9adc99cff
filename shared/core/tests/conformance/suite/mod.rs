//! What every change log and every store of devices must do: one suite, run on each of them.
//!
//! Whoever includes it defines `suite!` before, which makes a test of every case it is given, on a log of the test's own.

pub(crate) mod compaction;
mod devices;
mod log;
pub(crate) mod removal;
pub(crate) mod samples;
mod snapshots;
