//! Reduces a failing run to a short one that still breaks the same law.

use crate::mutant::Mutant;
use crate::plan::{FaultRates, Plan};
use crate::run::run;
use crate::violation::Law;

/// Maximum number of runs in one search.
const RUNS: usize = 3_000;

/// Returns `plan` without the steps and fault rates that breaking `law` does not need.
pub fn shrink(plan: &Plan, mutant: Option<Mutant>, law: Law) -> Plan {
    let mut search = Search {
        best: plan.clone(),
        mutant,
        law,
        left: RUNS,
    };
    search.calm();
    let mut size = search.best.steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < search.best.steps.len() {
            let mut shorter = search.best.clone();
            let end = (at + size).min(shorter.steps.len());
            shorter.steps.drain(at..end);
            if !search.adopts(shorter) {
                at += size;
            }
        }
        size /= 2;
    }
    search.calm();
    search.best
}

struct Search {
    best: Plan,
    mutant: Option<Mutant>,
    law: Law,
    left: usize,
}

impl Search {
    /// Adopts `plan` if it still breaks the law; returns whether it does.
    fn adopts(&mut self, plan: Plan) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            return false;
        };
        self.left = left;
        let breaks = run(&plan, self.mutant, false)
            .violation
            .is_some_and(|violation| violation.law == self.law);
        if breaks {
            self.best = plan;
        }
        breaks
    }

    /// Removes every fault that breaking the law does not need.
    fn calm(&mut self) {
        let calms: [fn(&mut Plan); 8] = [
            |plan| plan.fault_rates = FaultRates::default(),
            |plan| plan.fault_rates.drops = 0,
            |plan| plan.fault_rates.duplicates = 0,
            |plan| plan.fault_rates.delays = 0,
            |plan| plan.fault_rates.kills = 0,
            |plan| plan.fault_rates.store = 0,
            |plan| plan.page = None,
            |plan| plan.long = 0,
        ];
        for calm in calms {
            let mut calmer = self.best.clone();
            calm(&mut calmer);
            self.adopts(calmer);
        }
    }
}
