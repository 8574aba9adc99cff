//! Support for tests and benchmarks: generated portfolios, a DynamoDB API, faults in front of it, and the functions
//! that use it.
//!
//! The tests themselves are one binary, `tests/suite`, so that they are linked only once. Its modules mirror the
//! code that they test.

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
pub mod examples;
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
