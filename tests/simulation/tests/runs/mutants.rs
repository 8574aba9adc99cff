//! The oracle catches defects: each within some seeds that hold without it.

use coinolio_simulation::{Law, Mutant, Plan, run, shrink};

/// Within how many seeds each defect must be caught.
const SEEDS: u64 = 300;

/// The law that a defect breaks in some seed before any other.
const fn broken_by(mutant: Mutant) -> Law {
    match mutant {
        Mutant::LostAppend | Mutant::StaleReads => Law::Freshness,
        Mutant::ForkedLog => Law::Chain,
        Mutant::ForgottenSyncIds | Mutant::MistakenRetry => Law::OneEffect,
        Mutant::TrustedClocks | Mutant::SwappedWinner | Mutant::IgnoredRanks => Law::TrueConflict,
        Mutant::PlainTimes => Law::Growth,
        Mutant::LostDeletions => Law::Deletion,
        Mutant::SilentMerge | Mutant::GuessedBase => Law::NoLoss,
        Mutant::TruncatedAnswer | Mutant::NewerEcho => Law::Rebase,
        Mutant::UntoldConflicts => Law::ConflictsTold,
        Mutant::IgnoredBaseLost => Law::Refusal,
        Mutant::WrongSnapshot | Mutant::MisplacedSnapshot | Mutant::UncoveredRetention => Law::Reconstruction,
        Mutant::HastyRetention => Law::Retention,
    }
}

#[test]
fn every_defect_is_caught_by_the_law_that_it_breaks_in_a_seed_that_holds_without_it() {
    for mutant in Mutant::ALL {
        let law = broken_by(mutant);
        let is_caught = |seed: &u64| {
            let violation = run(&Plan::new(*seed), Some(mutant), false).violation;
            violation.is_some_and(|violation| violation.law == law)
        };
        let Some(seed) = (0..SEEDS).find(is_caught) else {
            panic!("{mutant} breaks {law:?} in none of {SEEDS} seeds");
        };
        assert_eq!(run(&Plan::new(seed), None, false).violation, None, "seed {seed}");
    }
}

#[test]
fn a_broken_run_shrinks_to_few_steps_and_tells_them() {
    let mutant = Some(Mutant::SilentMerge);
    let broken = (0..SEEDS).map(Plan::new).find_map(|plan| {
        let violation = run(&plan, mutant, false).violation?;
        (violation.law == Law::NoLoss && plan.steps() > 40).then_some((plan, violation.law))
    });
    let (plan, law) = broken.unwrap();
    let shortest = shrink(&plan, mutant, law);
    assert!(shortest.steps() < 15, "{} of {} steps", shortest.steps(), plan.steps());
    let ran = run(&shortest, mutant, true);
    assert_eq!(ran.violation.map(|violation| violation.law), Some(law));
    assert!(
        ran.trace.iter().any(|line| line.contains(" edits: ")),
        "{:?}",
        ran.trace
    );
}
