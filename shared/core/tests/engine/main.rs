//! Tests the sync engine on the in-memory log: the reads and writes of each request, and its answer.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which fail by panicking"
)]

mod compact;
mod compare;
mod conflicts;
mod delta;
mod fixture;
mod history;
mod keep_mine;
mod replay;
mod restore;
#[path = "../retained/mod.rs"]
mod retained;
mod retention_fleet;
mod status;
mod undoing;
mod v2;
mod v2_base_at;
mod v2_base_expired;
mod v2_fleet;
mod v2_in_flight;
mod v2_races;
mod v2_rejoin;
mod v2_repeats;
mod v2_same_device;
mod v2_twins;
mod v2_undated;
mod v2_wipe;
mod wire;
