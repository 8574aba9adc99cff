//! v1: a phone whose base retention has removed. There is then no base: nothing counts as deleted, and both documents
//! are merged as if both had added all they hold.

use crate::retained::{Retained, snapshot};
use crate::world::{Attempts, World, body, data, run, value};
use coinolio_core::json::Value;
use coinolio_core::log::Version;
use coinolio_core::sync::sync_v1;
use coinolio_core::wire::v1::{SyncRequest, SyncResponse};

/// How the whole log behind one that is cut short is asked for the oldest change kept.
const OLDEST: &str = "oldest_since";

/// Six versions by the tablet, of which retention has kept those after the fourth; and the time of each.
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
    run(snapshot(&world.log.log, &world.key, KEPT_FROM));
    world.log.take_requests();
    (world, times)
}

const KEPT_FROM: Version = 4;

fn sync(world: &World, body: &str) -> SyncResponse {
    let kept = Retained::after(&world.log, KEPT_FROM);
    let request = SyncRequest::from_json(value(body)).unwrap();
    run(sync_v1(&kept, &mut Attempts(3), &world.key, request, world.tick()))
        .unwrap()
        .answer
}

/// The three ways in which a phone of version `version` says what its document was made from.
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
fn nothing_is_lost_of_what_a_phone_behind_retention_sends() {
    for way in 0..3 {
        let (world, times) = six_versions();
        // Version 2 with `a` edited, `new` added and the element 1 taken out.
        let answer = sync(&world, &claims(2, &times, r#"{"a":9,"b":1,"new":7,"t":[]}"#)[way]);
        let document = data(&answer);
        assert_eq!(answer.version, 7);
        assert_eq!(document, world.document());
        let conflicts = conflicts(&answer);
        let paths: Vec<_> = conflicts.iter().map(|(path, ..)| path.as_str()).collect();
        assert_eq!(
            paths,
            ["a", "b"],
            "an old value and a new one cannot be told apart without a base"
        );
        for (path, client, server) in &conflicts {
            let members = document.as_object().unwrap();
            let stands = members.get(path.as_str()).cloned();
            assert!(stands == *client || stands == *server, "{path}");
            assert_ne!(client, server);
        }
        let members = document.as_object().unwrap();
        assert_eq!(members["new"], 7.into());
        assert_eq!(
            members["t"],
            value(r#"[{"id":2}]"#),
            "nothing of the others' is taken as deleted"
        );
    }
}

#[test]
fn an_element_that_only_the_phone_has_comes_back() {
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
fn a_time_from_before_all_that_is_kept_is_told_by_one_request() {
    let (world, times) = six_versions();
    sync(&world, &claims(2, &times, r#"{"a":4,"b":6,"t":[{"id":2}]}"#)[1]);
    let requests = world.log.take_requests();
    assert_eq!(requests, ["since", OLDEST, "between", "snapshot_before"]);
}

#[test]
fn the_version_that_the_oldest_change_was_made_on_is_still_a_base() {
    for way in [0, 2] {
        let (world, times) = six_versions();
        let answer = sync(&world, &claims(4, &times, r#"{"a":4,"b":1,"t":[{"id":1}]}"#)[way]);
        assert_eq!(
            data(&answer),
            value(r#"{"a":4,"b":6,"t":[]}"#),
            "so that its deletion counts"
        );
        assert!(answer.conflicts.is_empty());
    }
}

#[test]
fn a_phone_that_counts_its_edits_behind_retention_reverts_nobody() {
    let (world, times) = six_versions();
    // Version 4, whose time is no longer kept, with two edits on top: the count is a version of the tablet's.
    let counted = format!(
        r#"{{"device_id":"phone","client_version":6,"last_sync_at":"{}","client_data":{{"a":9,"b":1,"new":7,"t":[{{"id":1}},{{"id":2}}]}}}}"#,
        times[3]
    );
    let answer = sync(&world, &counted);
    let conflicts = conflicts(&answer);
    let paths: Vec<_> = conflicts.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(paths, ["a", "b"], "the tablet's edit of `b` is not reverted unheard");
}

#[test]
fn a_phone_that_counts_its_edits_reverts_nobody_while_retention_removes_its_base() {
    let (world, times) = six_versions();
    let mut going = world.changes();
    going.retain(|change| change.version <= KEPT_FROM);
    going.reverse();
    world.log.let_expire(going);
    // Version 3 with three edits on top.
    let answer = world.sync(&format!(
        r#"{{"device_id":"phone","client_version":6,"last_sync_at":"{}","client_data":{{"a":9,"b":1,"new":7,"more":8,"t":[{{"id":1}}]}}}}"#,
        times[2]
    ));
    let conflicts = conflicts(&answer);
    let paths: Vec<_> = conflicts.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(paths, ["a", "b"], "the tablet's edit of `b` is not reverted unheard");
}

#[test]
fn what_was_last_altered_before_all_that_is_kept_is_not_the_phones_own() {
    let world = World::new(r#"{"a":1,"l":["x"]}"#);
    world.write("tablet", r#"{"a":2,"l":["x"]}"#);
    world.write("tablet", r#"{"a":3,"l":["x"]}"#);
    run(snapshot(&world.log.log, &world.key, 2));
    let kept = Retained::after(&world.log, 2);
    let sync = |document| {
        let request = SyncRequest::from_json(value(&body("phone", 0, document))).unwrap();
        let synced = run(sync_v1(&kept, &mut Attempts(3), &world.key, request, world.tick()));
        synced.unwrap().answer
    };
    // The phone's own element in a list of others'.
    assert_eq!(sync(r#"{"a":3,"l":["x","y"]}"#).version, 4);
    let answer = sync(r#"{"a":3,"l":"z"}"#);
    assert_eq!(
        conflicts(&answer),
        [("l".to_owned(), Some("z".into()), Some(value(r#"["x","y"]"#)))]
    );
    assert_eq!(answer.conflicts[0].conflict.server.device_id, None);
}

#[test]
fn a_repetition_by_a_phone_behind_retention_has_one_effect() {
    let (world, times) = six_versions();
    let request = &claims(2, &times, r#"{"a":9,"b":6,"t":[]}"#)[0];
    let first = sync(&world, request);
    let again = sync(&world, request);
    assert_eq!((again.version, data(&again)), (first.version, data(&first)));
    assert_eq!(again.conflicts, first.conflicts);
    assert_eq!(world.version(), 7);
}
