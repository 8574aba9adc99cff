//! The local server as its users see it: the program as a process, and its API over HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers are outside of `#[test]` functions"
)]

mod account;
mod agreement;
mod auth;
mod compaction;
mod demo;
mod kills;
mod program;
mod serving;
mod starting;
