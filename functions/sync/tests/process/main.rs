//! The function as Lambda starts it: what it needs to start, who asks, and what it says to events it does not take.

#![cfg(test)]

mod events;
mod identity;
#[cfg(target_os = "linux")]
mod memory;
mod start;

/// The function's binary.
const SYNC: &str = env!("CARGO_BIN_EXE_sync");
