//! The edges of Coinolio Sync: everything that knows AWS, HTTP or the environment.
//!
//! - [`config`]: the environment, and the SDK client that it asks for.
//! - [`dynamodb`]: the change log on DynamoDB.
//! - [`http`]: the gateway's events in, its answers out.
//! - [`invocation`]: one event's way from the one to the other.
//! - [`registrar`]: devices, registered by their syncs.
//! - [`retry`]: waiting between attempts at the head.
//! - [`routes`]: the table of routes.
//! - [`runtime`]: a function from its start to its end.
//! - [`stream`]: the batches of the table's stream.
//! - [`telemetry`]: what an invocation says about itself.

mod app;
pub mod config;
pub mod dynamodb;
pub mod http;
pub mod invocation;
pub mod registrar;
pub mod retry;
pub mod routes;
pub mod runtime;
pub mod stream;
pub mod telemetry;

pub use app::App;
