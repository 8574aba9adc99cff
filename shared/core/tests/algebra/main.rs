//! The merge algebra against `docs/MERGE.md`: tables for its sentences, properties for its laws.
//!
//! `PROPTEST_CASES` sets the number of cases per property, and `PROPTEST_RNG_SEED` selects the cases. If neither is set,
//! every run uses the same ones. A counterexample that may come back becomes a row of a table or a test of its own.
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
mod merge;
mod model;
mod namings;
mod order;
#[path = "../retained/mod.rs"]
mod retained;
mod squash;
mod support;
mod values;
mod without_base;
