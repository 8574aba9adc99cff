//! The function's process, started as Lambda starts it: its environment, the caller's identity, memory, refused events.

#![cfg(test)]

mod events;
mod identity;
#[cfg(target_os = "linux")]
mod memory;
mod start;

/// The function's binary.
const SYNC: &str = env!("CARGO_BIN_EXE_sync");
