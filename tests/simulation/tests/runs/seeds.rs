//! Seeds: they hold, and each is the same run every time.

use coinolio_simulation::{Met, Plan, Seeds, run, run_all};

#[test]
fn three_hundred_seeds_hold_and_meet_all_that_they_are_to_meet() {
    let seeds = Seeds {
        from: 0,
        to: 300,
        until: None,
    };
    let tally = run_all(seeds, None, 2);
    assert_eq!(tally.violations, []);
    assert_eq!(tally.seeds, 300);
    for (what, least) in [
        (Met::Version, 3_000),
        (Met::Conflict, 600),
        (Met::Removal, 200),
        (Met::Snapshot, 200),
        (Met::LostRace, 100),
        (Met::Repetition, 600),
        (Met::LostBase, 5),
        (Met::ForgottenBase, 5),
        (Met::LostRequest, 500),
        (Met::LostAnswer, 400),
        (Met::Double, 500),
        (Met::Delay, 300),
        (Met::Kill, 200),
        (Met::StoreFailure, 400),
        (Met::HiddenWrite, 20),
        (Met::RetriedWrite, 10),
        (Met::LateWrite, 10),
        (Met::Deletion, 40),
        (Met::Restore, 100),
        (Met::Replacement, 40),
        (Met::KeptMine, 50),
    ] {
        let met = tally.met.get(&what).copied().unwrap_or_default();
        assert!(met >= least, "only {met} {what}");
    }
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    for seed in 0..20 {
        let traces = [(), ()].map(|()| run(&Plan::new(seed), None, true).trace);
        assert!(!traces[0].is_empty());
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
}
