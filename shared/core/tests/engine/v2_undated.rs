//! v2: the times of edits: by the device's clock, by their age, or none at all.

use crate::fixture::{
    Watched, body, device, everything, key, minute, minute_text, portfolio, server_at, set, sync, value, wire,
};
use coinolio_core::algebra::{Rule, Winner};
use coinolio_core::devices::Profile;
use coinolio_core::error::Code;
use coinolio_core::store::Devices;
use coinolio_core::time::Timestamp;
use coinolio_core::wire::v2::SyncRequest;
use pollster::block_on;
use serde_json::json;

const AMOUNT: &str = "assets.btc.amount";

/// Returns an edit that says nothing of its time.
fn undated(path: &str, value: impl Into<serde_json::Value>) -> serde_json::Value {
    let mut edit = set(path, value, 0);
    edit["modified_at"] = json!(null);
    edit
}

/// Returns an edit that was made `age_ms` milliseconds before it is sent.
fn aged(path: &str, value: impl Into<serde_json::Value>, age_ms: i64) -> serde_json::Value {
    let mut edit = undated(path, value);
    edit["age_ms"] = json!(age_ms);
    edit
}

#[test]
fn the_defaults_of_a_reinstalled_app_do_not_overrule_the_users_edits() {
    for name in ["phone", "new"] {
        for rank in [None, Some(100)] {
            let log = portfolio();
            sync(&log, &body("phone", "s1", 1, &[set(AMOUNT, "7", 5)], 6), 6);
            sync(
                &log,
                &body("tablet", "s2", 2, &[set("assets.eth.amount", "12", 5)], 6),
                6,
            );
            for (name, rank) in [(name, rank), ("tablet", Some(1))] {
                let profile = Profile {
                    rank,
                    ..Profile::default()
                };
                block_on(log.log.describe(&key().user, &device(name), &profile, minute(0))).unwrap();
            }
            let defaults = [
                undated(AMOUNT, "1"),
                undated("assets.eth.amount", "0"),
                undated("theme", "dark"),
            ];
            let request = body(name, "s3", 0, &defaults, 60);
            let answer = sync(&log, &request, 60).answer;
            let conflicts: Vec<_> = answer.conflicts.iter().map(|record| &record.conflict).collect();
            assert_eq!(conflicts.len(), 2, "{name}");
            for conflict in &conflicts {
                assert_eq!(
                    (conflict.winner, conflict.rule),
                    (Winner::Server, Rule::Newest),
                    "{name}, {rank:?}"
                );
                assert_eq!(conflict.client.device_id, Some(device(name)));
                assert_eq!(conflict.client.modified_at, Timestamp::EARLIEST);
            }
            let document = wire(&server_at(&log.log, 4));
            assert_eq!(
                (&document["assets"]["btc"]["amount"], &document["theme"]),
                (&json!("7"), &json!("dark"))
            );
            assert_eq!(sync(&log, &request, 70).answer, answer);
        }
    }
}

#[test]
fn an_addition_without_a_time_stays_older_than_everything() {
    let log = portfolio();
    sync(&log, &body("new", "s1", 0, &[undated("theme", "dark")], 60), 60);
    let answer = sync(&log, &body("tablet", "s2", 1, &[set("theme", "light", 1)], 61), 61).answer;
    assert_eq!(answer.conflicts[0].conflict.winner, Winner::Client);
}

#[test]
fn a_time_or_an_age_counts_without_a_base_too() {
    let log = portfolio();
    sync(
        &log,
        &body(
            "phone",
            "s1",
            1,
            &[set(AMOUNT, "7", 30), set("assets.eth.amount", "12", 30)],
            30,
        ),
        30,
    );
    let edits = [
        set(AMOUNT, "8", 31),
        aged("assets.eth.amount", "13", 60_000),
        undated("theme", "dark"),
    ];
    let answer = sync(&log, &body("tablet", "s2", 0, &edits, 60), 60).answer;
    let winners: Vec<_> = answer.conflicts.iter().map(|record| record.conflict.winner).collect();
    assert_eq!(winners, [Winner::Client, Winner::Client]);
    let aged = &answer.conflicts[1].conflict.client;
    assert_eq!(aged.modified_at, minute(59));
}

#[test]
fn an_edit_without_a_time_is_made_when_it_is_received_if_it_has_a_base_or_creates_the_portfolio() {
    let log = Watched::default();
    sync(&log, &body("phone", "s1", 0, &[undated("a", 1)], 3), 3);
    sync(&log, &body("phone", "s2", 1, &[undated("a", 2)], 4), 4);
    sync(&log, &body("tablet", "s3", 1, &[undated("b", 2)], 5), 5);
    let times: Vec<_> = everything(&log.log)
        .into_iter()
        .map(|change| change.patch.unwrap().edits[0].at)
        .collect();
    assert_eq!(times, [minute(3), minute(4), minute(5)]);
}

#[test]
fn an_age_is_exact_whatever_the_devices_clock_says() {
    let log = portfolio();
    let mut request = body("phone", "s1", 1, &[aged("a", 1, 90_000), aged("b", 1, 0)], 30);
    request["sent_at"] = json!("1999-01-01T00:00:00Z");
    sync(&log, &request, 40);
    let edits = everything(&log.log).pop().unwrap().patch.unwrap().edits;
    let times: Vec<_> = edits.iter().map(|edit| edit.at.millis()).collect();
    assert_eq!(times, [minute(40).millis() - 90_000, minute(40).millis()]);
    // A repetition measures the age anew.
    request["changes"][0]["age_ms"] = json!(150_000);
    assert!(sync(&log, &request, 41).report.repeated);
    let oldest = aged("a", 2, 9_007_199_254_740_991);
    sync(&log, &body("phone", "s2", 2, &[oldest], 42), 42);
    let head = everything(&log.log).pop().unwrap();
    assert_eq!(head.patch.unwrap().edits[0].at, Timestamp::EARLIEST);
}

#[test]
fn an_edit_has_a_time_or_an_age_but_not_both() {
    let mut both = aged("a", 1, 5);
    both["modified_at"] = json!(minute_text(1));
    let wrong = [json!(-1), json!(0.5), json!("5"), json!(true), json!(1e300)].map(|age| {
        let mut edit = undated("a", 1);
        edit["age_ms"] = age;
        edit
    });
    for edit in std::iter::once(both).chain(wrong) {
        let error = SyncRequest::from_json(&value(&body("phone", "s1", 1, &[edit], 1))).unwrap_err();
        assert_eq!(error.code, Code::Malformed);
        assert!(error.detail.starts_with("changes[0].age_ms "), "{}", error.detail);
    }
}
