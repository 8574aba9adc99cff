//! Seeds break no law, and each one always gives the same run.

use coinolio_simulation::{Met, Plan, Seeds, run, run_all};

#[test]
fn three_hundred_seeds_break_no_law_and_cover_every_situation() {
    let seeds = Seeds {
        from: 0,
        to: 300,
        until: None,
    };
    let tally = run_all(seeds, None, 2);
    assert_eq!(tally.violations, []);
    assert_eq!(tally.seeds, 300);
    for (situation, least) in [
        (Met::Version, 3_000),
        (Met::Conflict, 600),
        (Met::Removal, 200),
        (Met::Snapshot, 200),
        (Met::BeatenAppend, 100),
        (Met::RepeatedSync, 600),
        (Met::ExpiredBaseV2, 5),
        (Met::ExpiredBaseV1, 5),
        (Met::DroppedRequest, 500),
        (Met::DroppedAnswer, 400),
        (Met::DuplicateRequest, 500),
        (Met::Delay, 300),
        (Met::Kill, 200),
        (Met::StoreFailure, 400),
        (Met::UnacknowledgedWrite, 20),
        (Met::RetriedWrite, 10),
        (Met::LateWrite, 10),
        (Met::Deletion, 40),
        (Met::Restore, 100),
        (Met::Replacement, 40),
        (Met::Rename, 20),
        (Met::KeptMine, 50),
    ] {
        let met = tally.met.get(&situation).copied().unwrap_or_default();
        assert!(met >= least, "only {met} {situation}");
    }
}

#[test]
fn a_seed_always_gives_the_same_run() {
    for seed in 0..20 {
        let traces = [(), ()].map(|()| run(&Plan::new(seed), None, true).trace);
        assert!(!traces[0].is_empty());
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
}
