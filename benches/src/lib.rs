//! What the benchmarks share: the crates beside ours, and how a comparison is measured and printed.

pub mod differ;
pub mod measure;
pub mod table;
