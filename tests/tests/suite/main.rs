//! The tests that need a running DynamoDB API or server: one binary, whose modules mirror what they test.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's failure is a panic")]

mod compaction_costs;
mod conformance;
mod devices;
mod dynamodb_costs;
mod dynamodb_faults;
mod isolation;
mod openapi;
mod routes;
mod samples;
mod stream;
mod sync_costs;
mod template;
