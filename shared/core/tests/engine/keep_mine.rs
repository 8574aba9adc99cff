//! Keep-mine: a user brings back the losing value of a conflict.

use crate::fixture::{
    Event, Watched, body, delete, device, everything, minute, portfolio, send, server_at, set, sync, wire,
};
use crate::undoing::{
    appends, conflict, delete_portfolio, head_kind, keep_mine, keep_mine_of, pulled, refused, restore,
};
use coinolio_core::error::Code;
use coinolio_core::json::Value;
use coinolio_core::log::{Kind, Version};
use coinolio_core::store::MemoryStore;
use coinolio_core::sync::Report;
use serde_json::json;

fn amount(log: &Watched, version: Version) -> serde_json::Value {
    wire(&server_at(&log.log, version))["assets"]["btc"]["amount"].clone()
}

#[test]
fn keep_mine_sets_the_losing_value_again_on_top_of_the_head() {
    let log = conflict();
    sync(&log, &body("phone", "s1", 3, &[set("other", 1, 11)], 11), 11);
    log.requests();
    let answered = keep_mine(&log, 3, 0, 12).unwrap();
    assert_eq!(
        log.requests(),
        ["entry", "since", "snapshot_before", "between", "append"]
    );
    assert_eq!((answered.answer.version, answered.answer.last_sync_at), (5, minute(12)));
    assert_eq!(answered.answer.last_sync_device, Some(device("car")));
    assert_eq!(amount(&log, 5), "3.0");
    assert_eq!(wire(&server_at(&log.log, 5))["other"], 1);
    let head = everything(&log.log).pop().unwrap();
    let expected = Report {
        outcome: None,
        patch_bytes: head.patch_bytes,
        ..Report::default()
    };
    assert_eq!(answered.report, expected);
    assert_eq!(
        (head.kind, head.sync_id.unwrap().as_str()),
        (Kind::KeptMine, "keep-mine.3.0")
    );
    for base in 1..=5 {
        assert_eq!(pulled(&log, "laptop", base, 13), server_at(&log.log, 5), "base {base}");
    }
}

#[test]
fn a_repeated_keep_mine_has_no_second_effect_however_late_it_comes() {
    let log = conflict();
    keep_mine(&log, 3, 0, 11).unwrap();
    let before = everything(&log.log);
    let repeated = keep_mine(&log, 3, 0, 12).unwrap();
    assert!(repeated.report.repeated);
    assert_eq!(repeated.answer.version, 4);
    assert_eq!(everything(&log.log), before);
    // The tablet then writes the same field. A late repetition leaves that edit alone.
    sync(
        &log,
        &body("tablet", "t9", 4, &[set("assets.btc.amount", "7", 13)], 13),
        13,
    );
    let before = everything(&log.log);
    assert_eq!(keep_mine(&log, 3, 0, 14).unwrap().answer.version, 5);
    assert_eq!(everything(&log.log), before);
    assert_eq!(amount(&log, 5), "7");
}

#[test]
fn keep_mine_is_recorded_even_if_the_head_already_has_the_value() {
    let log = conflict();
    sync(
        &log,
        &body("tablet", "t8", 3, &[set("assets.btc.amount", "3.0", 11)], 11),
        11,
    );
    assert_eq!(keep_mine(&log, 3, 0, 12).unwrap().answer.version, 5);
    let head = everything(&log.log).pop().unwrap();
    assert_eq!((head.kind, head.patch_bytes), (Kind::KeptMine, 0));
    sync(
        &log,
        &body("tablet", "t9", 5, &[set("assets.btc.amount", "7", 13)], 13),
        13,
    );
    keep_mine(&log, 3, 0, 14).unwrap();
    assert_eq!(amount(&log, 6), "7", "the late repetition undoes nothing");
}

#[test]
fn keep_mine_of_a_losing_deletion_deletes_the_value() {
    let log = portfolio();
    sync(
        &log,
        &body("phone", "p", 1, &[set("assets.btc.amount", "2.0", 8)], 9),
        9,
    );
    sync(&log, &body("tablet", "t", 1, &[delete("assets.btc", 7)], 10), 10);
    assert_eq!(amount(&log, 3), "2.0");
    keep_mine(&log, 3, 0, 11).unwrap();
    assert_eq!(
        wire(&server_at(&log.log, 4)),
        json!({"assets": {"eth": {"amount": "10"}}})
    );
    // After a restore brought the value back, a late repetition does not delete it again.
    restore(&log, 3, 12).unwrap();
    assert_eq!(amount(&log, 5), "2.0");
    assert_eq!(keep_mine(&log, 3, 0, 13).unwrap().answer.version, 5);
}

#[test]
fn keep_mine_brings_back_the_servers_value_if_the_client_won() {
    let log = portfolio();
    sync(
        &log,
        &body("phone", "p", 1, &[set("assets.btc.amount", "2.0", 7)], 9),
        9,
    );
    let met = sync(
        &log,
        &body("tablet", "t", 1, &[set("assets.btc.amount", "3.0", 8)], 10),
        10,
    );
    assert_eq!(wire(&met.answer.conflicts)[0]["winner"], "client");
    keep_mine(&log, 3, 0, 11).unwrap();
    assert_eq!(amount(&log, 4), "2.0");
}

#[test]
fn keep_mine_selects_each_conflict_of_a_version_by_its_index() {
    let log = portfolio();
    let edits = |value: &str, at| {
        let members = ["assets.btc.amount", "assets.btc.note", "assets.eth.amount"];
        members.map(|member| set(member, format!("{value} {member}"), at))
    };
    sync(&log, &body("phone", "p", 1, &edits("phone", 8), 9), 9);
    sync(&log, &body("tablet", "t", 1, &edits("tablet", 7), 10), 10);
    keep_mine(&log, 3, 1, 11).unwrap();
    keep_mine(&log, 3, 2, 12).unwrap();
    let document = wire(&server_at(&log.log, 5));
    let expected = json!({"btc": {"amount": "phone assets.btc.amount", "note": "tablet assets.btc.note"},
        "eth": {"amount": "tablet assets.eth.amount"}});
    assert_eq!(document["assets"], expected);
    assert_eq!(refused(&log, || keep_mine(&log, 3, 3, 13)), Code::NotFound);
}

#[test]
fn keep_mine_brings_back_a_deleted_element_together_with_its_list() {
    let log = portfolio();
    let tx = |n| json!([{"op": "set", "path": ["tx", {"id": 1}, "n"], "value": n}]);
    let list = [set("tx", json!([{"id": 1, "n": 0}, {"id": 2, "n": 0}]), 1)];
    sync(&log, &body("phone", "p1", 1, &list, 1), 1);
    sync(&log, &body("phone", "p2", 2, tx(1).as_array().unwrap(), 2), 2);
    let removed = json!([{"op": "delete", "path": ["tx", {"id": 1}], "modified_at": "2026-01-01T00:09:00.000Z"}]);
    sync(&log, &body("tablet", "t1", 2, removed.as_array().unwrap(), 9), 9);
    sync(&log, &body("phone", "p3", 4, &[delete("tx", 10)], 10), 10);
    keep_mine(&log, 4, 0, 11).unwrap();
    assert_eq!(wire(&server_at(&log.log, 6))["tx"], json!([{"id": 1, "n": 1}]));
}

#[test]
fn keep_mine_of_a_conflict_that_does_not_exist_is_not_found() {
    let log = conflict();
    for (version, index) in [(3, 1), (3, 1 << 52), (2, 0), (1, 0), (0, 0), (4, 0), (1 << 52, 0)] {
        assert_eq!(
            refused(&log, || keep_mine(&log, version, index, 11)),
            Code::NotFound,
            "{version} {index}"
        );
    }
    let empty = Watched::default();
    assert_eq!(refused(&empty, || keep_mine(&empty, 3, 0, 11)), Code::NotFound);
    delete_portfolio(&log, 11);
    assert_eq!(refused(&log, || keep_mine(&log, 3, 0, 12)), Code::Deleted);
    restore(&log, 3, 13).unwrap();
    keep_mine(&log, 3, 0, 14).unwrap();
    assert_eq!(amount(&log, 6), "3.0");
}

#[test]
fn only_one_of_two_keep_mines_sent_at_once_is_written() {
    let log = conflict();
    log.expect(Event::Before(Box::new(|log: &MemoryStore| {
        keep_mine(log, 3, 0, 11).unwrap();
    })));
    let answered = keep_mine(&log, 3, 0, 12).unwrap();
    assert_eq!((answered.answer.version, answered.report.repeated), (4, true));
    assert_eq!(everything(&log.log).len(), 4);

    let log = conflict();
    log.expect(Event::SentTwice);
    let answered = keep_mine(&log, 3, 0, 11).unwrap();
    assert_eq!((answered.answer.version, appends(&log)), (4, 1));
    assert_eq!(everything(&log.log).len(), 4);
    assert_eq!(head_kind(&log), Kind::KeptMine);
}

#[test]
fn a_beaten_keep_mine_is_tried_again_on_top_of_the_faster_change() {
    let log = conflict();
    log.expect(Event::Before(Box::new(|log: &MemoryStore| {
        send(
            log,
            &body("laptop", "l", 3, &[set("assets.btc.amount", "8", 11)], 11),
            11,
        )
        .unwrap();
    })));
    let answered = keep_mine(&log, 3, 0, 12).unwrap();
    assert_eq!(answered.answer.version, 5);
    assert_eq!(appends(&log), 2, "one of them beaten");
    assert_eq!(amount(&log, 5), "3.0");
}

#[test]
fn the_device_that_asks_gets_the_value_of_its_side_and_any_other_device_the_losing_one() {
    // The phone's 2.0 won against the tablet's 3.0.
    for (body, expected) in [
        (json!({"device_id": "phone"}), "2.0"),
        (json!({"device_id": "tablet"}), "3.0"),
        (json!({"device_id": "car"}), "3.0"),
        (json!({}), "3.0"),
        (json!({"device_id": "phone", "value": "client"}), "3.0"),
        (json!({"device_id": "tablet", "value": "server"}), "2.0"),
        (json!({"value": "client"}), "3.0"),
        (json!({"value": "server"}), "2.0"),
    ] {
        let log = conflict();
        assert_eq!(keep_mine_of(&log, 3, 0, &body, 11).unwrap().answer.version, 4, "{body}");
        assert_eq!(
            (amount(&log, 4), head_kind(&log)),
            (json!(expected), Kind::KeptMine),
            "{body}"
        );
        assert_eq!(
            everything(&log.log)[3].conflicts,
            0,
            "nothing was written in between: {body}"
        );
    }
    let log = conflict();
    for value in [json!("mine"), json!(1), json!([])] {
        let body = json!({"device_id": "phone", "value": value});
        assert_eq!(refused(&log, || keep_mine_of(&log, 3, 0, &body, 11)), Code::Malformed);
    }
}

#[test]
fn each_value_of_a_conflict_is_brought_back_once() {
    let log = conflict();
    for (value, version, expected) in [
        ("client", 4, "3.0"),
        ("client", 4, "3.0"),
        ("server", 5, "2.0"),
        ("client", 5, "2.0"),
        ("server", 5, "2.0"),
    ] {
        let answered = keep_mine_of(&log, 3, 0, &json!({"value": value}), 11).unwrap();
        assert_eq!(answered.answer.version, version, "{value}");
        assert_eq!(amount(&log, version), expected, "{value}");
    }
    assert_eq!(everything(&log.log).len(), 5);
}

/// Returns a log whose version 3 recorded one conflict about the whole list `tags`, which both devices replaced:
/// `phones` won against `tablets`.
fn list_conflict(base: &serde_json::Value, phones: &serde_json::Value, tablets: &serde_json::Value) -> Watched {
    let log = Watched::default();
    sync(&log, &body("phone", "p0", 0, &[set("tags", base.clone(), 1)], 1), 1);
    sync(&log, &body("phone", "p1", 1, &[set("tags", phones.clone(), 8)], 9), 9);
    let met = sync(
        &log,
        &body("tablet", "t1", 1, &[set("tags", tablets.clone(), 7)], 10),
        10,
    );
    assert_eq!(wire(&met.answer.conflicts)[0]["path"], json!(["tags"]));
    assert_eq!(wire(&server_at(&log.log, 3))["tags"], *phones);
    log
}

/// Returns rows without ids.
fn rows(names: &[&str]) -> serde_json::Value {
    names.iter().map(|name| json!({"row": name})).collect()
}

#[test]
fn keep_mine_of_a_lists_conflict_retains_the_elements_added_since() {
    let log = list_conflict(&json!("x"), &rows(&["a", "b"]), &json!({"odd": 1}));
    let added = ["c", "d", "e", "f", "g"];
    for (version, name) in (3..).zip(added) {
        let edit = json!({"op": "set", "path": ["tags", {"value": {"row": name}}], "value": {"row": name}});
        sync(&log, &body("laptop", name, version, &[edit], 11), 11);
    }
    let all = rows(&["a", "b", "c", "d", "e", "f", "g"]);
    assert_eq!(wire(&server_at(&log.log, 8))["tags"], all);
    // The winner's value is still there: everything that was added to it stays.
    assert_eq!(
        keep_mine_of(&log, 3, 0, &json!({"device_id": "phone"}), 12)
            .unwrap()
            .answer
            .version,
        9
    );
    assert_eq!(wire(&server_at(&log.log, 9))["tags"], all);
    // The other value is no list, so the list with the additions loses: in a conflict, so that it can be brought back.
    let answered = keep_mine_of(&log, 3, 0, &json!({"device_id": "tablet"}), 13).unwrap();
    assert_eq!((answered.answer.version, answered.report.conflicts), (10, 1));
    assert_eq!(wire(&server_at(&log.log, 10))["tags"], json!({"odd": 1}));
    keep_mine_of(&log, 10, 0, &json!({"value": "server"}), 14).unwrap();
    assert_eq!(wire(&server_at(&log.log, 11))["tags"], all);

    // Both devices replaced the same row.
    let log = list_conflict(
        &rows(&["a", "b", "c", "d", "e", "f"]),
        &rows(&["a1", "b", "c", "d", "e", "f"]),
        &rows(&["a2", "b", "c", "d", "e", "f"]),
    );
    for (version, name) in (3..).zip(["g", "h", "i", "j", "k"]) {
        let edit = json!({"op": "set", "path": ["tags", {"value": {"row": name}}], "value": {"row": name}});
        sync(&log, &body("laptop", name, version, &[edit], 11), 11);
    }
    assert_eq!(keep_mine(&log, 3, 0, 12).unwrap().report.conflicts, 0);
    let mut kept = wire(&server_at(&log.log, 9))["tags"].as_array().unwrap().clone();
    kept.sort_by_key(ToString::to_string);
    assert_eq!(
        json!(kept),
        rows(&["a2", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"])
    );

    // Both values are lists, and one of them is opaque.
    let element = |id: u64, n: u64| json!({"id": id, "n": n});
    let log = list_conflict(&json!("x"), &json!([[1], 2]), &json!([element(1, 2), element(2, 0)]));
    let list = json!([element(1, 1)]);
    sync(&log, &body("laptop", "l", 3, &[set("tags", list, 11)], 11), 11);
    keep_mine_of(&log, 3, 0, &json!({"device_id": "tablet"}), 12).unwrap();
    let kept = wire(&server_at(&log.log, 5))["tags"].clone();
    assert_eq!(kept, json!([element(1, 2), element(2, 0)]));
}

#[test]
fn five_later_additions_stay_when_the_losing_list_is_brought_back() {
    let numbered =
        |from: u64, to: u64, n: u64| -> serde_json::Value { (from..to).map(|id| json!({"id": id, "n": n})).collect() };
    let log = portfolio();
    // The phone replaces the list by a scalar, the tablet edits it; the phone's is newer.
    sync(&log, &body("phone", "p1", 1, &[set("tx", numbered(0, 5, 0), 1)], 1), 1);
    sync(&log, &body("phone", "p2", 2, &[delete("tx", 8)], 9), 9);
    let tx6 = json!({"op": "set", "path": ["tx", {"id": 5}], "value": {"id": 5, "n": 0}, "modified_at": "2026-01-01T00:07:00.000Z"});
    sync(&log, &body("tablet", "t1", 2, &[tx6], 10), 10);
    for id in 6..11_u64 {
        let edit = json!({"op": "set", "path": ["tx", {"id": id}], "value": {"id": id, "n": 1}});
        sync(&log, &body("laptop", &format!("l{id}"), id - 2, &[edit], 11), 11);
    }
    assert_eq!(wire(&server_at(&log.log, 9))["tx"].as_array().unwrap().len(), 5);
    let answered = keep_mine_of(&log, 4, 0, &json!({"device_id": "tablet"}), 12).unwrap();
    assert_eq!(answered.report.conflicts, 0);
    let kept = wire(&server_at(&log.log, 10))["tx"].clone();
    let ids: std::collections::BTreeSet<u64> = kept
        .as_array()
        .unwrap()
        .iter()
        .map(|tx| tx["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (0..11).collect());
}

#[test]
fn a_value_that_keep_mine_replaces_unseen_is_a_conflict_of_which_its_author_is_told() {
    let replaced = |base: Option<u64>| {
        let log = conflict();
        sync(
            &log,
            &body("laptop", "l", 3, &[set("assets.btc.amount", "7", 11)], 11),
            11,
        );
        log.requests();
        let body = json!({"device_id": "tablet", "base_version": base});
        let answered = keep_mine_of(&log, 3, 0, &body, 12).unwrap();
        assert_eq!(amount(&log, 5), "3.0");
        let requests = log.requests();
        let told = sync(&log, &crate::fixture::body("laptop", "pull", 4, &[], 13), 13)
            .answer
            .conflicts;
        (answered.report.conflicts, wire(&told), requests)
    };
    for unseen in [None, Some(3)] {
        let (conflicts, told, requests) = replaced(unseen);
        assert_eq!(conflicts, 1);
        let expected = json!([{"index": 0, "path": ["assets", "btc", "amount"], "version": 5, "winner": "client", "rule": "newest",
            "client": {"value": "3.0", "device_id": "tablet", "modified_at": "2026-01-01T00:12:00.000Z"},
            "server": {"value": "7", "device_id": "laptop", "modified_at": "2026-01-01T00:11:00.000Z"}}]);
        assert_eq!(told, expected);
        let read = ["snapshot_before", "between"];
        assert_eq!(requests, [&["entry", "since"][..], &read, &read, &["append"]].concat());
    }
    let (conflicts, told, requests) = replaced(Some(4));
    assert_eq!((conflicts, told), (0, json!([])));
    assert_eq!(requests, ["entry", "since", "snapshot_before", "between", "append"]);
}

#[test]
fn a_sync_whose_id_looks_like_a_keep_mine_does_not_count_as_its_repetition() {
    let log = conflict();
    sync(&log, &body("phone", "keep-mine.3.0", 3, &[set("n", 1, 11)], 11), 11);
    assert_eq!(keep_mine(&log, 3, 0, 12).unwrap().answer.version, 5);
    assert_eq!(amount(&log, 5), "3.0");
    assert_ne!(server_at(&log.log, 5), Value::empty_object());
}
