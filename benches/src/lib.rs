//! Code that the benchmarks share: adapters for the crates that are compared with ours, and the measurement and
//! output of comparisons.

pub mod differ;
pub mod measure;
pub mod table;
