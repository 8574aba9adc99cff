//! A deterministic simulation of Coinolio Sync. Devices with clocks of their own, a network, functions and a store
//! all fail, and an oracle checks every result. docs/SIMULATION.md lists the laws that the oracle checks.
//!
//! One seed decides a whole run. [`Plan::new`] draws the plan from the seed, [`run`] executes it against the engine
//! of `coinolio-core` on a virtual clock, and [`shrink`] finds the shortest plan that still breaks a law.

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
pub use run::{RunResult, run};
pub use shrink::shrink;
pub use violation::{Law, Violation};
