//! The edges of Coinolio Sync: what stands between the engine in `coinolio-core` and AWS.
//!
//! - [`config`]: the environment, and the SDK client that it asks for.
//! - [`dynamodb`]: the change log on DynamoDB.
//! - [`http`]: the gateway's events in, its answers out.
//! - [`routes`]: the table of routes.

pub mod config;
pub mod dynamodb;
pub mod http;
pub mod routes;
