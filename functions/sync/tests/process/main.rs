//! Starts the function's binary as Lambda does, and tests its start, its users, the events that it refuses, and its
//! memory.

#![cfg(test)]

mod events;
mod identity;
#[cfg(target_os = "linux")]
mod memory;
mod start;

/// The path of the function's binary.
const SYNC: &str = env!("CARGO_BIN_EXE_sync");
