//! A deterministic simulation of Coinolio Sync: devices with clocks of their own, a network, functions and a store
//! that all fail, and an oracle that knows what must come of it. docs/SIMULATION.md says what it claims.
//!
//! One seed decides a whole run: [`Plan::new`] draws it, [`run`] plays it on the engine of `coinolio-core` by a virtual
//! clock, [`shrink`] finds the shortest run that still breaks a law.

mod chance;
mod device;
mod edit;
mod fleet;
mod met;
mod model;
mod mutant;
mod oracle;
mod plan;
mod quiet;
mod run;
mod server;
mod shrink;
mod store;
mod violation;
mod world;

pub use fleet::{Seeds, Tally, run_all};
pub use met::Met;
pub use mutant::Mutant;
pub use plan::Plan;
pub use run::{Ran, run};
pub use shrink::shrink;
pub use violation::{Law, Violation};
