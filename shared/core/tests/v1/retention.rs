//! v1: a phone whose base has expired. It then has no base: nothing counts as deleted, and the two documents are merged
//! as if each side had added everything in its own.

use crate::retained::{Retained, snapshot};
use crate::world::{Attempts, World, body, data, run, value};
use coinolio_core::json::Value;
use coinolio_core::log::Version;
use coinolio_core::portfolio::Portfolio;
use coinolio_core::wire::v1::{SyncRequest, SyncResponse};

/// The request by which [`Retained`] asks the whole log for the oldest retained change.
const OLDEST: &str = "oldest_since";

/// Creates a portfolio of six versions, of which only those after the fourth are retained. Also returns their times.
fn six_versions() -> (World, Vec<String>) {
    let world = World::new(r#"{"a":1,"b":1}"#);
    let mut times = vec![world.head().last_sync_at.to_string()];
    for document in [
        r#"{"a":1,"b":1,"t":[{"id":1}]}"#,
        r#"{"a":3,"b":1,"t":[{"id":1}]}"#,
        r#"{"a":4,"b":1,"t":[{"id":1},{"id":2}]}"#,
        r#"{"a":4,"b":5,"t":[{"id":2}]}"#,
        r#"{"a":4,"b":6,"t":[{"id":2}]}"#,
    ] {
        world.write("tablet", document);
        times.push(world.head().last_sync_at.to_string());
    }
    run(snapshot(&world.log.log, &world.key, RETAINED_FROM));
    world.log.take_requests();
    (world, times)
}

const RETAINED_FROM: Version = 4;

fn sync(world: &World, body: &str) -> SyncResponse {
    let retained = Retained::after(&world.log, RETAINED_FROM);
    let request = SyncRequest::from_json(value(body)).unwrap();
    run(Portfolio::new(&retained, &world.key).sync_v1(&mut Attempts(3), request, world.tick()))
        .unwrap()
        .answer
}

/// Returns three requests that name `version` as the base: by an echoed base, by a time, and by `client_version`.
fn claims(version: usize, times: &[String], document: &str) -> [String; 3] {
    let rest = document.strip_suffix('}').unwrap();
    let client_version = version;
    [
        format!(
            r#"{{"device_id":"phone","client_version":{client_version},"client_data":{rest},"metadata":{{"base":{version}}}}}}}"#
        ),
        format!(
            r#"{{"device_id":"phone","client_version":{client_version},"last_sync_at":"{}","client_data":{document}}}"#,
            times[version - 1]
        ),
        body("phone", version as Version, document),
    ]
}

fn conflicts(answer: &SyncResponse) -> Vec<(String, Option<Value>, Option<Value>)> {
    let conflicts = answer.conflicts.iter().map(|record| &record.conflict);
    conflicts
        .map(|c| (c.path.dotted(), c.client.value.clone(), c.server.value.clone()))
        .collect()
}

#[test]
fn every_value_from_a_phone_with_an_expired_base_is_stored_or_in_a_conflict() {
    for way in 0..3 {
        let (world, times) = six_versions();
        // Version 2 with `a` edited, `new` added and element 1 removed.
        let answer = sync(&world, &claims(2, &times, r#"{"a":9,"b":1,"new":7,"t":[]}"#)[way]);
        let document = data(&answer);
        assert_eq!(answer.version, 7);
        assert_eq!(document, world.document());
        let conflicts = conflicts(&answer);
        let paths: Vec<_> = conflicts.iter().map(|(path, ..)| path.as_str()).collect();
        assert_eq!(
            paths,
            ["a", "b"],
            "without a base, an old value cannot be told from a new one"
        );
        for (path, client, server) in &conflicts {
            let members = document.as_object().unwrap();
            let current = members.get(path.as_str()).cloned();
            assert!(current == *client || current == *server, "{path}");
            assert_ne!(client, server);
        }
        let members = document.as_object().unwrap();
        assert_eq!(members["new"], 7.into());
        assert_eq!(
            members["t"],
            value(r#"[{"id":2}]"#),
            "no value of another device counts as deleted"
        );
    }
}

#[test]
fn elements_that_only_the_phone_has_are_added() {
    let (world, times) = six_versions();
    let answer = sync(
        &world,
        &claims(2, &times, r#"{"a":4,"b":6,"t":[{"id":1},{"id":3}]}"#)[0],
    );
    assert_eq!(
        data(&answer),
        value(r#"{"a":4,"b":6,"t":[{"id":2},{"id":1},{"id":3}]}"#)
    );
    assert!(answer.conflicts.is_empty());
}

#[test]
fn one_request_tells_that_a_time_is_older_than_every_retained_change() {
    let (world, times) = six_versions();
    sync(&world, &claims(2, &times, r#"{"a":4,"b":6,"t":[{"id":2}]}"#)[1]);
    let requests = world.log.take_requests();
    assert_eq!(requests, ["since", OLDEST, "between", "snapshot_before"]);
}

#[test]
fn the_parent_of_the_oldest_retained_change_is_still_a_base() {
    for way in [0, 2] {
        let (world, times) = six_versions();
        let answer = sync(&world, &claims(4, &times, r#"{"a":4,"b":1,"t":[{"id":1}]}"#)[way]);
        assert_eq!(
            data(&answer),
            value(r#"{"a":4,"b":6,"t":[]}"#),
            "the phone's deletion counts"
        );
        assert!(answer.conflicts.is_empty());
    }
}

#[test]
fn a_phone_that_counts_its_edits_on_an_expired_base_reverts_no_other_device() {
    let (world, times) = six_versions();
    // Version 4, whose time has expired, with two edits counted on top: 6 is also a version of the tablet's.
    let counted = format!(
        r#"{{"device_id":"phone","client_version":6,"last_sync_at":"{}","client_data":{{"a":9,"b":1,"new":7,"t":[{{"id":1}},{{"id":2}}]}}}}"#,
        times[3]
    );
    let answer = sync(&world, &counted);
    let conflicts = conflicts(&answer);
    let paths: Vec<_> = conflicts.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(
        paths,
        ["a", "b"],
        "the tablet's edit of `b` is in a conflict, not silently reverted"
    );
}

#[test]
fn a_phone_that_counts_its_edits_reverts_no_other_device_while_its_base_expires() {
    let (world, times) = six_versions();
    let mut going = world.changes();
    going.retain(|change| change.version <= RETAINED_FROM);
    going.reverse();
    world.log.let_expire(going);
    // Version 3 with three edits counted on top.
    let answer = world.sync(&format!(
        r#"{{"device_id":"phone","client_version":6,"last_sync_at":"{}","client_data":{{"a":9,"b":1,"new":7,"more":8,"t":[{{"id":1}}]}}}}"#,
        times[2]
    ));
    let conflicts = conflicts(&answer);
    let paths: Vec<_> = conflicts.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(
        paths,
        ["a", "b"],
        "the tablet's edit of `b` is in a conflict, not silently reverted"
    );
}

#[test]
fn a_value_older_than_every_retained_change_does_not_count_as_the_phones_own() {
    let world = World::new(r#"{"a":1,"l":["x"]}"#);
    world.write("tablet", r#"{"a":2,"l":["x"]}"#);
    world.write("tablet", r#"{"a":3,"l":["x"]}"#);
    run(snapshot(&world.log.log, &world.key, 2));
    let retained = Retained::after(&world.log, 2);
    let sync = |document| {
        let request = SyncRequest::from_json(value(&body("phone", 0, document))).unwrap();
        let synced = run(Portfolio::new(&retained, &world.key).sync_v1(&mut Attempts(3), request, world.tick()));
        synced.unwrap().answer
    };
    // The phone adds its own element to a list that other devices wrote.
    assert_eq!(sync(r#"{"a":3,"l":["x","y"]}"#).version, 4);
    let answer = sync(r#"{"a":3,"l":"z"}"#);
    assert_eq!(
        conflicts(&answer),
        [("l".to_owned(), Some("z".into()), Some(value(r#"["x","y"]"#)))]
    );
    assert_eq!(answer.conflicts[0].conflict.server.device_id, None);
}

#[test]
fn a_request_repeated_by_a_phone_with_an_expired_base_has_one_effect() {
    let (world, times) = six_versions();
    let request = &claims(2, &times, r#"{"a":9,"b":6,"t":[]}"#)[0];
    let first = sync(&world, request);
    let again = sync(&world, request);
    assert_eq!((again.version, data(&again)), (first.version, data(&first)));
    assert_eq!(again.conflicts, first.conflicts);
    assert_eq!(world.version(), 7);
}
