//! Runs of the simulation: seeds that break no law, and defects that do.

mod mutants;
mod seeds;
