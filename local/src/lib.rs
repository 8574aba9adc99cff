//! Coinolio Sync on one machine: the Lambda functions' handlers behind a local API Gateway, on an
//! embedded DynamoDB.

pub mod checkout;
pub mod cli;
pub mod device;
pub mod error;
pub mod folder;
pub mod gateway;
pub mod listen;
pub mod secret;
pub mod signals;
pub mod store;
pub mod token;
