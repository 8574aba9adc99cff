//! v2: a device whose base has expired.

use crate::fixture::{
    Event, Watched, append, body, delete, device, everything, key, main_in, minute, minute_text, on_head, portfolio,
    refusal, send, server_at, set, sync, value, wire,
};
use crate::retained::{Retained, snapshot};
use coinolio_core::algebra::{Rule, Winner};
use coinolio_core::devices::Profile;
use coinolio_core::error::Code;
use coinolio_core::log::{Draft, Patch, Version};
use coinolio_core::store::{Devices, MemoryStore};
use coinolio_core::sync::{MAX_DOCUMENT_BYTES, SyncStatusQuery};
use coinolio_core::wire::Outcome;
use coinolio_core::wire::v2::Delta;
use pollster::block_on;
use serde_json::json;

/// The request by which [`Retained`] asks the log for the change before the base.
const OLDEST: &str = "before";

/// Returns a log of eight versions, of which only those after the fifth are retained. The phone made 1 to 4, the tablet
/// 5 and 6, the watch 7 and 8.
fn eight_versions() -> Watched {
    let log = portfolio();
    for version in 1..8 {
        let name = ["phone", "phone", "phone", "tablet", "tablet", "watch", "watch"][version - 1];
        let edits = [set(&format!("v{}", version + 1), version, 5), set("last", version, 5)];
        let at = u32::try_from(version).unwrap() * 10;
        let request = body(name, &format!("s{version}"), version as Version, &edits, at);
        sync(&log, &request, at);
    }
    block_on(snapshot(&log.log, key(), RETAINED_FROM));
    log.requests();
    log
}

/// The version of the snapshot at which the retained log begins.
const RETAINED_FROM: Version = 5;

fn retained(log: &Watched) -> Retained<'_, Watched> {
    Retained::after(log, RETAINED_FROM)
}

/// Adds `"base_lost": true` to a request: the device knows that its base has expired.
fn with_base_lost(mut request: serde_json::Value) -> serde_json::Value {
    request["base_lost"] = json!(true);
    request
}

/// Appends version 20 to the log of [`eight_versions`].
fn jump_to_20(log: &Watched) {
    let jump = Draft {
        version: 20,
        ..on_head(&log.log)
    };
    append(&log.log, &jump);
}

#[test]
fn a_base_that_retention_removed_is_expired_which_costs_one_more_request() {
    let log = eight_versions();
    let before = everything(&log.log);
    for base in 1..RETAINED_FROM {
        for changes in [&[][..], &[set("a", 1, 90)]] {
            let error = send(&retained(&log), &body("desk", "d1", base, changes, 90), 90).unwrap_err();
            assert_eq!((error.code, error.code.status()), (Code::BaseExpired, 410));
            assert!(error.detail.contains("\"base_lost\": true"), "{}", error.detail);
            assert_eq!(log.requests(), ["since", OLDEST]);
        }
    }
    assert_eq!(everything(&log.log), before);
}

#[test]
fn a_base_that_never_existed_is_unknown_whatever_expired_and_whatever_the_device_says() {
    let log = eight_versions();
    jump_to_20(&log);
    for (base, requests) in [
        (9, &["since"][..]),
        (15, &["since", "newest"]),
        (21, &["since", "newest"]),
        (1 << 50, &["since", "newest"]),
    ] {
        for request in [
            body("desk", "d1", base, &[], 90),
            with_base_lost(body("desk", "d1", base, &[set("a", 1, 90)], 90)),
        ] {
            assert_eq!(
                send(&retained(&log), &request, 90).unwrap_err().code,
                Code::BaseUnknown,
                "{base}"
            );
            assert_eq!(log.requests(), requests, "base {base}");
        }
    }
    let whole = portfolio();
    assert_eq!(
        refusal(&whole, &with_base_lost(body("desk", "d1", 7, &[], 90)), 90),
        Code::BaseUnknown
    );
}

#[test]
fn a_version_that_a_jump_skipped_is_unknown_while_older_versions_are_retained() {
    let log = eight_versions();
    jump_to_20(&log);
    append(&log.log, &on_head(&log.log));
    let request = body("desk", "d1", 15, &[], 90);
    assert_eq!(send(&retained(&log), &request, 90).unwrap_err().code, Code::BaseUnknown);
    assert_eq!(log.requests(), ["since", OLDEST]);
}

#[test]
fn the_parent_of_the_oldest_retained_change_is_a_base_like_any_other() {
    let log = eight_versions();
    for base in RETAINED_FROM..8 {
        let pulled = send(&retained(&log), &body("desk", "d1", base, &[], 90), 90)
            .unwrap()
            .answer;
        assert!(matches!(pulled.delta, Delta::Changes(_)), "base {base}");
        let edits = [set(&format!("d{base}"), 1, 90)];
        let merged = send(
            &retained(&log),
            &body("desk", &format!("d{base}"), base, &edits, 90),
            90,
        )
        .unwrap();
        assert_eq!(merged.answer.outcome, Outcome::Merged);
        assert!(merged.answer.conflicts.is_empty());
    }
}

#[test]
fn base_lost_is_ignored_if_the_log_has_the_base() {
    let (one, other) = (eight_versions(), eight_versions());
    for base in [0, RETAINED_FROM, 7, 8] {
        let request = body(
            "desk",
            &format!("d{base}"),
            base,
            &[set("last", 9, 90), set("d", base, 90)],
            90,
        );
        let without = send(&retained(&one), &request, 90).unwrap().answer;
        let with = send(&retained(&other), &with_base_lost(request), 90).unwrap().answer;
        assert_eq!(with, without, "base {base}");
    }
    assert_eq!(everything(&one.log), everything(&other.log));
}

#[test]
fn the_device_rank_decides_first_in_conflicts_on_an_expired_base() {
    let log = eight_versions();
    for (name, rank) in [("desk", 1), ("watch", 2)] {
        let profile = Profile {
            rank: Some(rank),
            ..Profile::default()
        };
        block_on(log.log.describe(&key().user, &device(name), &profile, minute(0))).unwrap();
    }
    // This edit is newer than the watch's, so it would win without ranks.
    let answered = send(
        &retained(&log),
        &with_base_lost(body("desk", "d1", 2, &[set("last", 3, 85)], 90)),
        90,
    )
    .unwrap();
    let conflict = &answered.answer.conflicts[0].conflict;
    assert_eq!((conflict.winner, conflict.rule), (Winner::Server, Rule::DeviceRank));
    assert_eq!(wire(&server_at(&log.log, 9))["last"], 7);
}

#[test]
fn each_edit_is_compared_with_the_current_value_and_the_answer_is_the_document() {
    let log = eight_versions();
    let changes = [
        set("last", 3, 85), // wins: the watch wrote 7 at minute 5, which is older
        set("v7", 70, 4),   // loses: the watch's value of minute 5 is newer
        set("v2", 20, 58),  // wins: no author is known, and the oldest retained change is of minute 50
        delete("v3", 40),   // loses: likewise, but minute 50 is newer
        set("v8", 7, 80),   // no conflict: the value is 7 already
        set("assets.btc.amount", "9", 88),
        set("mine", "new", 10), // no conflict: there is no value
        delete("gone", 10),     // no effect: there is no value
    ];
    let request = with_base_lost(body("desk", "d1", 2, &changes, 90));
    log.requests();
    let answered = send(&retained(&log), &request, 90).unwrap();
    assert_eq!(log.requests(), ["since", OLDEST, "snapshot_before", "ranks", "append"]);
    let document = json!({"assets": {"btc": {"amount": "9", "note": "cold"}, "eth": {"amount": "10"}},
        "last": 3, "v2": 20, "v3": 2, "v4": 3, "v5": 4, "v6": 5, "v7": 6, "v8": 7, "mine": "new"});
    let side = |name: Option<&str>, at, value: serde_json::Value| match name {
        Some(name) => json!({"value": value, "device_id": name, "modified_at": minute_text(at)}),
        None => json!({"value": value, "modified_at": minute_text(at)}),
    };
    let (desk, watch) = (Some("desk"), Some("watch"));
    let conflict = |index: u64, path: &[&str], winner, client, server| json!({"index": index, "path": path, "version": 9, "winner": winner, "rule": "newest", "client": client, "server": server});
    assert_eq!(
        wire(&answered.answer),
        json!({"portfolio_id": "main", "version": 9, "last_sync_at": minute_text(90), "last_sync_device": "desk",
               "outcome": "merged", "document": document, "conflicts_omitted": 0, "conflicts": [
            conflict(0, &["last"], "client", side(desk, 85, json!(3)), side(watch, 5, json!(7))),
            conflict(1, &["v7"], "server", side(desk, 4, json!(70)), side(watch, 5, json!(6))),
            conflict(2, &["v2"], "client", side(desk, 58, json!(20)), side(None, 50, json!(1))),
            conflict(3, &["v3"], "server", json!({"deleted": true, "device_id": "desk", "modified_at": minute_text(40)}),
                     side(None, 50, json!(2))),
            conflict(4, &["assets", "btc", "amount"], "client", side(desk, 88, json!("9")), side(None, 50, json!("1.0"))),
        ]})
    );
    assert_eq!(answered.report.conflicts, 5);
    assert!(answered.report.document_bytes.is_some());
    assert_eq!(server_at(&log.log, 9), value(&document));

    let stored = everything(&log.log).pop().unwrap().patch.unwrap();
    let edits: Vec<_> = stored
        .edits
        .iter()
        .map(|edit| (wire(edit.op.path()), edit.at))
        .collect();
    assert_eq!(
        edits,
        [
            (json!(["assets", "btc", "amount"]), minute(88)),
            (json!(["last"]), minute(85)),
            (json!(["mine"]), minute(10)),
            (json!(["v2"]), minute(58)),
        ],
        "the difference from the head, each edit with its own time"
    );
    assert_eq!(stored.conflicts.len(), 5);
    let heard = send(&retained(&log), &body("watch", "w1", 8, &[], 91), 91).unwrap();
    assert_eq!(
        heard.answer.conflicts,
        answered.answer.conflicts[..1],
        "the watch is told of its edit that lost"
    );
}

#[test]
fn a_device_with_an_expired_base_conflicts_with_later_changes_of_its_id() {
    let log = eight_versions();
    let changes = [set("last", 3, 6), set("v7", 70, 4), set("v8", 80, 5)];
    let request = with_base_lost(body("watch", "w1", 2, &changes, 90));
    let answered = send(&retained(&log), &request, 90).unwrap().answer;
    let decided: Vec<_> = answered
        .conflicts
        .iter()
        .map(|record| {
            (
                record.conflict.path.dotted(),
                record.conflict.winner,
                record.conflict.rule,
            )
        })
        .collect();
    assert_eq!(
        decided,
        [
            ("last".into(), Winner::Client, Rule::Newest),
            ("v7".into(), Winner::Server, Rule::Newest),
            ("v8".into(), Winner::Server, Rule::ServerPreference),
        ]
    );
    assert!(
        answered.device_id_reused,
        "the device made version 8, of which it does not know"
    );
}

#[test]
fn a_sync_without_edits_is_answered_with_the_document_and_makes_no_version() {
    let log = eight_versions();
    let answered = send(&retained(&log), &with_base_lost(body("desk", "d1", 2, &[], 90)), 90).unwrap();
    assert_eq!(log.requests(), ["since", OLDEST, "snapshot_before"]);
    assert_eq!(answered.answer.outcome, Outcome::Pulled);
    assert_eq!(answered.answer.delta, Delta::Document(server_at(&log.log, 8)));
    assert_eq!(everything(&log.log).len(), 8);
}

#[test]
fn edits_that_change_nothing_make_a_version_with_an_empty_patch() {
    let log = eight_versions();
    let answered = send(
        &retained(&log),
        &with_base_lost(body("desk", "d1", 2, &[set("last", 7, 1)], 90)),
        90,
    )
    .unwrap();
    assert_eq!((answered.answer.version, answered.answer.outcome), (9, Outcome::Merged));
    assert_eq!(everything(&log.log).pop().unwrap().patch, Some(Patch::default()));
}

#[test]
fn a_repetition_is_recognised_in_the_retained_log_and_has_one_effect() {
    let log = eight_versions();
    let request = body("desk", "d1", 2, &[set("last", 3, 85), set("b", 1, 85)], 90);
    let first = send(&retained(&log), &with_base_lost(request.clone()), 90).unwrap();
    let again = send(&retained(&log), &with_base_lost(request.clone()), 700).unwrap();
    assert_eq!(again.answer, first.answer);
    assert!(again.report.repeated && !first.report.repeated);
    sync(&log, &body("phone", "p1", 9, &[set("b", 2, 91)], 91), 91);
    let later = send(&retained(&log), &with_base_lost(request.clone()), 800)
        .unwrap()
        .answer;
    assert_eq!((later.version, later.conflicts.len()), (10, 1));
    assert_eq!(later.delta, Delta::Document(server_at(&log.log, 10)));
    assert_eq!(everything(&log.log).len(), 10);
    // Without base_lost it is refused like any other request.
    assert_eq!(
        send(&retained(&log), &request, 800).unwrap_err().code,
        Code::BaseExpired
    );
    for other in [
        body("desk", "d1", 2, &[set("last", 4, 85)], 90),
        body("desk", "d1", 3, &[set("last", 3, 85), set("b", 1, 85)], 90),
    ] {
        assert_eq!(
            send(&retained(&log), &with_base_lost(other), 800).unwrap_err().code,
            Code::Invalid
        );
    }
}

#[test]
fn a_repetition_of_a_sync_accepted_before_its_base_expired_is_recognised_too() {
    let log = eight_versions();
    let request = body("desk", "d1", 2, &[set("last", 3, 85)], 90);
    let first = sync(&log, &request, 90).answer;
    let again = send(&retained(&log), &with_base_lost(request), 700).unwrap();
    assert!(again.report.repeated);
    assert_eq!((again.answer.version, again.answer.conflicts), (9, first.conflicts));
    assert_eq!(everything(&log.log).len(), 9);
}

#[test]
fn a_beaten_sync_with_an_expired_base_is_compared_with_the_new_changes() {
    let log = eight_versions();
    log.expect(Event::Before(Box::new(|log: &MemoryStore| {
        send(
            log,
            &body("tablet", "t1", 8, &[set("c", 1, 60), set("b", 1, 60)], 60),
            60,
        )
        .unwrap();
    })));
    let answered = send(
        &retained(&log),
        &with_base_lost(body("desk", "d1", 2, &[set("b", 2, 85)], 90)),
        90,
    )
    .unwrap();
    assert_eq!(
        log.requests(),
        ["since", OLDEST, "snapshot_before", "append", "since", "ranks", "append"],
        "only the new changes are read"
    );
    assert_eq!(answered.answer.version, 10);
    let server = &answered.answer.conflicts[0].conflict.server;
    assert_eq!(server.device_id, Some(device("tablet")));
    let document = wire(&server_at(&log.log, 10));
    assert_eq!((&document["b"], &document["c"]), (&json!(2), &json!(1)));
}

#[test]
fn a_sync_with_an_expired_base_succeeds_if_the_stores_own_retry_finds_it_written() {
    let log = eight_versions();
    log.expect(Event::SentTwice);
    let answered = send(
        &retained(&log),
        &with_base_lost(body("desk", "d1", 2, &[set("last", 3, 85)], 90)),
        90,
    )
    .unwrap();
    assert_eq!((answered.answer.version, answered.answer.conflicts.len()), (9, 1));
    assert_eq!(answered.answer.delta, Delta::Document(server_at(&log.log, 9)));
    assert_eq!(everything(&log.log).len(), 9);
}

#[test]
fn a_sync_with_an_expired_base_is_refused_if_the_document_grows_too_large() {
    let log = eight_versions();
    let half = "x".repeat(usize::try_from(MAX_DOCUMENT_BYTES / 2).unwrap());
    sync(&log, &body("phone", "p1", 8, &[set("half", half.clone(), 80)], 80), 80);
    let request = with_base_lost(body("desk", "d1", 2, &[set("other", half, 90)], 90));
    assert_eq!(send(&retained(&log), &request, 90).unwrap_err().code, Code::TooLarge);
    assert_eq!(everything(&log.log).len(), 9);
}

#[test]
fn base_0_is_known_whatever_has_expired() {
    let log = eight_versions();
    let pulled = send(&retained(&log), &body("desk", "d1", 0, &[], 90), 90)
        .unwrap()
        .answer;
    assert_eq!(
        pulled.delta,
        Delta::Document(server_at(&log.log, 8)),
        "not all operations since version 0 are retained"
    );
    let request = body("desk", "d2", 0, &[set("last", 3, 4), set("mine", 1, 90)], 90);
    let merged = send(&retained(&log), &request, 90).unwrap().answer;
    assert_eq!((merged.version, merged.conflicts.len()), (9, 1));
    assert_eq!(wire(&server_at(&log.log, 9))["mine"], 1);
}

#[test]
fn a_device_with_an_expired_base_needs_a_sync_that_may_conflict() {
    let log = eight_versions();
    for (version, name, local_changes, expected) in [
        (2, "desk", None, (true, true)),
        (2, "desk", Some(false), (true, false)),
        // The retained changes are all the watch's, but an expired one may be another device's.
        (2, "watch", None, (true, true)),
        (6, "watch", None, (true, false)),
    ] {
        let query = SyncStatusQuery {
            version,
            made_at: None,
            device_id: device(name),
            local_changes,
        };
        let status = block_on(main_in(&Retained::after(&log, 6)).sync_status(&query)).unwrap();
        assert_eq!(
            (status.needs_sync, status.has_conflicts),
            expected,
            "{name} at {version}"
        );
    }
}

#[test]
fn an_expired_version_cannot_be_read_and_the_error_says_so() {
    let log = eight_versions();
    let read = |version| block_on(main_in(&retained(&log)).read_v2(Some(version), &[])).map_err(|e| e.code);
    for version in 1..=RETAINED_FROM {
        assert_eq!(read(version).unwrap_err(), Code::BaseExpired, "version {version}");
    }
    for version in RETAINED_FROM + 1..=8 {
        assert!(read(version).is_ok(), "version {version}");
    }
    for version in [0, 9, 1 << 50] {
        assert_eq!(read(version).unwrap_err(), Code::NotFound, "version {version}");
    }
}
