//! Laws 2, 4, 5 and 6 over whole histories, with undelivered requests, unanswered syncs, duplicates and races.

use crate::fleet::{Event, Fate, Fleet, Write};
use crate::generate::{config, edit};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

fn event() -> impl Strategy<Value = Event> {
    let write = prop_oneof![
        3 => (0..5_u8, 0..8_usize).prop_map(|(path, index)| Write::Unique(path, index)),
        1 => edit().prop_map(Write::Any),
    ];
    let fates = [
        Fate::Answered,
        Fate::Answered,
        Fate::Answered,
        Fate::NotDelivered,
        Fate::Unanswered,
        Fate::Unanswered,
        Fate::ArrivesTwice,
    ];
    let who = || 0..12_usize;
    prop_oneof![
        8 => (who(), write).prop_map(|(who, write)| Event::Write(who, write)),
        5 => (who(), select(fates.to_vec())).prop_map(|(who, fate)| Event::Sync(who, fate)),
        1 => (who(), 0..8_usize).prop_map(|(who, which)| Event::Echo(who, which)),
        2 => (who(), who(), vec(any::<bool>(), 16), 1..4_u8).prop_map(|(one, other, mut turns, tries)| {
            // Each device gets a turn eventually.
            turns.extend([true, false]);
            Event::Race(one, other, turns, tries)
        }),
    ]
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn law_4_devices_that_sync_until_quiet_have_the_same_document_and_every_edit(
        skews in vec(-3..4_i64, 2..=4),
        events in vec(event(), 0..50),
    ) {
        let mut fleet = Fleet::of(&skews);
        events.iter().for_each(|event| fleet.play(event));
        fleet.sync_until_quiet();
        fleet.assert_converged();
        fleet.assert_no_edit_is_missing();
        fleet.assert_every_conflict_was_reported_to_its_devices();
        fleet.assert_the_log_is_a_chain();
    }
}

/// An event, or retention that removes many changes.
fn event_or_retention() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => event(),
        1 => (1..6_usize).prop_map(Event::Expire),
    ]
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn devices_whose_base_has_expired_converge_too_and_no_edit_is_missing(
        skews in vec(-3..4_i64, 2..=4),
        events in vec(event_or_retention(), 0..60),
    ) {
        let mut fleet = Fleet::of(&skews);
        events.iter().for_each(|event| fleet.play(event));
        fleet.sync_until_quiet();
        fleet.assert_converged();
        fleet.assert_no_edit_is_missing();
    }
}

#[test]
fn the_generated_histories_contain_expired_bases() {
    let mut runner = TestRunner::new(config(1));
    let strategy = vec(event_or_retention(), 40..60);
    let mut expired_bases = 0;
    for _ in 0..60 {
        let mut fleet = Fleet::of(&[0, 1, -1]);
        let events = strategy.new_tree(&mut runner).unwrap().current();
        events.iter().for_each(|event| fleet.play(event));
        expired_bases += fleet.expired_bases;
    }
    assert!(expired_bases >= 15, "{expired_bases} syncs whose base had expired");
}

#[test]
fn the_generated_histories_contain_conflicts_and_beaten_appends() {
    let mut runner = TestRunner::new(config(1));
    let strategy = vec(event(), 40..50);
    let (mut conflicts, mut retries) = (0, 0);
    for _ in 0..60 {
        let mut fleet = Fleet::of(&[0, 1, -1]);
        let events = strategy.new_tree(&mut runner).unwrap().current();
        events.iter().for_each(|event| fleet.play(event));
        fleet.sync_until_quiet();
        conflicts += fleet.conflicts().len();
        retries += fleet.retries;
    }
    assert!(
        conflicts >= 60 && retries >= 10,
        "{conflicts} conflicts, {retries} retries"
    );
}

fn unique(who: usize, path: u8) -> Event {
    Event::Write(who, Write::Unique(path, 0))
}

#[test]
fn two_devices_that_create_the_portfolio_offline_merge() {
    let mut fleet = Fleet::of(&[0, 0]);
    for event in [
        unique(0, 0),
        unique(1, 1),
        unique(1, 0),
        Event::Sync(0, Fate::Unanswered),
        Event::Sync(1, Fate::Unanswered),
    ] {
        fleet.play(&event);
    }
    fleet.sync_until_quiet();
    fleet.assert_converged();
    fleet.assert_no_edit_is_missing();
    fleet.assert_every_conflict_was_reported_to_its_devices();
}

#[test]
fn two_devices_that_create_the_portfolio_at_once_merge() {
    for turns in [
        [true, false, true, false],
        [false, true, true, false],
        [true, true, false, false],
    ] {
        let mut fleet = Fleet::of(&[0, 0]);
        for event in [unique(0, 0), unique(1, 0), Event::Race(0, 1, turns.to_vec(), 3)] {
            fleet.play(&event);
        }
        fleet.sync_until_quiet();
        fleet.assert_converged();
        fleet.assert_no_edit_is_missing();
    }
}

#[test]
fn a_sync_repeated_after_others_have_written_has_one_effect() {
    let mut fleet = Fleet::of(&[0, 0, 0]);
    for event in [
        Event::Sync(0, Fate::Answered),
        Event::Sync(1, Fate::Answered),
        unique(0, 1),
        Event::Sync(0, Fate::Unanswered),
        unique(1, 1),
        Event::Sync(1, Fate::ArrivesTwice),
        Event::Sync(2, Fate::Answered),
        unique(2, 1),
        Event::Sync(2, Fate::Answered),
        Event::Sync(0, Fate::ArrivesTwice),
        Event::Echo(0, 0),
        Event::Echo(0, 1),
        Event::Echo(1, 1),
    ] {
        fleet.play(&event);
    }
    fleet.sync_until_quiet();
    fleet.assert_converged();
    fleet.assert_no_edit_is_missing();
    fleet.assert_the_log_is_a_chain();
}
