//! The edges of Coinolio Sync: what stands between the engine in `coinolio-core` and AWS.
//!
//! - [`http`]: the gateway's events in, its answers out.
//! - [`routes`]: the table of routes.

pub mod http;
pub mod routes;
