//! Seeds: they hold, and each is the same run every time.

use coinolio_simulation::{Plan, Seeds, run, run_all};

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
    // A simulation in which nothing collides and nothing expires would hold whatever the engine does.
    assert!(
        tally.versions > 2_000 && tally.conflicts > 400 && tally.removed > 20,
        "{tally:?}"
    );
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    for seed in 0..20 {
        let traces = [(), ()].map(|()| run(&Plan::new(seed), None, true).trace);
        assert!(!traces[0].is_empty());
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
}
