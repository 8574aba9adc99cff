//! Runs, one after the other or several at once.

use crate::met::Met;
use crate::mutant::Mutant;
use crate::plan::Plan;
use crate::quiet::settle;
use crate::violation::{Law, Violation};
use crate::world::World;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// The law that it broke, where it did.
    pub violation: Option<Violation>,
    /// What it met, and how often.
    pub met: BTreeMap<Met, u64>,
    /// What happened, line by line, where that was asked for.
    pub trace: Vec<String>,
}

/// Runs `plan`, on an engine with `mutant` where there is one.
pub fn run(plan: &Plan, mutant: Option<Mutant>, traces: bool) -> Ran {
    let mut world = match World::new(plan, mutant, traces) {
        Ok(world) => world,
        Err(error) => {
            return Ran {
                violation: Some(Violation::new(
                    Law::NoPanic,
                    format!("the world does not begin: {error}"),
                )),
                ..Ran::default()
            };
        }
    };
    let shared = world.shared.clone();
    let held = catch_unwind(AssertUnwindSafe(|| {
        begin(&mut world)?;
        world.run()?;
        settle(&mut world)
    }));
    let violation = match held {
        Ok(held) => held.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Some(Violation::new(Law::NoPanic, text.unwrap_or("a panic")))
        }
    };
    let mut book = shared.book();
    Ran {
        violation,
        met: std::mem::take(&mut book.met),
        trace: book.trace.take().unwrap_or_default(),
    }
}

/// The first device makes the portfolio, where it is to be there at the start.
fn begin(world: &mut World<'_>) -> Result<(), Violation> {
    if world.plan.is_there {
        // A v1 device first hears that there is none.
        world.shared.book().is_calm = true;
        world.sync_calmly(0)?;
        world.sync_calmly(0)?;
        world.shared.book().is_calm = false;
    }
    Ok(())
}
