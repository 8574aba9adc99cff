//! Runs of the simulation: seeds that hold, and defects that do not.

mod mutants;
mod seeds;
