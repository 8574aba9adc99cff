//! From a run that breaks a law to the shortest that still does.

use crate::mutant::Mutant;
use crate::plan::{Plan, Weather};
use crate::run::run;
use crate::violation::Law;

/// How many runs a search takes at most.
const RUNS: usize = 3_000;

/// The plan without the steps and the weather that breaking `law` does not need.
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
            if !search.takes(shorter) {
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
    /// Takes `plan` where it still breaks the law.
    fn takes(&mut self, plan: Plan) -> bool {
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

    /// Leaves out what goes wrong for nothing.
    fn calm(&mut self) {
        let calms: [fn(&mut Plan); 8] = [
            |plan| plan.weather = Weather::default(),
            |plan| plan.weather.losses = 0,
            |plan| plan.weather.duplicates = 0,
            |plan| plan.weather.delays = 0,
            |plan| plan.weather.kills = 0,
            |plan| plan.weather.store = 0,
            |plan| plan.page = None,
            |plan| plan.long = 0,
        ];
        for calm in calms {
            let mut calmer = self.best.clone();
            calm(&mut calmer);
            self.takes(calmer);
        }
    }
}
