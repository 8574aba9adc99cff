//! The oracle catches every defect within a few seeds that break no law without it.

use coinolio_simulation::{Law, Mutant, Plan, run, shrink};

/// Number of seeds within which each defect must be caught.
const SEEDS: u64 = 300;

/// Returns the law that the defect breaks first in at least one seed.
const fn broken_by(mutant: Mutant) -> Law {
    match mutant {
        Mutant::DroppedAppend | Mutant::StaleReads => Law::Freshness,
        Mutant::DroppedName => Law::Undo,
        Mutant::ForkedLog => Law::Chain,
        Mutant::ForgottenSyncIds | Mutant::MistakenRetry => Law::OneEffect,
        Mutant::TrustedClocks | Mutant::SwappedWinner | Mutant::IgnoredRanks => Law::TrueConflict,
        Mutant::UnorderedTimes => Law::Growth,
        Mutant::DroppedDeletions => Law::Deletion,
        Mutant::SilentMerge | Mutant::GuessedBase => Law::NoLoss,
        Mutant::TruncatedAnswer | Mutant::NewerEcho => Law::Rebase,
        Mutant::UnreportedConflicts => Law::ConflictsReported,
        Mutant::IgnoredBaseExpiry => Law::Refusal,
        Mutant::WrongSnapshot | Mutant::MisplacedSnapshot | Mutant::UncoveredRetention => Law::Reconstruction,
        Mutant::HastyRetention => Law::Retention,
    }
}

#[test]
fn the_oracle_catches_every_defect_by_the_law_that_it_breaks() {
    for mutant in Mutant::ALL {
        let law = broken_by(mutant);
        let is_caught = |seed: &u64| {
            let violation = run(&Plan::new(*seed), Some(mutant), false).violation;
            violation.is_some_and(|violation| violation.law == law)
        };
        let Some(seed) = (0..SEEDS).find(is_caught) else {
            panic!("{mutant} does not break {law:?} in any of {SEEDS} seeds");
        };
        assert_eq!(run(&Plan::new(seed), None, false).violation, None, "seed {seed}");
    }
}

#[test]
fn a_failing_run_shrinks_to_a_few_steps_and_traces_them() {
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
