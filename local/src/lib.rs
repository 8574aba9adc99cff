//! Coinolio Sync on one machine: the Lambda functions' handlers behind a local API Gateway, on an
//! embedded DynamoDB.
//!
//! [`server::Server`] starts all of it in one process, on free ports unless told otherwise. The program, the
//! tests and the benchmarks use the same server.

pub mod banner;
pub mod checkout;
pub mod cli;
pub mod demo;
pub mod device;
pub mod error;
pub mod folder;
pub mod functions;
pub mod gateway;
pub mod listen;
pub mod secret;
pub mod server;
pub mod signals;
pub mod store;
pub mod stream;
pub mod token;

/// The server allocates and frees many small values on few threads. mimalloc does that in half the time of
/// the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
