//! The merge algebra against design section 4: each sentence as a table, each law as a property.
//!
//! `PROPTEST_CASES` sets how many cases each property is given, `PROPTEST_RNG_SEED` which ones: without
//! them a run is the same every time. A counter-example worth keeping becomes a named test in a table.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail as its body does"
)]

mod apply;
mod authors;
mod convergence;
mod diff;
mod fleet;
mod form;
mod generate;
mod laws;
mod lost;
mod merge;
mod model;
mod namings;
mod order;
#[path = "../retained/mod.rs"]
mod retained;
mod support;
mod values;
