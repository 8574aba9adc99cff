//! Executes one run and checks it.

use crate::met::Met;
use crate::mutant::Mutant;
use crate::plan::Plan;
use crate::quiet::quiesce;
use crate::violation::{Law, Violation};
use crate::world::World;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct RunResult {
    /// The law that the run broke, if any.
    pub violation: Option<Violation>,
    /// The situations that the run covered, and how often each occurred.
    pub met: BTreeMap<Met, u64>,
    /// The trace, line by line; empty if it was not asked for.
    pub trace: Vec<String>,
}

/// Executes `plan`, with the defect `mutant` if one is given. `traces` says whether to record a trace.
pub fn run(plan: &Plan, mutant: Option<Mutant>, traces: bool) -> RunResult {
    let mut world = match World::new(plan, mutant, traces) {
        Ok(world) => world,
        Err(error) => {
            return RunResult {
                violation: Some(Violation::new(Law::NoPanic, format!("the run cannot start: {error}"))),
                ..RunResult::default()
            };
        }
    };
    let shared = world.shared.clone();
    let result = catch_unwind(AssertUnwindSafe(|| {
        begin(&mut world)?;
        world.run()?;
        quiesce(&mut world)
    }));
    let violation = match result {
        Ok(result) => result.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Some(Violation::new(Law::NoPanic, text.unwrap_or("a panic")))
        }
    };
    let mut book = shared.book();
    RunResult {
        violation,
        met: std::mem::take(&mut book.met),
        trace: book.trace.take().unwrap_or_default(),
    }
}

/// Lets the first device create the portfolio, if the plan says that it exists at the start.
fn begin(world: &mut World<'_>) -> Result<(), Violation> {
    if world.plan.is_there {
        // A v1 device needs two syncs: the first tells it that the portfolio does not exist.
        world.shared.book().is_calm = true;
        world.sync_without_faults(0)?;
        world.sync_without_faults(0)?;
        world.shared.book().is_calm = false;
    }
    Ok(())
}
