//! The rules by which v1 finds a document's base. Each test shows a device that would drop or revert edits if its rule
//! did not exist.

use crate::world::{World, body, data, value};
use coinolio_core::Code;

/// Returns a request body that echoes `metadata.base`.
fn echoing(base: &str, device: &str, client_version: u64, rest: &str) -> String {
    format!(
        r#"{{"device_id":"{device}","client_version":{client_version},"client_data":{{"metadata":{{"base":{base}}}{rest}}}}}"#
    )
}

fn dated(last_sync_at: &str, client_version: u64, document: &str) -> String {
    format!(
        r#"{{"device_id":"phone","client_version":{client_version},"last_sync_at":"{last_sync_at}","client_data":{document}}}"#
    )
}

#[test]
fn an_echoed_base_takes_precedence_over_the_time_and_the_version() {
    let world = World::new(r#"{"a":1}"#);
    world.write("tablet", r#"{"a":1,"b":2}"#);
    let head = world.head();
    let request = format!(
        r#"{{"device_id":"phone","client_version":2,"last_sync_at":"{}","client_data":{{"a":5,"metadata":{{"base":1}}}}}}"#,
        head.last_sync_at
    );
    let answer = world.sync(&request);
    assert_eq!(
        data(&answer),
        value(r#"{"a":5,"b":2}"#),
        "the phone has never seen b, so it did not delete it"
    );
}

#[test]
fn a_request_that_echoes_an_unknown_base_has_no_base_whatever_else_it_says() {
    for base in ["7", "2.5", "-1", "0", "1e40"] {
        let world = World::new(r#"{"a":1}"#);
        world.write("tablet", r#"{"a":1,"b":2}"#);
        let answer = world.sync(&echoing(base, "phone", 2, r#","c":3"#));
        assert_eq!(data(&answer), value(r#"{"a":1,"b":2,"c":3}"#), "base {base}");
    }
}

#[test]
fn a_metadata_base_that_is_not_a_number_is_the_clients_data_and_names_no_base() {
    let world = World::new(r#"{"a":1,"b":2}"#);
    let answer = world.sync(&echoing(r#""USD""#, "phone", 1, r#","a":1"#));
    assert_eq!(
        data(&answer),
        value(r#"{"a":1}"#),
        "client_version names the base, so the phone deleted b"
    );
}

#[test]
fn the_exact_time_of_an_answer_takes_precedence_over_the_version() {
    for milliseconds in [".000Z", ".0000000Z", "Z"] {
        let world = World::new(r#"{"a":1}"#);
        let first = world.head().last_sync_at.to_string();
        world.write("tablet", r#"{"a":1,"b":2}"#);
        // The phone counted one edit of its own on top of version 1. The log has a version 2, but it is the tablet's.
        let time = first.replace(".000Z", milliseconds);
        let answer = world.sync(&dated(&time, 2, r#"{"a":1,"c":3}"#));
        assert_eq!(data(&answer), value(r#"{"a":1,"b":2,"c":3}"#), "{time}");
    }
}

#[test]
fn the_exact_time_of_the_head_makes_the_head_the_base() {
    let world = World::new(r#"{"a":1}"#);
    world.write("tablet", r#"{"a":1,"b":2}"#);
    let head = world.head().last_sync_at.to_string();
    let answer = world.sync(&dated(&head, 1, r#"{"a":1}"#));
    assert_eq!(
        data(&answer),
        value(r#"{"a":1}"#),
        "the head had b, so the phone deleted it"
    );
}

#[test]
fn a_sync_does_not_read_the_same_changes_twice() {
    let world = World::new("{}");
    for document in [r#"{"a":1}"#, r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2,"c":3}"#] {
        world.write("tablet", document);
    }
    let second = world.changes()[2].last_sync_at.to_string();
    world.log.take_requests();
    // The first read returns the change of version 2 and all newer ones, which is enough for any base among them.
    world.sync(&dated(&second, 2, r#"{"a":1,"b":2,"c":3}"#));
    assert_eq!(
        world.log.take_requests(),
        ["since", "snapshot_before", "between", "append"]
    );
    world.sync(&echoing("1", "phone", 2, r#","a":1,"b":2,"c":3"#));
    assert_eq!(
        world.log.take_requests(),
        ["since"],
        "the repetition is recognised from the changes alone"
    );

    let world = World::new(r#"{"a":1}"#);
    world.log.take_requests();
    world.sync(&dated("1970-01-01T00:00:00Z", 1, r#"{"a":1}"#));
    assert_eq!(world.log.take_requests(), ["since"], "nothing is older than version 1");
}

#[test]
fn a_time_without_a_zone_is_utc() {
    let world = World::new(r#"{"a":1}"#);
    let first = world.head().last_sync_at.to_string();
    world.write("tablet", r#"{"a":1,"b":2}"#);
    let answer = world.sync(&dated(first.trim_end_matches('Z'), 2, r#"{"a":1,"c":3}"#));
    assert_eq!(data(&answer), value(r#"{"a":1,"b":2,"c":3}"#));
}

#[test]
fn a_time_that_was_in_no_answer_names_no_version_and_leaves_the_number_to_name_one() {
    // Every world begins at the same time.
    let first = World::new(r#"{"a":1,"b":2}"#).head().last_sync_at.to_string();
    let below_the_millisecond = first.replace(".000Z", ".000001Z");
    let between_the_two = first.replace(".000Z", ".001Z");
    for time in [&*below_the_millisecond, &between_the_two, "9999-12-31T23:59:59Z"] {
        let world = World::new(r#"{"a":1,"b":2}"#);
        assert_eq!(world.head().last_sync_at.to_string(), first);
        world.write("tablet", r#"{"a":1,"b":2,"c":3}"#);
        let answer = world.sync(&dated(time, 2, r#"{"a":1,"c":3}"#));
        assert_eq!(
            data(&answer),
            value(r#"{"a":1,"c":3}"#),
            "{time}: version 2 is the base, so b was deleted"
        );
    }
}

#[test]
fn a_version_is_found_by_its_time_however_old_it_is() {
    let world = World::new("{}");
    let mut document = String::new();
    let mut times = Vec::new();
    for n in 0..100 {
        times.push(world.head().last_sync_at.to_string());
        let comma = if n == 0 { "" } else { "," };
        document.push_str(&format!("{comma}\"k{n}\":{n}"));
        world.write("tablet", &format!("{{{document}}}"));
    }
    for (n, time) in times.iter().enumerate().step_by(9) {
        // The document of version 1 + n with one member added.
        let held = document.split(',').take(n).collect::<Vec<_>>().join(",");
        let comma = if n == 0 { "" } else { "," };
        let answer = world.sync(&dated(time, 101, &format!("{{{held}{comma}\"new{n}\":1}}")));
        assert_eq!(answer.changes.len(), 1, "{time}");
        assert!(answer.conflicts.is_empty());
    }
    assert_eq!(world.document().as_object().map(|members| members.len()), Some(112));
}

#[test]
fn client_version_names_the_base_if_the_log_has_it() {
    let world = World::new(r#"{"a":1,"b":2}"#);
    world.write("tablet", r#"{"a":1,"b":2,"c":3}"#);
    let answer = world.sync_as("phone", 1, r#"{"a":1}"#);
    assert_eq!(data(&answer), value(r#"{"a":1,"c":3}"#), "the phone deleted b");
}

#[test]
fn a_version_that_a_jump_skipped_is_not_a_base() {
    let world = World::new(r#"{"a":1}"#);
    assert_eq!(world.sync_as("counter", 5, r#"{"a":1,"b":2}"#).version, 6);
    world.write("tablet", r#"{"a":1,"b":2,"c":3}"#);
    for client_version in 2..=5 {
        let answer = world.sync_as("phone", client_version, r#"{"a":1}"#);
        assert_eq!(data(&answer), value(r#"{"a":1,"b":2,"c":3}"#), "{client_version}");
        assert_eq!(answer.version, 7, "a document that changes nothing is not an edit");
    }
}

#[test]
fn a_version_made_by_a_jump_is_a_base() {
    let world = World::new(r#"{"a":1}"#);
    assert_eq!(world.sync_as("counter", 5, r#"{"a":1,"b":2}"#).version, 6);
    let answer = world.sync_as("phone", 6, r#"{"b":2}"#);
    assert_eq!(data(&answer), value(r#"{"b":2}"#));
    world.write("tablet", r#"{"b":2,"c":3}"#);
    let answer = world.sync_as("watch", 6, r#"{"a":1}"#);
    assert_eq!(data(&answer), value(r#"{"c":3}"#));
}

#[test]
fn version_0_is_not_a_base() {
    let world = World::new(r#"{"a":1,"b":2}"#);
    let answer = world.sync_as("phone", 0, r#"{"c":3}"#);
    assert_eq!(data(&answer), value(r#"{"a":1,"b":2,"c":3}"#));
}

#[test]
fn the_base_of_a_device_ahead_is_its_newest_version_stored_exactly_as_sent() {
    let world = World::new(r#"{"a":1,"b":2}"#);
    assert_eq!(world.sync_as("phone", 1, r#"{"a":5,"b":2}"#).version, 2);
    world.write("tablet", r#"{"a":5,"b":2,"c":3}"#);
    // The phone counted three edits since version 2, and knows nothing of c.
    let answer = world.sync_as("phone", 5, r#"{"a":5}"#);
    assert_eq!(answer.version, 6);
    assert_eq!(data(&answer), value(r#"{"a":5,"c":3}"#), "the phone deleted b, not c");
}

#[test]
fn the_first_document_is_a_base_for_the_device_that_created_the_portfolio() {
    let world = World::new(r#"{"a":1,"b":2}"#);
    let answer = world.sync_as("maker", 4, r#"{"a":1}"#);
    assert_eq!((answer.version, data(&answer)), (5, value(r#"{"a":1}"#)));
}

#[test]
fn a_document_made_by_a_merge_is_not_the_base_of_a_device_ahead() {
    let world = World::new(r#"{"a":1}"#);
    assert_eq!(world.sync_as("phone", 1, r#"{"a":1,"p":1}"#).version, 2);
    world.write("tablet", r#"{"a":1,"p":1,"t":1}"#);
    // The answer to this sync (version 4) never arrives, so the phone never sees t.
    world.sync_as("phone", 2, r#"{"a":1,"p":2}"#);
    let answer = world.sync_as("phone", 9, r#"{"p":3}"#);
    assert_eq!(data(&answer), value(r#"{"p":3,"t":1}"#), "the phone deleted a, not t");
    assert_eq!(answer.version, 10);
}

#[test]
fn a_document_that_a_merge_left_unchanged_is_the_base_of_its_device() {
    let world = World::new(r#"{"a":1}"#);
    world.write("tablet", r#"{"a":1,"b":2}"#);
    assert_eq!(world.sync_as("phone", 1, r#"{"a":1,"b":2,"c":3}"#).version, 3);
    world.write("tablet", r#"{"a":1,"b":2,"c":3,"d":4}"#);
    let answer = world.sync_as("phone", 9, r#"{"a":1,"c":3}"#);
    assert_eq!(
        data(&answer),
        value(r#"{"a":1,"c":3,"d":4}"#),
        "the phone deleted b, not d"
    );
}

#[test]
fn another_devices_document_is_not_the_base_of_a_device_ahead() {
    let world = World::new(r#"{"a":1}"#);
    world.sync_as("tablet", 1, r#"{"a":1,"b":2}"#);
    let answer = world.sync_as("phone", 7, r#"{"c":3}"#);
    assert_eq!(
        data(&answer),
        value(r#"{"a":1,"b":2,"c":3}"#),
        "without a base nothing is deleted"
    );
}

#[test]
fn a_device_ahead_gets_a_version_above_its_own_and_the_servers() {
    let world = World::new(r#"{"a":1}"#);
    assert_eq!(world.sync_as("phone", 1, r#"{"a":2}"#).version, 2);
    assert_eq!(world.sync_as("phone", 9, r#"{"a":3}"#).version, 10);
    assert_eq!(world.sync_as("phone", 10, r#"{"a":4}"#).version, 11);
}

#[test]
fn a_device_ahead_without_edits_makes_no_version_and_gets_the_head() {
    let world = World::new(r#"{"a":1}"#);
    world.sync_as("phone", 1, r#"{"a":2}"#);
    world.write("tablet", r#"{"a":2,"b":3}"#);
    let answer = world.sync_as("phone", 7, r#"{"a":2}"#);
    assert_eq!((answer.version, data(&answer)), (3, value(r#"{"a":2,"b":3}"#)));
    assert_eq!(world.version(), 3);
}

#[test]
fn a_phone_that_counted_10_000_edits_offline_syncs() {
    let world = World::new(r#"{"a":1}"#);
    assert_eq!(world.sync_as("phone", 10_001, r#"{"a":1,"b":2}"#).version, 10_002);
    assert_eq!(world.sync_as("phone", 20_012, r#"{"a":3,"b":2}"#).version, 20_013);
    // The phone had not seen this version of its own, but another device reads on from it.
    world.write("tablet", r#"{"a":3,"b":2,"c":4}"#);
    let answer = world.sync_as("phone", 20_013, r#"{"a":3}"#);
    assert_eq!(data(&answer), value(r#"{"a":3,"c":4}"#));
}

#[test]
fn a_jump_of_more_than_1_000_000_000_versions_is_refused() {
    let world = World::new(r#"{"a":1}"#);
    world.refuses(&body("phone", 1_000_000_001, r#"{"a":1,"b":2}"#), Code::Invalid);
    world.refuses(&body("phone", (1 << 53) - 1, r#"{"a":1,"b":2}"#), Code::Invalid);
    world.refuses(&body("phone", 1 << 53, r#"{"a":1,"b":2}"#), Code::Malformed);
    let answer = world.sync_as("phone", 1_000_000_000, r#"{"a":1,"b":2}"#);
    assert_eq!(answer.version, 1_000_000_001);
    world.log.take_requests();
    assert_eq!(world.sync_as("tablet", 1, r#"{"a":1,"c":3}"#).version, 1_000_000_002);
    assert_eq!(
        world.log.take_requests(),
        ["since", "append"],
        "a jump costs no request"
    );
}

#[test]
fn a_device_far_ahead_without_edits_gets_the_head() {
    let world = World::new(r#"{"a":1,"b":2}"#);
    for client_version in [5, 20_000, 2_000_000_000, (1 << 53) - 1] {
        let answer = world.sync_as("phone", client_version, r#"{"a":1}"#);
        assert_eq!((answer.version, data(&answer)), (1, value(r#"{"a":1,"b":2}"#)));
    }
    assert_eq!(world.version(), 1);
}
