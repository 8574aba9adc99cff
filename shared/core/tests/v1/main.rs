//! Protocol v1 over the log in memory, a test for each sentence of design section 5.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails as the test does"
)]

mod base;
mod fleet;
mod portfolios;
mod probe;
mod races;
#[path = "../retained/mod.rs"]
mod retained;
mod retention;
mod sync;
mod world;
