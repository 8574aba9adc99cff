//! Shared parts of the benchmarks: adapters for the crates compared with ours, measurement and output of a
//! comparison.

pub mod differ;
pub mod measure;
pub mod table;
