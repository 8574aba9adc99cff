//! Support for tests and benchmarks: generated portfolios, a running DynamoDB API, ways to make it fail, and the
//! functions on top of it.
//!
//! The tests themselves are one binary, `tests/suite`, so that they are linked once. Its modules mirror the code that
//! they test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a failure is a panic"
)]

pub mod answered;
pub mod contract;
pub mod declared;
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
