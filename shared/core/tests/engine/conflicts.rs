//! The conflicts that an answer reports: those of its sync, and those that the device's edits lost since its base.

use crate::fixture::{Watched, body, everything, key, main_in, minute, portfolio, send, set, sync, value, wire};
use crate::retained::snapshot;
use coinolio_core::portfolio::{MAX_REPORTED_BYTES, MAX_REPORTED_CONFLICTS};
use coinolio_core::store::{ChangeLog, Directory};
use coinolio_core::sync::{DeviceNames, Retention};
use coinolio_core::wire::{v1, v2};
use pollster::block_on;
use serde_json::{Value, json};
use std::time::Duration;

/// Returns edits of the prices `from..to`, made at minute `at`.
fn prices(range: std::ops::Range<u32>, price: &str, at: u32) -> Vec<Value> {
    range
        .map(|coin| set(&format!("prices.coin{coin}"), price, at))
        .collect()
}

/// Lets two phones refresh the same prices at the same time, `rounds` times: each round makes two versions, of which
/// the second records a conflict for every price.
pub(crate) fn refresh(log: &Watched, coins: u32, rounds: u32) {
    let mut head = everything(&log.log).last().unwrap().version;
    for round in 0..rounds {
        let base = head;
        for (phone, seconds) in [("ann", 0), ("ben", 1)] {
            let id = format!("{phone}{base}");
            let edits = prices(0..coins, &format!("{round}.{seconds}"), 10 + seconds);
            head = send(log, &body(phone, &id, base, &edits, 11), 11)
                .unwrap()
                .answer
                .version;
        }
    }
}

fn pull(log: &Watched, device: &str, base: u64) -> v2::SyncResponse {
    let id = format!("{device}-pull-{base}-{}", everything(&log.log).len());
    sync(log, &body(device, &id, base, &[], 50), 50).answer
}

fn sync_v1(log: &Watched, body: &Value, at: u32) -> v1::SyncResponse {
    let request = v1::SyncRequest::from_json(value(body)).unwrap();
    let portfolio = main_in(log);
    block_on(portfolio.sync_v1(&mut crate::fixture::Attempts(3), request, minute(at)))
        .unwrap()
        .answer
}

/// Returns the version, index and last token of the path of each conflict of an answer.
fn shown(answer: &Value) -> Vec<(u64, u64, String)> {
    let conflict = |conflict: &Value| {
        let path = conflict["path"].as_array().unwrap();
        (
            conflict["version"].as_u64().unwrap(),
            conflict["index"].as_u64().unwrap(),
            path.last().unwrap().as_str().unwrap().to_owned(),
        )
    };
    answer["conflicts"].as_array().unwrap().iter().map(conflict).collect()
}

#[test]
fn a_third_device_is_not_told_of_the_conflicts_of_two_others() {
    let log = portfolio();
    refresh(&log, 20, 12);
    let answer = pull(&log, "third", 1);
    assert_eq!((answer.conflicts.len(), answer.conflicts_omitted), (0, 0));
    // The same with an edit, without a base, by v1 with each of its echoes, and for a repetition.
    let edit = [set("third", 1, 20)];
    for base in [1, 0] {
        let request = body("third", &format!("edit{base}"), base, &edit, 20);
        for _ in 0..2 {
            let answer = sync(&log, &request, 20).answer;
            assert_eq!(
                (answer.conflicts.len(), answer.conflicts_omitted),
                (0, 0),
                "base {base}"
            );
        }
    }
    let created = everything(&log.log)[0].last_sync_at.to_string();
    for (echo, last_sync_at) in [
        (json!(1), json!(null)),
        (json!(null), json!(created)),
        (json!(null), json!(null)),
    ] {
        let data = json!({"assets": {"btc": {"amount": "1.0", "note": "cold"}, "eth": {"amount": "10"}},
            "old": 1, "metadata": {"base": echo, "timestamp": created}});
        let request =
            json!({"client_data": data, "client_version": 1, "device_id": "old", "last_sync_at": last_sync_at});
        for _ in 0..2 {
            let answer = sync_v1(&log, &request, 21);
            assert_eq!((answer.conflicts.len(), answer.conflicts_omitted), (0, 0), "{request}");
        }
    }
}

#[test]
fn a_pull_does_not_read_the_patches_of_others_for_their_conflicts() {
    let log = portfolio();
    refresh(&log, 60, 40);
    let retention = Retention {
        age: Duration::from_secs(1 << 30),
        versions: 1000,
    };
    block_on(main_in(&log).compact(&retention, minute(12))).unwrap();
    log.requests();
    let answer = pull(&log, "third", 1);
    assert_eq!((answer.conflicts.len(), answer.conflicts_omitted), (0, 0));
    assert!(matches!(answer.delta, v2::Delta::Document(_)));
    assert_eq!(log.requests(), ["since", "entry", "snapshot_before"]);
}

#[test]
fn each_device_is_told_of_its_own_edits_that_lost_also_of_those_that_its_base_has() {
    let log = portfolio();
    let phones = [set("a", "phone", 8), set("b", "phone", 8)];
    assert_eq!(sync(&log, &body("phone", "p", 1, &phones, 9), 9).answer.version, 2);
    // The tablet's `a` is newer and wins; its `b` is older and loses.
    let tablets = [set("a", "tablet", 9), set("b", "tablet", 7)];
    let met = wire(&sync(&log, &body("tablet", "t", 1, &tablets, 10), 10).answer);
    let both = [(3, 0, "a".to_owned()), (3, 1, "b".to_owned())];
    assert_eq!(shown(&met), both);
    // The phone's base has its edits, and the conflict came later.
    assert_eq!(shown(&wire(&pull(&log, "phone", 2))), [(3, 0, "a".to_owned())]);
    assert_eq!(shown(&wire(&pull(&log, "phone", 1))), [(3, 0, "a".to_owned())]);
    assert_eq!(shown(&wire(&pull(&log, "phone", 3))), []);
    // A pull of the tablet is another sync than the one that met the conflicts.
    assert_eq!(shown(&wire(&pull(&log, "tablet", 2))), [(3, 1, "b".to_owned())]);
    // A repetition is answered as the first time, also after others have written.
    sync(&log, &body("laptop", "l", 3, &[set("c", 1, 12)], 12), 12);
    let again = wire(&sync(&log, &body("tablet", "t", 1, &tablets, 13), 13).answer);
    assert_eq!(shown(&again), both);
    assert_eq!(again["conflicts_omitted"], 0);
}

#[test]
fn a_device_is_told_of_an_edit_that_lost_after_its_own_change_has_expired() {
    let log = portfolio();
    sync(&log, &body("phone", "p", 1, &[set("a", "phone", 8)], 9), 9);
    sync(&log, &body("laptop", "l", 2, &[set("c", 1, 9)], 9), 9);
    let met = sync(&log, &body("tablet", "t", 1, &[set("a", "tablet", 9)], 10), 10).answer;
    assert_eq!((met.version, met.conflicts.len()), (4, 1));
    block_on(snapshot(&log.log, key(), 3));
    block_on(log.log.retain_from(key(), 3)).unwrap();
    for change in everything(&log.log).iter().filter(|change| change.version <= 3) {
        block_on(log.log.remove(key(), change)).unwrap();
    }
    let mut pull = body("phone", "q", 2, &[], 50);
    pull["base_lost"] = json!(true);
    assert_eq!(shown(&wire(&sync(&log, &pull, 50).answer)), [(4, 0, "a".to_owned())]);
}

#[test]
fn a_v1_device_is_told_of_its_own_edits_that_lost_and_of_no_others() {
    let log = portfolio();
    let at_base = json!({"a": "phone", "b": "phone"});
    sync_v1(
        &log,
        &json!({"client_data": at_base, "client_version": 1, "device_id": "phone", "last_sync_at": null}),
        9,
    );
    send(
        &log,
        &body("tablet", "t", 1, &[set("a", "tablet", 10), set("b", "tablet", 7)], 11),
        11,
    )
    .unwrap();
    send(&log, &body("laptop", "l", 1, &[set("z", 1, 10)], 12), 12).unwrap();
    send(&log, &body("ann", "x", 4, &[set("z", 2, 13)], 13), 13).unwrap();
    send(&log, &body("ben", "y", 4, &[set("z", 3, 14)], 14), 14).unwrap();
    let data = json!({"a": "phone", "b": "phone", "metadata": {"base": 2}});
    let answer = sync_v1(
        &log,
        &json!({"client_data": data, "client_version": 2, "device_id": "phone", "last_sync_at": null}),
        15,
    );
    assert_eq!(shown(&wire(&answer)), [(3, 0, "a".to_owned())]);
    assert_eq!(wire(&answer)["conflicts_omitted"], 0);
}

#[test]
fn only_the_newest_conflict_at_each_path_is_told_and_the_others_are_counted() {
    let log = portfolio();
    sync(
        &log,
        &body("phone", "p", 1, &[set("a", "phone", 5), set("b", "phone", 5)], 5),
        5,
    );
    let tablets = [set("a", "tablet", 9), set("b", "tablet", 9)];
    sync(&log, &body("tablet", "t", 1, &tablets, 9), 9);
    // The phone goes on without having received the tablet's edits.
    for round in 0..3 {
        let edits = [set("a", round, 6)];
        sync(&log, &body("phone", &format!("p{round}"), 2, &edits, 10), 10);
    }
    let answer = wire(&pull(&log, "phone", 1));
    let history = block_on(main_in(&log).history(None, 50, &DeviceNames::new()))
        .unwrap()
        .answer;
    let records = history.changes.iter().flat_map(|change| change.conflicts.iter().rev());
    let is_lost = |record: &Value| {
        let loser = if record["winner"] == "client" {
            "server"
        } else {
            "client"
        };
        record[loser]["device_id"] == "phone"
    };
    let lost: Vec<Value> = records.map(wire).filter(is_lost).collect();
    let mut newest: Vec<Value> = Vec::new();
    for record in &lost {
        if newest.iter().all(|newer| newer["path"] != record["path"]) {
            newest.push(record.clone());
        }
    }
    newest.sort_by_key(|record| (record["version"].as_u64(), record["index"].as_u64()));
    assert_eq!(answer["conflicts"], json!(newest));
    assert_eq!(shown(&answer).len(), 2);
    assert_eq!(answer["conflicts_omitted"], lost.len() - 2);
    assert_eq!(lost.len(), 5);
}

#[test]
fn an_answer_has_at_most_100_conflicts_and_256_kb_of_them() {
    let log = portfolio();
    let many = 250;
    send(&log, &body("phone", "p", 1, &prices(0..many, "1", 9), 9), 9).unwrap();
    let tablets = body("tablet", "t", 1, &prices(0..many, "2", 8), 9);
    for _ in 0..2 {
        let answer = sync(&log, &tablets, 10).answer;
        assert_eq!(answer.conflicts.len(), MAX_REPORTED_CONFLICTS);
        assert_eq!(answer.conflicts_omitted, u64::from(many) - 100);
    }

    let log = portfolio();
    let large = "x".repeat(60 * 1024);
    let edits = |by: &str, at| -> Vec<Value> {
        let small = (0..5).map(|n| set(&format!("small{n}"), by, at));
        let large = (0..5).map(|n| set(&format!("large{n}"), format!("{by}{large}"), at));
        large.chain(small).collect()
    };
    send(&log, &body("phone", "p", 1, &edits("p", 9), 9), 9).unwrap();
    let answer = sync(&log, &body("tablet", "t", 1, &edits("t", 8), 9), 10).answer;
    let bytes: usize = answer
        .conflicts
        .iter()
        .map(|record| wire(record).to_string().len())
        .sum();
    assert!(u64::try_from(bytes).unwrap() <= MAX_REPORTED_BYTES);
    // Two conflicts of 120 KB fit, and the small ones behind them.
    assert_eq!((answer.conflicts.len(), answer.conflicts_omitted), (7, 3));

    // A conflict that is too large by itself leaves room for the others.
    let log = portfolio();
    let huge = "x".repeat(300 * 1024);
    let edits = |by: &str, at| [set("huge", format!("{by}{huge}"), at), set("small", by, at)];
    send(&log, &body("phone", "p", 1, &edits("p", 9), 9), 9).unwrap();
    let answer = wire(&sync(&log, &body("tablet", "t", 1, &edits("t", 8), 9), 10).answer);
    assert_eq!(shown(&answer), [(3, 1, "small".to_owned())]);
    assert_eq!(answer["conflicts_omitted"], 1);
}
