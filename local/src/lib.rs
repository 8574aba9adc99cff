//! Coinolio Sync on one machine: the Lambda functions' handlers behind a local API Gateway, on an
//! embedded DynamoDB.
//!
//! [`server::Server`] starts all of it in process, on free ports if need be: the program, the tests and
//! the benchmarks use the same one.

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

/// The server makes and drops many small values on few threads: mimalloc takes half of the time for that
/// which the system's allocator takes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
