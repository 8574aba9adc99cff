//! What the tests and the benchmarks share: generated portfolios, a running DynamoDB API, ways to make it
//! fail, and the functions on top of it.
//!
//! The tests themselves are one binary, `tests/suite`: one link, and modules that mirror what they test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "support of tests, where a failure is a panic"
)]

pub mod answered;
pub mod contract;
pub mod dynamodb;
pub mod faults;
pub mod lambda;
#[cfg(target_os = "linux")]
pub mod largest;
pub mod portfolio;
pub mod scenario;
pub mod service;
pub mod starting;
pub mod stream_events;
pub mod template;
pub mod tls;
pub mod yaml;
