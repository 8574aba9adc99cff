//! Everything in Coinolio Sync that depends on AWS, HTTP or the environment.
//!
//! - [`config`]: the configuration from environment variables, and the SDK client that it describes.
//! - [`dynamodb`]: the store on DynamoDB: change log, directory, snapshots and devices.
//! - [`http`]: reads events of the HTTP API and writes their answers.
//! - [`invocation`]: one invocation, from its event to its answer and its log event.
//! - [`metrics`]: the metrics in the log events.
//! - [`registrar`]: the registration of devices when they sync.
//! - [`retry`]: the waits between attempts to append a change.
//! - [`routes`]: the functions, their operations and their routes.
//! - [`runtime`]: a function from its start to its end.
//! - [`telemetry`]: the log events.

mod app;
pub mod config;
pub mod dynamodb;
pub mod http;
pub mod invocation;
pub mod metrics;
pub mod registrar;
pub mod retry;
pub mod routes;
pub mod runtime;
pub mod telemetry;

pub use app::App;
