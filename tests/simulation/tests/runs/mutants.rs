//! The oracle catches defects: each within some seeds that hold without it.

use coinolio_simulation::{Law, Mutant, Plan, run, shrink};

/// Within how many seeds each defect must be caught.
const SEEDS: u64 = 300;

/// The laws that a defect may be caught by, the first of which it breaks in some seed.
fn laws(mutant: Mutant) -> &'static [Law] {
    match mutant {
        Mutant::LostAppend => &[Law::Freshness, Law::Chain, Law::Refusal],
        Mutant::ForkedLog => &[Law::Chain, Law::OneEffect],
        Mutant::StaleReads => &[Law::Freshness],
        Mutant::ForgottenSyncIds | Mutant::MistakenRetry => &[Law::OneEffect],
        Mutant::TrustedClocks | Mutant::SwappedWinner | Mutant::IgnoredRanks => &[Law::TrueConflict],
        Mutant::PlainTimes => &[Law::Growth],
        Mutant::LostDeletions => &[Law::Deletion, Law::Rebase, Law::Undo],
        Mutant::SilentMerge => &[Law::NoLoss, Law::ConflictsTold],
        Mutant::TruncatedAnswer | Mutant::NewerEcho => &[Law::Rebase],
        Mutant::UntoldConflicts => &[Law::ConflictsTold],
        Mutant::IgnoredBaseLost => &[Law::Refusal],
        Mutant::GuessedBase => &[Law::NoLoss, Law::TrueConflict],
        Mutant::WrongSnapshot | Mutant::MisplacedSnapshot => &[
            Law::Reconstruction,
            Law::Rebase,
            Law::TrueConflict,
            Law::NoLoss,
            Law::Undo,
            Law::Refusal,
        ],
        Mutant::UncoveredRetention => &[Law::Reconstruction, Law::Refusal],
        Mutant::HastyRetention => &[Law::Retention],
    }
}

#[test]
fn every_defect_is_caught_by_the_law_that_it_breaks_and_no_law_is_broken_without_it() {
    for mutant in Mutant::ALL {
        let laws = laws(mutant);
        let mut caught = Vec::new();
        for seed in 0..SEEDS {
            let plan = Plan::new(seed);
            let Some(violation) = run(&plan, Some(mutant), false).violation else {
                continue;
            };
            assert!(laws.contains(&violation.law), "{mutant} in seed {seed}: {violation}");
            assert_eq!(run(&plan, None, false).violation, None, "seed {seed}");
            caught.push(violation.law);
            if violation.law == laws[0] {
                break;
            }
        }
        assert!(
            caught.contains(&laws[0]),
            "{mutant}: {SEEDS} seeds break only {caught:?}"
        );
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
