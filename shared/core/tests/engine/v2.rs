//! v2: pulls, accepted edits, creations and merges.

use crate::fixture::{
    Event, Watched, append, body, delete, device, everything, key, minute, minute_text, on_head, portfolio, rebased,
    refusal, send, server_at, set, sync, value, wire,
};
use coinolio_core::algebra::{Op, Rule, Winner};
use coinolio_core::devices::Profile;
use coinolio_core::error::Code;
use coinolio_core::log::{Draft, Edit, Kind, Patch, SnapshotDraft};
use coinolio_core::store::{Devices, Directory, Snapshots};
use coinolio_core::sync::MAX_DOCUMENT_BYTES;
use coinolio_core::wire::Outcome;
use coinolio_core::wire::v2::Delta;
use pollster::block_on;
use serde_json::json;

#[test]
fn edits_on_the_head_cost_one_read_and_one_append() {
    let log = portfolio();
    let answered = sync(
        &log,
        &body("phone", "s1", 1, &[set("assets.btc.amount", "2.0", 5)], 6),
        6,
    );
    assert_eq!(log.requests(), ["since", "append"]);
    assert_eq!(
        wire(&answered.answer),
        json!({"portfolio_id": "main", "version": 2, "last_sync_at": minute_text(6), "last_sync_device": "phone",
               "outcome": "accepted", "changes": [], "conflicts": [], "conflicts_omitted": 0})
    );
    assert_eq!(answered.report.outcome, Some(Outcome::Accepted));
    assert_eq!(answered.report.document_bytes, None);
    assert!(answered.report.patch_bytes > 0);
    assert_eq!(answered.report.base, Some(1));
}

#[test]
fn a_sync_on_version_0_reports_no_base() {
    let log = Watched::default();
    let created = sync(&log, &body("phone", "s1", 0, &[set("a", 1, 5)], 6), 6);
    assert_eq!((created.answer.version, created.report.base), (1, None));
}

#[test]
fn accepted_operations_are_stored_as_received_with_their_effective_times() {
    let log = portfolio();
    let mut request = body(
        "phone",
        "s1",
        1,
        &[
            set("assets.btc.amount", "2.0", 20),
            delete("assets.eth", 90),
            json!({"op": "set", "path": ["name"], "value": null}),
        ],
        30,
    );
    // The device's clock is ten minutes slow.
    request["sent_at"] = json!(minute_text(30));
    sync(&log, &request, 40);
    let head = everything(&log.log).pop().unwrap();
    let edits = head.patch.unwrap().edits;
    let times: Vec<_> = edits.iter().map(|edit| edit.at).collect();
    assert_eq!(
        times,
        [minute(30), minute(40), minute(40)],
        "corrected by the clock's error; limited to the time received; the time received itself"
    );
    let ops: Vec<_> = edits.iter().map(|edit| wire(&edit.op)).collect();
    assert_eq!(
        ops,
        [
            json!({"op": "set", "path": ["assets", "btc", "amount"], "value": "2.0"}),
            json!({"op": "delete", "path": ["assets", "eth"]}),
            json!({"op": "set", "path": ["name"], "value": null}),
        ]
    );
}

#[test]
fn a_pull_costs_one_read_and_returns_the_operations_since_its_base_in_log_order() {
    let log = portfolio();
    sync(
        &log,
        &body("phone", "s1", 1, &[set("assets.btc.amount", "2.0", 5)], 5),
        5,
    );
    sync(
        &log,
        &body("phone", "s2", 2, &[set("assets.eth.amount", "3.0", 6)], 6),
        6,
    );
    log.requests();
    let answered = sync(&log, &body("tablet", "s3", 1, &[], 7), 7);
    assert_eq!(log.requests(), ["since"]);
    assert_eq!(
        wire(&answered.answer),
        json!({"portfolio_id": "main", "version": 3, "last_sync_at": minute_text(6), "last_sync_device": "phone",
               "outcome": "pulled", "conflicts": [], "conflicts_omitted": 0, "changes": [
                   {"op": "set", "path": ["assets", "btc", "amount"], "value": "2.0"},
                   {"op": "set", "path": ["assets", "eth", "amount"], "value": "3.0"}]})
    );
}

#[test]
fn a_pull_at_the_head_is_up_to_date_and_makes_no_version() {
    let log = portfolio();
    let answered = sync(&log, &body("tablet", "s1", 1, &[], 7), 7);
    assert_eq!(log.requests(), ["since"]);
    assert_eq!(answered.answer.outcome, Outcome::UpToDate);
    assert_eq!(answered.answer.delta, Delta::Changes(Vec::new()));
    assert_eq!(answered.answer.version, 1);
}

#[test]
fn a_sync_on_base_0_creates_the_portfolio_named_by_the_request_or_else_by_its_id() {
    for (name, expected) in [(json!("Savings"), "Savings"), (json!(null), "main")] {
        let log = Watched::default();
        let mut request = body("phone", "s1", 0, &[set("a", 1, 0)], 3);
        request["name"] = name;
        let answered = sync(&log, &request, 3);
        assert_eq!(log.requests(), ["since", "create"]);
        assert_eq!(answered.answer.outcome, Outcome::Accepted);
        assert_eq!(answered.answer.version, 1);
        let entry = block_on(log.log.entry(key())).unwrap().unwrap();
        assert_eq!((entry.name.as_str(), entry.created), (expected, minute(3)));
        assert_eq!(everything(&log.log)[0].kind, Kind::Created);
        assert_eq!(server_at(&log.log, 1), value(&json!({"a": 1})));
    }
}

#[test]
fn an_empty_portfolio_is_created_if_the_request_has_a_name() {
    let log = Watched::default();
    let mut request = body("phone", "s1", 0, &[], 3);
    assert_eq!(refusal(&log, &request, 3), Code::NotFound);
    request["name"] = json!("Savings");
    for _ in 0..2 {
        assert_eq!(sync(&log, &request, 3).answer.version, 1);
    }
    assert_eq!(everything(&log.log).len(), 1);
}

#[test]
fn creating_an_existing_portfolio_merges_with_an_empty_base() {
    let log = portfolio();
    let mine = json!({"btc": {"amount": "7.0"}, "ada": {"amount": "3"}});
    let request = body("tablet", "s1", 0, &[set("assets", mine, 9)], 9);
    let answered = sync(&log, &request, 9);
    assert_eq!(answered.answer.outcome, Outcome::Merged);
    assert_eq!(
        rebased(&log.log, &request, &answered.answer),
        value(
            &json!({"assets": {"btc": {"amount": "7.0", "note": "cold"}, "eth": {"amount": "10"}, "ada": {"amount": "3"}}})
        )
    );
    assert_eq!(
        wire(&answered.answer.conflicts),
        json!([{"index": 0, "path": ["assets", "btc", "amount"], "version": 2, "winner": "client", "rule": "newest",
                "client": {"value": "7.0", "device_id": "tablet", "modified_at": minute_text(9)},
                "server": {"value": "1.0", "device_id": "phone", "modified_at": minute_text(0)}}])
    );
}

#[test]
fn edits_of_different_assets_both_survive() {
    let log = portfolio();
    sync(
        &log,
        &body("phone", "s1", 1, &[set("assets.btc.amount", "2.0", 5)], 5),
        5,
    );
    log.requests();
    let request = body("tablet", "s2", 1, &[set("assets.eth.amount", "11", 4)], 6);
    let answered = sync(&log, &request, 6);
    let requests = log.requests();
    assert_eq!(
        requests,
        ["since", "append"],
        "the window reaches back to the beginning"
    );
    assert_eq!(
        wire(&answered.answer),
        json!({"portfolio_id": "main", "version": 3, "last_sync_at": minute_text(6), "last_sync_device": "tablet",
               "outcome": "merged", "conflicts": [], "conflicts_omitted": 0,
               "changes": [{"op": "set", "path": ["assets", "btc", "amount"], "value": "2.0"}]})
    );
    let stored = everything(&log.log).pop().unwrap().patch.unwrap();
    assert_eq!(stored.edits.len(), 1, "only the tablet's edit is new to the server");
    assert_eq!(stored.edits[0].at, minute(4), "dated with the client's own time");
}

#[test]
fn a_merge_costs_at_most_four_queries_and_an_append() {
    let log = portfolio();
    let long = "x".repeat(5_000);
    for version in 1..=5 {
        sync(
            &log,
            &body("phone", &format!("p{version}"), version, &[set("n", version, 5)], 5),
            5,
        );
    }
    sync(&log, &body("phone", "p6", 6, &[set("notes", long, 5)], 5), 5);
    log.requests();
    sync(&log, &body("tablet", "t1", 5, &[set("t", 1, 6)], 6), 6);
    assert_eq!(
        log.requests(),
        ["since", "snapshot_before", "between", "patch", "append"]
    );
}

#[test]
fn two_edits_of_one_field_are_a_conflict_that_the_device_that_met_it_is_told_of() {
    let log = portfolio();
    let phones = body("phone", "s1", 1, &[set("assets.btc.amount", "2.0", 8)], 9);
    sync(&log, &phones, 9);
    let tablets = body("tablet", "s2", 1, &[delete("assets.btc", 7)], 10);
    let answered = sync(&log, &tablets, 10);
    let conflicts = json!([{"index": 0, "path": ["assets", "btc"], "version": 3, "winner": "server", "rule": "newest",
        "client": {"deleted": true, "device_id": "tablet", "modified_at": minute_text(7)},
        "server": {"value": {"amount": "2.0", "note": "cold"}, "device_id": "phone", "modified_at": minute_text(8)}}]);
    assert_eq!(wire(&answered.answer.conflicts), conflicts);
    assert_eq!(answered.report.conflicts, 1);
    let pulled = sync(&log, &body("phone", "s3", 2, &[], 11), 11);
    assert!(pulled.answer.conflicts.is_empty(), "the phone's edit won");
    let pulled = sync(&log, &body("tablet", "s4", 2, &[], 12), 12);
    assert_eq!(wire(&pulled.answer.conflicts), conflicts, "the tablet's edit lost");
    assert_eq!(pulled.report.conflicts, 0, "the conflict is not new");
    assert_eq!(pulled.answer.version, 3);
    let later = sync(&log, &body("tablet", "s5", 3, &[], 13), 13);
    assert!(later.answer.conflicts.is_empty(), "the conflict is older than the base");
}

#[test]
fn the_servers_value_wins_if_the_times_are_equal() {
    let log = portfolio();
    sync(
        &log,
        &body("phone", "s1", 1, &[set("assets.btc.amount", "2.0", 8)], 9),
        9,
    );
    let answered = sync(
        &log,
        &body("tablet", "s2", 1, &[set("assets.btc.amount", "3.0", 8)], 10),
        10,
    );
    let conflicts = wire(&answered.answer.conflicts);
    assert_eq!(conflicts[0]["rule"], "server_preference");
    assert_eq!(conflicts[0]["winner"], "server");
}

#[test]
fn the_same_value_from_both_sides_makes_a_version_with_an_empty_patch() {
    let log = portfolio();
    sync(
        &log,
        &body("phone", "s1", 1, &[set("assets.btc.amount", "2.0", 8)], 9),
        9,
    );
    let answered = sync(
        &log,
        &body("tablet", "s2", 1, &[set("assets.btc.amount", "2.0", 7)], 10),
        10,
    );
    assert_eq!((answered.answer.version, answered.answer.outcome), (3, Outcome::Merged));
    assert!(answered.answer.conflicts.is_empty());
    let head = everything(&log.log).pop().unwrap();
    assert_eq!(head.patch, Some(Patch::default()));
    assert_eq!(head.device_id, Some(device("tablet")));
}

#[test]
fn last_sync_at_strictly_increases_whatever_the_clock_does() {
    let log = portfolio();
    sync(&log, &body("phone", "s1", 1, &[set("a", 1, 8)], 9), 9);
    let answered = sync(&log, &body("phone", "s2", 2, &[set("a", 2, 3)], 4), 4);
    assert_eq!(answered.answer.last_sync_at.millis(), minute(9).millis() + 1);
}

#[test]
fn a_missing_portfolio_is_not_found_and_a_missing_base_is_unknown() {
    let log = Watched::default();
    assert_eq!(
        refusal(&log, &body("phone", "s1", 3, &[set("a", 1, 0)], 0), 0),
        Code::NotFound
    );
    assert_eq!(refusal(&log, &body("phone", "s1", 3, &[], 0), 0), Code::NotFound);
    assert_eq!(refusal(&log, &body("phone", "s1", 0, &[], 0), 0), Code::NotFound);
    let log = portfolio();
    for base in [2, 3, 1 << 50] {
        assert_eq!(
            refusal(&log, &body("phone", "s1", base, &[set("a", 1, 0)], 0), 0),
            Code::BaseUnknown
        );
        assert_eq!(refusal(&log, &body("phone", "s1", base, &[], 0), 0), Code::BaseUnknown);
    }
}

#[test]
fn a_deleted_portfolio_is_gone_for_every_sync() {
    let log = portfolio();
    let deletion = Draft {
        kind: Kind::Deleted,
        ..on_head(&log.log)
    };
    append(&log.log, &deletion);
    for base in 0..=2 {
        assert_eq!(
            refusal(&log, &body("phone", "new", base, &[set("a", 1, 0)], 9), 9),
            Code::Deleted
        );
        assert_eq!(refusal(&log, &body("phone", "new", base, &[], 9), 9), Code::Deleted);
    }
}

#[test]
fn the_higher_rank_wins_among_any_number_of_ranked_devices() {
    for ranked in 2..=4 {
        let log = portfolio();
        for (rank, name) in ["phone", "tablet", "desk", "watch"]
            .into_iter()
            .take(ranked)
            .enumerate()
        {
            let profile = Profile {
                rank: u8::try_from(rank).ok(),
                ..Profile::default()
            };
            block_on(log.log.describe(&key().user, &device(name), &profile, minute(0))).unwrap();
        }
        let path = "assets.btc.amount";
        sync(&log, &body("tablet", "t", 1, &[set(path, "2.0", 5)], 6), 6);
        let newer = sync(&log, &body("phone", "p", 1, &[set(path, "3.0", 7)], 8), 8);
        let conflict = &newer.answer.conflicts[0].conflict;
        let decided = (conflict.winner, conflict.rule);
        assert_eq!(
            decided,
            (Winner::Server, Rule::DeviceRank),
            "{ranked} devices have a rank"
        );
    }
}

#[test]
fn ranks_are_not_read_if_the_servers_value_has_no_author() {
    let log = portfolio();
    let path = "assets.btc.amount";
    let edit = Edit {
        op: Op::from_json(&value(&set(path, "2.0", 5))).unwrap(),
        at: minute(5),
    };
    let replaced = Draft {
        kind: Kind::Replaced,
        device_id: None,
        patch: Patch {
            edits: vec![edit],
            conflicts: Vec::new(),
        },
        ..on_head(&log.log)
    };
    append(&log.log, &replaced);
    log.requests();
    let met = sync(&log, &body("phone", "p", 1, &[set(path, "3.0", 7)], 8), 8);
    assert_eq!(met.answer.conflicts[0].conflict.server.device_id, None);
    assert_eq!(log.requests(), ["since", "append"]);
}

#[test]
fn versions_that_a_jump_skipped_are_unknown() {
    let log = portfolio();
    let jump = Draft {
        version: 11,
        ..on_head(&log.log)
    };
    append(&log.log, &jump);
    let at_head = sync(&log, &body("phone", "s1", 11, &[], 9), 9);
    assert_eq!(at_head.answer.outcome, Outcome::UpToDate);
    assert_eq!(log.requests(), ["since", "newest"]);
    for base in [2, 5, 10] {
        assert_eq!(refusal(&log, &body("phone", "s2", base, &[], 9), 9), Code::BaseUnknown);
    }
    let merged = sync(&log, &body("phone", "s3", 11, &[set("a", 1, 9)], 9), 9);
    assert_eq!(merged.answer.version, 12);
    assert_eq!(
        sync(&log, &body("tablet", "s4", 11, &[set("b", 1, 9)], 9), 9)
            .answer
            .version,
        13
    );
}

#[test]
fn a_document_over_the_limit_is_refused() {
    assert_eq!(MAX_DOCUMENT_BYTES, 6_291_456, "AsyncStorage's 6 MB");
    let log = portfolio();
    let half = "x".repeat(usize::try_from(MAX_DOCUMENT_BYTES / 2).unwrap());
    sync(&log, &body("phone", "s1", 1, &[set("a", half.clone(), 1)], 1), 1);
    assert_eq!(
        refusal(&log, &body("phone", "s2", 2, &[set("b", half.clone(), 2)], 2), 2),
        Code::TooLarge
    );
    assert_eq!(
        refusal(&log, &body("tablet", "s3", 1, &[set("b", half.clone(), 2)], 2), 2),
        Code::TooLarge,
        "in a merge too"
    );
    let fresh = Watched::default();
    let twice = [set("a", half.clone(), 0), set("b", half.clone(), 0)];
    assert_eq!(refusal(&fresh, &body("phone", "s1", 0, &twice, 0), 0), Code::TooLarge);

    log.requests();
    let replaced = sync(&log, &body("phone", "s4", 2, &[set("a", half, 2)], 2), 2);
    assert_eq!(
        replaced.answer.version, 3,
        "the bound is over the limit, the document is not"
    );
    assert!(replaced.report.document_bytes.is_some());
}

#[test]
fn a_pull_is_answered_with_the_document_if_the_changes_would_be_larger() {
    let log = portfolio();
    for version in 1..=3 {
        let long = format!("{version}").repeat(4_000);
        sync(
            &log,
            &body("phone", &format!("p{version}"), version, &[set("notes", long, 5)], 5),
            5,
        );
    }
    let pull = body("tablet", "t1", 1, &[], 6);
    assert!(
        matches!(sync(&log, &pull, 6).answer.delta, Delta::Changes(_)),
        "the document is not known to be smaller"
    );
    let head = everything(&log.log).pop().unwrap();
    let snapshot = SnapshotDraft::of(&head, server_at(&log.log, 4));
    block_on(async {
        let mark = log.log.write_snapshot(key(), &snapshot).await.unwrap();
        assert!(log.log.mark_snapshot(key(), &mark).await.unwrap());
    });
    log.requests();
    let answered = sync(&log, &pull, 6);
    assert_eq!(answered.answer.delta, Delta::Document(snapshot.document));
    assert_eq!(
        log.requests(),
        ["since", "entry", "snapshot_before"],
        "the directory entry has a tighter bound"
    );
    let answer = wire(&answered.answer);
    assert!(answer.get("changes").is_none() && answer["document"].is_object());

    let replaced: Vec<_> = ["assets", "notes"].map(|name| delete(name, 9)).into();
    let few = sync(&log, &body("tablet", "t2", 1, &replaced[..1], 9), 9);
    assert!(
        matches!(few.answer.delta, Delta::Changes(_)),
        "the difference between the two documents is smaller"
    );
}

#[test]
fn a_sync_on_a_throttled_log_is_answered_with_unavailable() {
    let log = portfolio();
    *log.throttled.lock().unwrap() = true;
    assert_eq!(refusal(&log, &body("phone", "s1", 1, &[], 0), 0), Code::Unavailable);
    *log.throttled.lock().unwrap() = false;
    log.expect(Event::Throttled);
    assert_eq!(
        refusal(&log, &body("phone", "s1", 1, &[set("a", 1, 0)], 0), 0),
        Code::Unavailable
    );
    assert!(send(&log, &body("phone", "s1", 1, &[set("a", 1, 0)], 0), 0).is_ok());
}
