//! The operations of a pull are squashed: one that a later one makes without effect is not sent.

use crate::conflicts::refresh;
use crate::fixture::{Watched, body, everything, main_in, minute, portfolio, send, server_at, set, sync, wire};
use coinolio_core::log::Version;
use coinolio_core::sync::Retention;
use pollster::block_on;
use serde_json::{Value, json};
use std::time::Duration;

/// Pulls as a device at `base`, checks the rebase law, and returns the answer.
fn pull(log: &Watched, base: Version) -> Value {
    let id = format!("pull-{base}-{}", everything(&log.log).len());
    wire(&sync(log, &body("reader", &id, base, &[], 50), 50).answer)
}

/// Sends each edit as a sync of its own, on top of the head.
fn write_each(log: &Watched, edits: impl IntoIterator<Item = Value>) {
    for edit in edits {
        let head = everything(&log.log).last().unwrap().version;
        sync(log, &body("writer", &format!("w{head}"), head, &[edit], 20), 20);
    }
}

fn compact(log: &Watched) {
    let retention = Retention {
        age: Duration::from_secs(1 << 30),
        versions: 10_000,
    };
    block_on(main_in(log).compact(&retention, minute(60))).unwrap();
}

fn size(value: &Value) -> usize {
    value.to_string().len()
}

#[test]
fn forty_rewrites_of_one_value_are_one_operation() {
    for bytes in [30, 1_500, 5_000] {
        let log = portfolio();
        write_each(
            &log,
            (10..50).map(|n| set("notes", format!("{n}{}", "x".repeat(bytes)), 20)),
        );
        let answer = pull(&log, 1);
        assert_eq!(answer["changes"].as_array().unwrap().len(), 1, "{bytes} bytes");
        assert!(size(&answer) < bytes + 400, "{bytes}: {}", size(&answer));
    }
}

#[test]
fn elements_that_are_added_edited_moved_and_deleted_again_are_not_sent() {
    let log = portfolio();
    let tx = |id: u64| json!(["tx", {"id": id}]);
    write_each(&log, [set("tx", json!([{"id": 1, "n": 0}, {"id": 2, "n": 0}]), 20)]);
    let before = everything(&log.log).last().unwrap().version;
    let edits = (10..30_u64).flat_map(|id| {
        [
            json!({"op": "set", "path": tx(id), "value": {"id": id, "note": "x".repeat(100)}, "after": null}),
            json!({"op": "set", "path": ["tx", {"id": id}, "note"], "value": "y".repeat(200)}),
            json!({"op": "move", "path": tx(id), "after": null}),
            json!({"op": "delete", "path": tx(id)}),
            json!({"op": "set", "path": ["tx", {"id": 2}, "n"], "value": id}),
        ]
    });
    write_each(&log, edits);
    let answer = pull(&log, before);
    assert!(size(&answer) < 2_500, "{}", size(&answer));
    let counter = json!({"op": "set", "path": ["tx", {"id": 2}, "n"], "value": 29});
    let changes = answer["changes"].as_array().unwrap();
    assert_eq!(
        changes
            .iter()
            .filter(|op| op["path"] == counter["path"])
            .collect::<Vec<_>>(),
        [&counter]
    );
    assert!(changes.iter().all(|op| op["op"] != "move" && op["path"][2] != "note"));
}

#[test]
fn a_device_that_repeats_an_accepted_sync_gets_the_later_operations_squashed() {
    let log = portfolio();
    let request = body("phone", "s1", 1, &[set("mine", 1, 5)], 5);
    sync(&log, &request, 5);
    write_each(
        &log,
        (10..50).map(|n| set("notes", format!("{n}{}", "x".repeat(1_500)), 20)),
    );
    let again = wire(&sync(&log, &request, 30).answer);
    assert_eq!(again["changes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_pull_of_rewrites_takes_no_request_more_than_before() {
    let log = portfolio();
    // Every patch is inside its change, and the squashed operations are small: no look at the directory.
    write_each(
        &log,
        (10..50).map(|n| set("notes", format!("{n}{}", "x".repeat(1_500)), 20)),
    );
    log.requests();
    pull(&log, 1);
    assert_eq!(log.requests(), ["since"]);
    // With patches stored apart, the sum of their operations still decides whether they are read.
    write_each(
        &log,
        (10..14).map(|n| set("notes", format!("{n}{}", "x".repeat(5_000)), 20)),
    );
    compact(&log);
    log.requests();
    let answer = pull(&log, 1);
    assert_eq!(answer["document"]["notes"].as_str().unwrap().len(), 5_002);
    assert_eq!(log.requests(), ["since", "entry", "snapshot_before"]);
}

#[test]
fn an_answer_1800_syncs_behind_two_refreshing_phones_is_about_as_small_as_the_document() {
    for is_compacted in [true, false] {
        let log = portfolio();
        let (coins, rounds) = if is_compacted { (40, 900_u32) } else { (40, 60) };
        for _ in 0..rounds / 30 {
            refresh(&log, coins, 30);
            if is_compacted {
                compact(&log);
            }
        }
        let head = everything(&log.log).last().unwrap().version;
        assert_eq!(head, 1 + 2 * u64::from(rounds));
        let document = size(&wire(&server_at(&log.log, head)));
        for base in [1, head / 2, head - 1] {
            for device in ["third", "ann", "ben"] {
                let request = body(device, &format!("pull-{device}-{base}"), base, &[], 50);
                let answer = wire(&sync(&log, &request, 50).answer);
                let most = document * 12 / 10 + 256 * 1024;
                assert!(size(&answer) <= most, "{device} at {base}: {} bytes", size(&answer));
                if device == "third" {
                    assert!(size(&answer) < 8 * 1024, "{device} at {base}: {} bytes", size(&answer));
                }
            }
        }
    }
}

#[test]
fn a_merge_far_behind_two_refreshing_phones_answers_the_difference() {
    let log = portfolio();
    refresh(&log, 40, 30);
    let request = body("third", "edit", 1, &[set("mine", 1, 30)], 30);
    for _ in 0..2 {
        let answer = wire(&send(&log, &request, 31).unwrap().answer);
        assert!(size(&answer) < 8 * 1024, "{}", size(&answer));
        assert_eq!(answer["conflicts"], json!([]));
    }
}
