//! Tests protocol v1 on the in-memory log: one test for each statement about v1 in `docs/PROTOCOL.md`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test fails as the test does"
)]

mod base;
mod claims;
mod fleet;
mod portfolios;
mod probe;
mod races;
#[path = "../retained/mod.rs"]
mod retained;
mod retention;
mod sync;
mod unanswered;
mod world;
