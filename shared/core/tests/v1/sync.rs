//! The requests that a sync accepts or refuses, and its answers.

use crate::world::{World, body, data, json, value};
use coinolio_core::Code;
use coinolio_core::algebra::{Rule, Winner};
use coinolio_core::sync::Report;
use coinolio_core::wire::Outcome;
use coinolio_core::wire::v1::SyncResponse;

fn dated(device: &str, last_sync_at: &str, client_version: u64, document: &str) -> String {
    format!(
        r#"{{"device_id":"{device}","client_version":{client_version},"last_sync_at":"{last_sync_at}","client_data":{document}}}"#
    )
}

fn only_conflict(answer: &SyncResponse) -> (String, u64, Winner, Rule) {
    let [record] = &answer.conflicts[..] else {
        panic!("expected one conflict, found {:?}", answer.conflicts);
    };
    let conflict = &record.conflict;
    (conflict.path.dotted(), record.version, conflict.winner, conflict.rule)
}

#[test]
fn an_answer_has_the_shape_that_released_apps_read() {
    let world = World::new(r#"{"assets":{"btc":{"amount":"1.0"}}}"#);
    let answer = world.sync_as("phone", 1, r#"{"assets":{"btc":{"amount":"2.0"}}}"#);
    let at = answer.last_sync_at;
    assert_eq!(
        json(&answer),
        value(&format!(
            r#"{{"success":true,"version":2,"last_sync_at":"{at}","conflicts":[],"conflicts_omitted":0,
                "data":{{"assets":{{"btc":{{"amount":"2.0"}}}},
                         "metadata":{{"sync_version":"1.0.0","device_id":"phone","timestamp":"{at}","base":2}}}},
                "changes":[{{"type":"modified","path":"assets.btc.amount","value":{{"value":"2.0"}}}}]}}"#
        ))
    );
}

#[test]
fn an_answer_lists_the_changes_to_the_servers_document_not_the_clients() {
    let world = World::new(r#"{"a":1,"b":1}"#);
    world.write("tablet", r#"{"a":1,"b":1,"c":1}"#);
    let answer = world.sync_as("phone", 1, r#"{"a":2}"#);
    let paths: Vec<String> = answer.changes.iter().map(|change| change.path.dotted()).collect();
    assert_eq!(paths, ["a", "b"]);
}

#[test]
fn a_sync_without_edits_makes_no_version_and_pulls() {
    let world = World::new(r#"{"a":1}"#);
    assert_eq!(world.sync_as("phone", 1, r#"{"a":1.0}"#).version, 1);
    world.write("tablet", r#"{"a":2}"#);
    let answer = world.sync_as("phone", 1, r#"{"a":1}"#);
    assert_eq!((answer.version, data(&answer)), (2, value(r#"{"a":2}"#)));
    assert!(answer.changes.is_empty());
    assert_eq!(world.version(), 2);
}

#[test]
fn a_sync_with_edits_makes_a_version_even_if_they_change_nothing() {
    let world = World::new(r#"{"a":1}"#);
    world.write("tablet", r#"{"a":2}"#);
    let answer = world.sync_as("phone", 1, r#"{"a":2}"#);
    assert_eq!(
        (answer.version, answer.conflicts.len()),
        (3, 0),
        "equal values on both sides do not conflict"
    );
}

#[test]
fn edits_are_accepted_whatever_their_time_if_nobody_wrote_since_the_base() {
    let world = World::new(r#"{"a":1}"#);
    let answer = world.sync(&dated("phone", "2026-01-01T00:00:00Z", 1, r#"{"a":2}"#));
    assert_eq!(data(&answer), value(r#"{"a":2}"#));
    let long_ago = r#"{"a":3,"metadata":{"base":2}}"#;
    let answer = world.sync(&dated("phone", "1969-12-31T00:00:00Z", 2, long_ago));
    assert_eq!((data(&answer), answer.conflicts.len()), (value(r#"{"a":3}"#), 0));
}

#[test]
fn edits_are_dated_with_the_requests_last_sync_at() {
    let world = World::new(r#"{"a":1}"#);
    world.write("tablet", r#"{"a":2}"#);
    let answer = world.sync(&dated("phone", "2026-01-01T00:00:00Z", 1, r#"{"a":3}"#));
    assert_eq!(only_conflict(&answer), ("a".into(), 3, Winner::Server, Rule::Newest));
    assert_eq!(data(&answer), value(r#"{"a":2}"#));
}

#[test]
fn edits_without_last_sync_at_are_dated_with_the_time_of_the_request() {
    let world = World::new(r#"{"a":1}"#);
    world.write("tablet", r#"{"a":2}"#);
    let answer = world.sync_as("phone", 1, r#"{"a":3}"#);
    assert_eq!(only_conflict(&answer), ("a".into(), 3, Winner::Client, Rule::Newest));
    assert_eq!(data(&answer), value(r#"{"a":3}"#));
}

#[test]
fn a_last_sync_at_in_the_future_counts_as_the_time_of_the_request() {
    let world = World::new(r#"{"a":1}"#);
    world.sync(&dated("phone", "9999-12-31T23:59:59Z", 1, r#"{"a":2}"#));
    let answer = world.sync_as("tablet", 1, r#"{"a":3}"#);
    assert_eq!(only_conflict(&answer), ("a".into(), 3, Winner::Client, Rule::Newest));
}

#[test]
fn edits_at_different_paths_merge() {
    let world = World::new(r#"{"assets":{"btc":1,"eth":1},"t":[{"id":"x","n":1}]}"#);
    world.write("tablet", r#"{"assets":{"btc":2,"eth":1},"t":[{"id":"x","n":2}]}"#);
    let answer = world.sync_as(
        "phone",
        1,
        r#"{"assets":{"btc":1,"eth":2},"t":[{"id":"new"},{"id":"x","n":1}]}"#,
    );
    assert_eq!(
        data(&answer),
        value(r#"{"assets":{"btc":2,"eth":2},"t":[{"id":"new"},{"id":"x","n":2}]}"#)
    );
    assert!(answer.conflicts.is_empty());
}

#[test]
fn a_list_that_a_client_reordered_comes_back_in_the_clients_order() {
    let world = World::new(r#"{"s":["a","b","c"],"t":[{"id":1},{"id":2},{"id":3}]}"#);
    let answer = world.sync_as("phone", 1, r#"{"s":["c","a","b"],"t":[{"id":3},{"id":2},{"id":1}]}"#);
    assert_eq!(
        data(&answer),
        value(r#"{"s":["c","a","b"],"t":[{"id":3},{"id":2},{"id":1}]}"#)
    );
    assert!(
        answer
            .changes
            .iter()
            .all(|change| json(change).as_object().unwrap()["type"] == value("\"modified\""))
    );
}

#[test]
fn a_device_overwrites_its_own_unanswered_edit_whatever_its_clock_says() {
    let world = World::new(r#"{"a":1}"#);
    // The first sync's answer never arrives, and the user goes on editing. The clock is set back in between.
    world.sync(&dated("phone", "2026-01-01T00:00:00.900Z", 1, r#"{"a":2}"#));
    let answer = world.sync(&dated("phone", "2026-01-01T00:00:00.100Z", 1, r#"{"a":3}"#));
    assert_eq!(only_conflict(&answer), ("a".into(), 3, Winner::Client, Rule::Newest));
    assert_eq!(data(&answer), value(r#"{"a":3}"#));
}

#[test]
fn a_sync_without_a_base_deletes_nothing_and_merges_objects_that_both_sides_have() {
    let world = World::new(r#"{"a":{"x":1,"y":1},"b":1}"#);
    let answer = world.sync_as("phone", 0, r#"{"a":{"x":1,"z":1}}"#);
    assert_eq!(data(&answer), value(r#"{"a":{"x":1,"y":1,"z":1},"b":1}"#));
    assert_eq!((answer.version, answer.conflicts.len()), (2, 0));
}

#[test]
fn a_sync_without_a_base_has_no_edits_if_it_changes_nothing_and_has_no_conflicts() {
    let world = World::new(r#"{"a":{"x":1,"y":1},"b":1}"#);
    let answer = world.sync_as("phone", 0, r#"{"a":{"x":1}}"#);
    assert_eq!((answer.version, world.version()), (1, 1));
    assert_eq!(data(&answer), value(r#"{"a":{"x":1,"y":1},"b":1}"#));
    assert_eq!(world.sync_as("watch", 0, "{}").version, 1);
}

#[test]
fn a_conflict_without_a_base_makes_a_version_even_if_the_servers_value_wins() {
    let world = World::new(r#"{"a":1}"#);
    let answer = world.sync(&dated("phone", "2020-01-01T00:00:00Z", 0, r#"{"a":2}"#));
    assert_eq!(only_conflict(&answer), ("a".into(), 2, Winner::Server, Rule::Newest));
    assert_eq!(data(&answer), value(r#"{"a":1}"#));
}

#[test]
fn an_answer_to_a_sync_without_a_base_carries_only_that_syncs_conflicts() {
    let world = World::new(r#"{"a":1,"b":1}"#);
    world.write("tablet", r#"{"a":2,"b":1}"#);
    assert_eq!(only_conflict(&world.sync_as("phone", 1, r#"{"a":3,"b":1}"#)).1, 3);
    let answer = world.sync_as("watch", 0, r#"{"b":4}"#);
    assert_eq!(only_conflict(&answer).0, "b");
    assert!(world.sync_as("car", 0, "{}").conflicts.is_empty());
}

#[test]
fn every_device_is_told_of_a_conflict_once() {
    let world = World::new(r#"{"a":1}"#);
    world.sync_as("tablet", 1, r#"{"a":2}"#);
    let merged = world.sync_as("phone", 1, r#"{"a":3}"#);
    assert_eq!(only_conflict(&merged).1, 3);
    let told = world.sync_as("tablet", 2, r#"{"a":2}"#);
    assert_eq!(
        told.conflicts, merged.conflicts,
        "the tablet learns that the phone's value won"
    );
    assert!(world.sync_as("tablet", 3, r#"{"a":3}"#).conflicts.is_empty());
    assert!(world.sync_as("phone", 3, r#"{"a":3}"#).conflicts.is_empty());
}

#[test]
fn a_repeated_request_has_no_effect_and_is_answered_with_the_head() {
    let world = World::new(r#"{"a":1,"b":1}"#);
    let request = body("phone", 1, r#"{"a":2,"b":1}"#);
    let first = world.sync(&request);
    let again = world.sync(&request);
    assert_eq!((again.version, &again.data), (2, &first.data));
    assert!(again.changes.is_empty());
    world.write("tablet", r#"{"a":7,"b":2}"#);
    world.let_days_pass(9);
    let later = world.sync(&request);
    assert_eq!((later.version, data(&later)), (3, value(r#"{"a":7,"b":2}"#)));
    assert_eq!(world.version(), 3);
}

#[test]
fn a_repeated_merge_is_answered_with_the_conflicts_of_the_first_one() {
    for client_version in [1, 0] {
        let world = World::new(r#"{"a":1}"#);
        world.write("tablet", r#"{"a":2}"#);
        let request = body("phone", client_version, r#"{"a":3}"#);
        let first = world.sync(&request);
        world.write("tablet", r#"{"a":4}"#);
        let again = world.sync(&request);
        assert_eq!(again.conflicts, first.conflicts);
        assert_eq!((again.version, data(&again)), (4, value(r#"{"a":4}"#)));
    }
}

#[test]
fn a_repeated_request_from_a_device_ahead_has_no_effect() {
    let world = World::new(r#"{"a":1,"b":1}"#);
    world.sync_as("tablet", 1, r#"{"a":1,"b":1,"c":1}"#);
    let request = body("maker", 7, r#"{"a":2}"#);
    let first = world.sync(&request);
    assert_eq!((first.version, data(&first)), (8, value(r#"{"a":2,"c":1}"#)));
    assert_eq!(world.sync(&request).version, 8);
    world.write("tablet", r#"{"a":5,"b":9,"c":1}"#);
    let later = world.sync(&request);
    assert_eq!((later.version, data(&later)), (9, value(r#"{"a":5,"b":9,"c":1}"#)));
}

#[test]
fn a_request_that_differs_only_in_the_services_members_is_a_repetition() {
    let world = World::new(r#"{"a":1}"#);
    world.sync_as("phone", 1, r#"{"a":2,"metadata":{"timestamp":"yesterday","base":1}}"#);
    let again = world.sync_as("phone", 1, r#"{"a":2,"metadata":{"timestamp":"today","base":1}}"#);
    assert_eq!((again.version, world.version()), (2, 2));
}

#[test]
fn only_a_request_equal_to_the_devices_newest_change_is_a_repetition() {
    let world = World::new(r#"{"a":1}"#);
    world.sync_as("phone", 1, r#"{"a":2}"#);
    world.sync_as("phone", 1, r#"{"a":3}"#);
    let back = world.sync_as("phone", 1, r#"{"a":2}"#);
    assert_eq!((back.version, data(&back)), (4, value(r#"{"a":2}"#)));
}

#[test]
fn a_document_sent_again_after_another_answer_is_an_edit() {
    let world = World::new(r#"{"a":1}"#);
    // This app never advances its client_version, but it echoes the metadata.
    world.sync_as("phone", 1, r#"{"a":2,"metadata":{"base":1}}"#);
    world.write("tablet", r#"{"a":3}"#);
    world.sync_as("phone", 1, r#"{"a":3,"metadata":{"base":3}}"#);
    let back = world.sync_as("phone", 1, r#"{"a":2,"metadata":{"base":3}}"#);
    assert_eq!(data(&back), value(r#"{"a":2}"#));
}

#[test]
fn the_same_document_from_another_device_is_not_a_repetition() {
    let world = World::new(r#"{"a":1}"#);
    world.sync_as("phone", 1, r#"{"a":2}"#);
    assert_eq!(world.sync_as("tablet", 1, r#"{"a":2}"#).version, 3);
}

/// Returns a document with `count` transactions of two scalars each, and one scalar besides.
fn transactions(count: u32) -> String {
    let transactions: Vec<String> = (0..count)
        .map(|id| format!(r#"{{"id":"t{id}","amount":"{id}"}}"#))
        .collect();
    format!(r#"{{"name":"Main","transactions":[{}]}}"#, transactions.join(","))
}

#[test]
fn a_sync_that_removes_almost_everything_is_refused_unless_it_allows_a_wipe() {
    let world = World::new(&transactions(600));
    let few = [
        "{}",
        r#"{"name":"Main"}"#,
        r#"{"name":"Main","transactions":null}"#,
        r#"{"name":"Main","transactions":[]}"#,
        r#"{"name":"Main","transactions":{}}"#,
        r#"{"other":"account","transactions":[{"id":"x","amount":"1"}]}"#,
        r#"{"metadata":{"device_id":"phone"}}"#,
        &transactions(59),
    ];
    let echoing = |document: &str| {
        let rest = document.strip_suffix('}').unwrap();
        let comma = if rest == "{" { "" } else { "," };
        format!("{rest}{comma}\"metadata\":{{\"base\":1}}}}")
    };
    let refused = |world: &World| {
        for document in few.iter().filter(|document| !document.contains("metadata")) {
            world.refuses(&body("phone", 1, document), Code::WipeRefused);
            world.refuses(&body("phone", 0, &echoing(document)), Code::WipeRefused);
        }
        world.refuses(&body("phone", 1, few[6]), Code::WipeRefused);
    };
    refused(&world);
    // Nor does it matter who wrote since, in either protocol.
    world.write("tablet", &transactions(601));
    refused(&world);
    let allowed = r#"{"device_id":"phone","client_version":2,"client_data":{"transactions":[]},"allow_wipe":true}"#;
    assert_eq!(data(&world.sync(allowed)), value(r#"{"transactions":[]}"#));
    assert_eq!(data(&world.sync(allowed)), value(r#"{"transactions":[]}"#), "repeated");
    assert_eq!(world.sync_as("phone", 3, "{}").version, 4);
}

#[test]
fn a_phone_with_empty_storage_and_no_base_removes_nothing() {
    let world = World::new(&transactions(600));
    for document in ["{}", r#"{"transactions":[]}"#] {
        assert_eq!(data(&world.sync_as("phone", 0, document)), value(&transactions(600)));
    }
}

#[test]
fn a_small_document_may_be_emptied() {
    let world = World::new(r#"{"assets":{"btc":{"amount":"1.0"}}}"#);
    assert_eq!(
        data(&world.sync_as("phone", 1, r#"{"assets":{}}"#)),
        value(r#"{"assets":{}}"#)
    );
    let world = World::new(r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}"#);
    assert_eq!(data(&world.sync_as("phone", 1, "{}")), value("{}"), "9 scalars");
    let world = World::new(r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10}"#);
    world.refuses(&body("phone", 1, "{}"), Code::WipeRefused);
    assert_eq!(
        data(&world.sync_as("phone", 1, r#"{"a":1,"b":2}"#)),
        value(r#"{"a":1,"b":2}"#)
    );
}

#[test]
fn the_services_members_do_not_count_as_values_that_remain() {
    let numbers = |count: u32| -> String {
        let members: Vec<String> = (0..count).map(|n| format!("\"n{n}\":{n}")).collect();
        members.join(",")
    };
    let world = World::new(&format!("{{{}}}", numbers(20)));
    let service = r#""metadata":{"base":"USD","device_id":"x","timestamp":"y","sync_version":"z"}"#;
    world.write("v2", &format!("{{{},{service}}}", numbers(20)));
    world.refuses(&body("phone", 2, &format!("{{{}}}", numbers(2))), Code::WipeRefused);
    let answer = world.sync_as("phone", 2, &format!("{{{}}}", numbers(3)));
    assert_eq!(data(&answer), value(&format!("{{{},{service}}}", numbers(3))));
}

#[test]
fn a_sync_that_edits_every_value_is_not_a_wipe() {
    let world = World::new(&transactions(600));
    let edited = transactions(600).replace("\"amount\":\"", "\"amount\":\"1");
    assert_eq!(data(&world.sync_as("phone", 1, &edited)), value(&edited));
}

#[test]
fn an_empty_document_without_a_base_pulls() {
    let world = World::new(r#"{"a":1}"#);
    assert_eq!(data(&world.sync_as("phone", 0, "{}")), value(r#"{"a":1}"#));
}

#[test]
fn the_services_metadata_members_are_not_data_but_the_clients_own_are() {
    let world = World::new(r#"{"a":1,"metadata":{"theme":"dark"}}"#);
    let first = world.sync_as(
        "phone",
        1,
        r#"{"a":1,"metadata":{"theme":"light","base":1,"device_id":"someone","sync_version":"0.9","timestamp":"x"}}"#,
    );
    assert_eq!(world.document(), value(r#"{"a":1,"metadata":{"theme":"light"}}"#));
    // The answer's data, sent back unchanged, is not an edit.
    let echoed = String::from_utf8(json(&first.data).to_json()).unwrap();
    assert_eq!(world.sync_as("phone", 2, &echoed).version, 2);
}

#[test]
fn an_empty_metadata_object_counts_as_absent() {
    let world = World::new(r#"{"a":1,"metadata":{}}"#);
    assert_eq!(world.document(), value(r#"{"a":1}"#));
    assert_eq!(world.sync_as("phone", 1, r#"{"a":1,"metadata":{}}"#).version, 1);
}

#[test]
fn a_v2_clients_data_under_the_services_names_survives_v1_clients() {
    let world = World::new(r#"{"a":1}"#);
    let document = r#"{"a":1,"metadata":{"device_id":"its own","base":"USD","theme":"dark"}}"#;
    world.write("v2", document);
    let pulled = world.sync_as("phone", 1, r#"{"a":1}"#);
    let seen = json(&pulled.data).as_object().unwrap()["metadata"].clone();
    assert_eq!(
        seen.as_object().unwrap()["device_id"],
        value("\"v2\""),
        "the v1 client sees the head's device id instead"
    );
    let sent = String::from_utf8(json(&pulled.data).to_json()).unwrap();
    world.sync_as("phone", 2, &sent.replace(r#""a":1"#, r#""a":2"#));
    assert_eq!(world.document(), value(&document.replace(r#""a":1"#, r#""a":2"#)));
    assert!(
        world.head().verbatim,
        "apart from the service's members, it is the document that the phone sent"
    );
    // An old app that drops metadata altogether deletes the members that it saw, but none that it never saw.
    world.sync_as("phone", 3, r#"{"a":2}"#);
    assert_eq!(
        world.document(),
        value(r#"{"a":2,"metadata":{"device_id":"its own","base":"USD"}}"#)
    );
    world.write("v2", r#"{"a":2,"metadata":{}}"#);
    world.sync_as("phone", 5, r#"{"a":3}"#);
    assert_eq!(
        world.document(),
        value(r#"{"a":3,"metadata":{}}"#),
        "a v2 client's empty object survives too"
    );
}

#[test]
fn numbers_that_a_phone_rounded_count_as_unchanged() {
    let exact = r#"{"n":0.1000000000000000055511151231257827,"t":[{"id":9007199254740993,"n":1},{"id":2}],"o":[9007199254740993]}"#;
    let rounded = r#"{"n":0.1,"t":[{"id":2},{"id":9007199254740992,"n":1}],"o":[9007199254740992]}"#;
    let world = World::new(exact);
    let answer = world.sync_as("phone", 1, rounded);
    let moved = answer.changes.iter().map(json).collect::<Vec<_>>();
    assert_eq!(moved.len(), 1, "{moved:?}");
    assert_eq!(
        world.document(),
        value(
            r#"{"n":0.1000000000000000055511151231257827,"t":[{"id":2},{"id":9007199254740993,"n":1}],"o":[9007199254740993]}"#
        )
    );
    assert!(world.head().verbatim);
    let without_base = world.sync_as("watch", 0, r#"{"n":0.1}"#);
    assert_eq!(
        without_base.version, 2,
        "even if the version that it rounded is unknown"
    );
}

#[test]
fn documents_over_the_limits_are_refused() {
    let world = World::new("{}");
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(6 * 1024 * 1024));
    world.refuses(&body("phone", 1, &large), Code::TooLarge);
    let nested = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    world.refuses(&body("phone", 1, &nested(65)), Code::Invalid);
    assert_eq!(world.sync_as("phone", 1, &nested(64)).version, 2);
}

#[test]
fn a_merge_whose_result_is_over_the_size_limit_is_refused() {
    let world = World::new(&format!(r#"{{"a":"{}"}}"#, "x".repeat(4 * 1024 * 1024)));
    let other = format!(r#"{{"b":"{}"}}"#, "x".repeat(3 * 1024 * 1024));
    world.refuses(&body("phone", 0, &other), Code::TooLarge);
    let within = format!(r#"{{"b":"{}"}}"#, "x".repeat(1024 * 1024));
    assert_eq!(world.sync_as("phone", 0, &within).version, 2);
}

#[test]
fn a_request_of_the_wrong_shape_is_malformed() {
    let world = World::new("{}");
    for request in [
        "[]",
        "{}",
        r#"{"client_data":{},"client_version":1}"#,
        r#"{"client_data":{},"device_id":"phone"}"#,
        r#"{"client_version":1,"device_id":"phone"}"#,
        r#"{"client_data":[],"client_version":1,"device_id":"phone"}"#,
        r#"{"client_data":null,"client_version":1,"device_id":"phone"}"#,
        r#"{"client_data":{},"client_version":-1,"device_id":"phone"}"#,
        r#"{"client_data":{},"client_version":1.5,"device_id":"phone"}"#,
        r#"{"client_data":{},"client_version":"1","device_id":"phone"}"#,
        r#"{"client_data":{},"client_version":1,"device_id":"a/b"}"#,
        r#"{"client_data":{},"client_version":1,"device_id":"phone","last_sync_at":7}"#,
        r#"{"client_data":{},"client_version":1,"device_id":"phone","last_sync_at":"2025-02-29T00:00:00Z"}"#,
        r#"{"client_data":{},"client_version":1,"device_id":"phone","allow_wipe":"yes"}"#,
    ] {
        world.refuses(request, Code::Malformed);
    }
}

#[test]
fn a_portfolio_that_does_not_exist_is_not_found() {
    World::empty().refuses(&body("phone", 0, r#"{"a":1}"#), Code::NotFound);
}

#[test]
fn a_typical_sync_reads_the_changes_and_the_snapshot_once_and_writes_once() {
    let document: Vec<String> = (0..400)
        .map(|n| format!("\"k{n}\":\"a value of some length\""))
        .collect();
    let document = format!("{{{}}}", document.join(","));
    let world = World::new(&document);
    let edited = |n: u32| document.replacen("a value", &format!("{n} value"), 1);
    world.sync_as("phone", 1, &edited(1));
    assert_eq!(
        world.log.take_requests(),
        ["since", "snapshot_before", "patch", "append"],
        "no snapshot yet"
    );
    world.compact();
    assert_eq!(world.head().extent.snapshot, 0, "no sync has read a snapshot yet");
    world.sync_as("phone", 2, &edited(2));
    assert_eq!(world.log.take_requests(), ["since", "snapshot_before", "append"]);
    let head = world.head().extent;
    assert_eq!((head.snapshot, head.patch_bytes - head.snapshot_at < 1000), (2, true));
    world.sync_as("phone", 3, &edited(3));
    assert_eq!(world.log.take_requests(), ["since", "snapshot_before", "append"]);
    world.sync_as("phone", 4, &edited(3));
    assert_eq!(
        world.log.take_requests(),
        ["since", "snapshot_before", "between"],
        "nothing to write"
    );
}

#[test]
fn compaction_writes_a_snapshot_when_the_changes_outgrow_the_last_one() {
    let world = World::new("{}");
    let text = "x".repeat(1000);
    for version in 1..=40 {
        world.sync_as("phone", version, &format!(r#"{{"a":"{version}{text}"}}"#));
        world.compact();
        let extent = world.head().extent;
        let since = extent.patch_bytes - extent.snapshot_at;
        assert!(since <= 2 * 4096, "{extent:?}");
        assert!(extent.bound() >= u64::try_from(world.document().to_json().len()).unwrap());
    }
    assert!(world.head().extent.snapshot > 30);
}

#[test]
fn a_sync_reports_its_outcome_conflicts_and_sizes() {
    let world = World::new(r#"{"a":1}"#);
    let report = |device: &str, document: &str| world.try_sync(&body(device, 1, document)).unwrap().report;
    let of = |outcome| Report {
        outcome: Some(outcome),
        document_bytes: Some(7),
        base: Some(1),
        ..Report::default()
    };
    assert_eq!(report("phone", r#"{"a":1}"#), of(Outcome::UpToDate));
    let accepted = report("phone", r#"{"a":2}"#);
    let patch_bytes = world.head().patch_bytes;
    assert!(patch_bytes > 0);
    let expected = Report {
        patch_bytes,
        ..of(Outcome::Accepted)
    };
    assert_eq!(accepted, expected);
    assert_eq!(report("watch", r#"{"a":1}"#), of(Outcome::Pulled));
    let merged = report("tablet", r#"{"a":3}"#);
    let expected = Report {
        conflicts: 1,
        patch_bytes: world.head().patch_bytes,
        ..of(Outcome::Merged)
    };
    assert_eq!(merged, expected);
    let repeated = report("tablet", r#"{"a":3}"#);
    assert_eq!(
        repeated,
        Report {
            repeated: true,
            ..of(Outcome::Pulled)
        }
    );
}
