//! The log in memory.

/// The log in memory.
#[derive(Debug, Default)]
pub struct MemoryLog;
