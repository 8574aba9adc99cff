//! Executes many runs on several threads.

use crate::met::Met;
use crate::mutant::Mutant;
use crate::plan::Plan;
use crate::run::run;
use crate::violation::Violation;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The runs to execute.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    /// The first seed.
    pub from: u64,
    /// The seed after the last one.
    pub to: u64,
    /// When to stop early, if at all.
    pub until: Option<Instant>,
}

/// The combined result of many runs.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Number of runs.
    pub seeds: u64,
    /// The situations that the runs covered, and how often each occurred.
    pub met: BTreeMap<Met, u64>,
    /// The runs that broke a law, with their seeds.
    pub violations: Vec<(u64, Violation)>,
}

/// Runs all `seeds` on `jobs` threads.
pub fn run_all(seeds: Seeds, mutant: Option<Mutant>, jobs: usize) -> Tally {
    let next = AtomicU64::new(seeds.from);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while seeds.until.is_none_or(|until| Instant::now() < until) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.to {
                        break;
                    }
                    let ran = run(&Plan::new(seed), mutant, false);
                    let mut tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    tally.seeds += 1;
                    for (situation, count) in ran.met {
                        *tally.met.entry(situation).or_default() += count;
                    }
                    tally
                        .violations
                        .extend(ran.violation.map(|violation| (seed, violation)));
                }
            });
        }
    });
    let mut tally = tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    tally.violations.sort_by_key(|(seed, _)| *seed);
    tally
}
