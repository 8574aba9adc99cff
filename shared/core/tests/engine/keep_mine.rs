//! Keep-mine: a user brings back the losing value of a conflict.

use crate::fixture::{
    Event, Watched, body, delete, device, everything, minute, portfolio, send, server_at, set, sync, wire,
};
use crate::undoing::{appends, conflict, delete_portfolio, head_kind, keep_mine, pulled, refused, restore};
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
    assert_eq!(answered.answer.last_sync_device, Some(device("phone")));
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
fn a_sync_whose_id_looks_like_a_keep_mine_does_not_count_as_its_repetition() {
    let log = conflict();
    sync(&log, &body("phone", "keep-mine.3.0", 3, &[set("n", 1, 11)], 11), 11);
    assert_eq!(keep_mine(&log, 3, 0, 12).unwrap().answer.version, 5);
    assert_eq!(amount(&log, 5), "3.0");
    assert_ne!(server_at(&log.log, 5), Value::empty_object());
}
