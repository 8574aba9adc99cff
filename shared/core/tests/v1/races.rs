//! Syncs that are overtaken, by another writer or by their own earlier attempt, between their read and their append.

use crate::probe::Fate;
use crate::world::{Attempts, World, body, data, run, value};
use coinolio_core::Code;
use coinolio_core::log::{Change, Draft, Kind};
use coinolio_core::wire::v1::SyncRequest;

#[test]
fn a_beaten_sync_merges_with_the_faster_change() {
    let world = World::new(r#"{"a":1,"b":1}"#);
    let faster = world.edit("tablet", r#"{"a":1,"b":2}"#);
    world.log.next_append(Fate::ComesSecond(Box::new(faster)));
    let answered = world.try_sync(&body("phone", 1, r#"{"a":2,"b":1}"#)).unwrap();
    assert_eq!(data(&answered.answer), value(r#"{"a":2,"b":2}"#));
    assert_eq!(answered.answer.version, 3);
    assert_eq!(world.log.take_requests(), ["since", "append", "since", "append"]);
    assert_eq!(world.document(), value(r#"{"a":2,"b":2}"#));
}

#[test]
fn a_beaten_sync_reads_only_the_new_changes() {
    let world = World::new(r#"{"a":1,"b":1}"#);
    world.write("tablet", r#"{"a":1,"b":2}"#);
    world.write("tablet", r#"{"a":1,"b":3}"#);
    let faster = world.edit("tablet", r#"{"a":1,"b":4}"#);
    world.log.next_append(Fate::ComesSecond(Box::new(faster)));
    world.log.take_requests();
    assert_eq!(world.sync_as("phone", 2, r#"{"a":2,"b":2}"#).version, 5);
    assert_eq!(
        world.log.take_requests(),
        ["since", "snapshot_before", "between", "append", "since", "append"]
    );
}

#[test]
fn a_sync_beaten_twice_merges_with_both_changes() {
    let world = World::new(r#"{"a":1,"b":1,"c":1}"#);
    world.write("tablet", r#"{"a":1,"b":2,"c":1}"#);
    let third = world.edit("tablet", r#"{"a":1,"b":2,"c":2}"#);
    world.log.next_append(Fate::ComesSecond(Box::new(third)));
    let mut fourth = world.edit("watch", r#"{"a":1,"b":2,"c":1,"d":2}"#);
    (fourth.parent, fourth.version) = (3, 4);
    world.log.next_append(Fate::ComesSecond(Box::new(fourth)));
    let answer = world.sync_as("phone", 1, r#"{"a":2,"b":1,"c":1}"#);
    assert_eq!(
        (answer.version, data(&answer)),
        (5, value(r#"{"a":2,"b":2,"c":2,"d":2}"#))
    );
}

#[test]
fn a_sync_beaten_at_every_attempt_is_answered_with_busy() {
    let world = World::new(r#"{"a":1}"#);
    let faster = world.edit("tablet", r#"{"a":1,"b":2}"#);
    world.log.next_append(Fate::ComesSecond(Box::new(faster)));
    let request = SyncRequest::from_json(value(&body("phone", 1, r#"{"a":2}"#))).unwrap();
    let refused = run(world.portfolio().sync_v1(&mut Attempts(0), request, world.tick()));
    assert_eq!(refused.map(|_| ()).map_err(|error| error.code), Err(Code::Busy));
    assert_eq!(world.document(), value(r#"{"a":1,"b":2}"#));
}

#[test]
fn a_sync_beaten_by_a_deletion_is_answered_with_deleted() {
    let world = World::new(r#"{"a":1}"#);
    let deletion = Draft {
        kind: Kind::Deleted,
        ..world.edit("tablet", r#"{"a":1}"#)
    };
    world.log.next_append(Fate::ComesSecond(Box::new(deletion)));
    let refused = world.try_sync(&body("phone", 1, r#"{"a":2}"#));
    assert_eq!(refused.map(|_| ()).map_err(|error| error.code), Err(Code::Deleted));
}

#[test]
fn a_sync_that_finds_its_own_unanswered_attempt_succeeds() {
    for (client_version, changes, a) in [(1, 2, 2), (0, 1, 1), (7, 1, 1)] {
        let world = World::new(r#"{"a":1}"#);
        world.log.next_append(Fate::HiddenSuccess);
        let answer = world.sync_as("phone", client_version, r#"{"a":2,"b":1}"#);
        assert_eq!(answer.changes.len(), changes, "this sync made these changes");
        assert_eq!(data(&answer), value(&format!(r#"{{"a":{a},"b":1}}"#)));
        assert_eq!(world.changes().len(), 2, "one effect");
        assert_eq!(answer.version, world.version());
    }
}

#[test]
fn a_sync_overtaken_by_its_own_duplicate_has_one_effect() {
    let world = World::new(r#"{"a":1}"#);
    // Between this request's read and its append, first the tablet writes and then the duplicate is carried out.
    let scout = World::new(r#"{"a":1}"#);
    let tablet = world.edit("tablet", r#"{"a":1,"b":1}"#);
    scout.write("tablet", r#"{"a":1,"b":1}"#);
    scout.sync_as("phone", 1, r#"{"a":2}"#);
    let [merged, parent, _] = <[Change; 3]>::try_from(scout.changes()).unwrap();
    let duplicate = Draft {
        device_id: merged.device_id,
        fingerprint: merged.fingerprint,
        ..Draft::on(
            Some(&parent),
            parent.extent,
            merged.kind,
            merged.patch.unwrap(),
            merged.last_sync_at,
        )
    };
    world.log.next_append(Fate::ComesSecond(Box::new(tablet)));
    world.log.next_append(Fate::ComesSecond(Box::new(duplicate)));
    let answer = world.sync_as("phone", 1, r#"{"a":2}"#);
    assert_eq!((answer.version, world.changes().len()), (3, 3));
    assert_eq!(data(&answer), value(r#"{"a":2,"b":1}"#));
}
