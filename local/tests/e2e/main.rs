//! The local server from outside: the program as a user starts it, and its API over HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers stand outside of `#[test]` functions"
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
