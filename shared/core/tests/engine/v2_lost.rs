//! v2: a device whose base retention has removed.

use crate::fixture::{
    Event, Watched, body, delete, device, everything, key, minute, minute_text, portfolio, refusal, send, server_at,
    set, sync, value, wire,
};
use crate::retained::{Retained, snapshot};
use coinolio_core::algebra::{Rule, Winner};
use coinolio_core::devices::{Devices, Profile};
use coinolio_core::error::Code;
use coinolio_core::log::{Change, ChangeLog, Kind, MemoryLog, NewChange, Patch, Version};
use coinolio_core::sync::{MAX_DOCUMENT_BYTES, Outcome, SyncStatusQuery, portfolios, sync_status};
use coinolio_core::wire::v2::News;
use pollster::block_on;
use serde_json::json;

/// How the whole log behind one that is cut short is asked for the oldest change kept.
const OLDEST: &str = "oldest_since";

/// Eight versions, of which retention has kept those after the fifth: the phone made 1 to 4, the tablet 5 and 6, the
/// watch 7 and 8.
fn eight_versions() -> Watched {
    let log = portfolio();
    for version in 1..8 {
        let name = ["phone", "phone", "phone", "tablet", "tablet", "watch", "watch"][version - 1];
        let edits = [set(&format!("v{}", version + 1), version, 5), set("last", version, 5)];
        let at = u32::try_from(version).unwrap() * 10;
        let request = body(name, &format!("s{version}"), version as Version, &edits, at);
        sync(&log, &request, at);
    }
    block_on(snapshot(&log.log, &key(), KEPT_FROM));
    log.requests();
    log
}

/// The version whose snapshot the log begins with.
const KEPT_FROM: Version = 5;

fn kept(log: &Watched) -> Retained<'_, Watched> {
    Retained::after(log, KEPT_FROM)
}

/// The same request by a device that knows that its base is lost.
fn lost(mut request: serde_json::Value) -> serde_json::Value {
    request["base_lost"] = json!(true);
    request
}

#[test]
fn a_base_that_retention_removed_is_expired_which_costs_one_request_more() {
    let log = eight_versions();
    let before = everything(&log.log);
    for base in 1..KEPT_FROM {
        for changes in [&[][..], &[set("a", 1, 90)]] {
            let error = send(&kept(&log), &body("desk", "d1", base, changes, 90), 90).unwrap_err();
            assert_eq!((error.code, error.code.status()), (Code::BaseExpired, 410));
            assert!(error.detail.contains("\"base_lost\": true"), "{}", error.detail);
            assert_eq!(log.requests(), ["since", OLDEST]);
        }
    }
    assert_eq!(everything(&log.log), before);
}

#[test]
fn a_base_that_never_was_is_unknown_whatever_was_removed_and_whatever_the_device_says() {
    let log = eight_versions();
    let jump = everything(&log.log).pop().unwrap();
    let jump = Change {
        parent: 8,
        version: 20,
        kind: Kind::Synced,
        sync_id: None,
        fingerprint: None,
        ..jump
    };
    let patch = Patch::default();
    block_on(log.log.append(&key(), &NewChange { change: jump, patch })).unwrap();
    for (base, requests) in [
        (9, &["since"][..]),
        (15, &["since", "newest"]),
        (21, &["since", "newest"]),
        (1 << 50, &["since", "newest"]),
    ] {
        for request in [
            body("desk", "d1", base, &[], 90),
            lost(body("desk", "d1", base, &[set("a", 1, 90)], 90)),
        ] {
            assert_eq!(
                send(&kept(&log), &request, 90).unwrap_err().code,
                Code::BaseUnknown,
                "{base}"
            );
            assert_eq!(log.requests(), requests, "base {base}");
        }
    }
    let whole = portfolio();
    assert_eq!(
        refusal(&whole, &lost(body("desk", "d1", 7, &[], 90)), 90),
        Code::BaseUnknown
    );
}

#[test]
fn a_version_passed_over_by_a_jump_is_unknown_while_what_is_older_is_kept() {
    let log = eight_versions();
    let jump = everything(&log.log).pop().unwrap();
    let jump = Change {
        parent: 8,
        version: 20,
        kind: Kind::Synced,
        sync_id: None,
        fingerprint: None,
        ..jump
    };
    let after = Change {
        parent: 20,
        version: 21,
        ..jump.clone()
    };
    for change in [jump, after] {
        let patch = Patch::default();
        block_on(log.log.append(&key(), &NewChange { change, patch })).unwrap();
    }
    let request = body("desk", "d1", 15, &[], 90);
    assert_eq!(send(&kept(&log), &request, 90).unwrap_err().code, Code::BaseUnknown);
    assert_eq!(log.requests(), ["since", OLDEST]);
}

#[test]
fn the_version_that_the_oldest_change_was_made_on_is_a_base_like_any_other() {
    let log = eight_versions();
    for base in KEPT_FROM..8 {
        let pulled = send(&kept(&log), &body("desk", "d1", base, &[], 90), 90)
            .unwrap()
            .answer;
        assert!(matches!(pulled.news, News::Changes(_)), "base {base}");
        let edits = [set(&format!("d{base}"), 1, 90)];
        let merged = send(&kept(&log), &body("desk", &format!("d{base}"), base, &edits, 90), 90).unwrap();
        assert_eq!(merged.answer.outcome, Outcome::Merged);
        assert!(merged.answer.conflicts.is_empty());
    }
}

#[test]
fn base_lost_is_ignored_where_the_log_has_the_base() {
    let (one, other) = (eight_versions(), eight_versions());
    for base in [0, KEPT_FROM, 7, 8] {
        let request = body(
            "desk",
            &format!("d{base}"),
            base,
            &[set("last", 9, 90), set("d", base, 90)],
            90,
        );
        let without = send(&kept(&one), &request, 90).unwrap().answer;
        let with = send(&kept(&other), &lost(request), 90).unwrap().answer;
        assert_eq!(with, without, "base {base}");
    }
    assert_eq!(everything(&one.log), everything(&other.log));
}

#[test]
fn a_lost_bases_conflicts_are_decided_by_rank_first() {
    let log = eight_versions();
    for (name, rank) in [("desk", 1), ("watch", 2)] {
        let profile = Profile {
            rank: Some(rank),
            ..Profile::default()
        };
        block_on(log.log.describe(&key().user, &device(name), &profile, minute(0))).unwrap();
    }
    // Newer than the watch's, which alone would win.
    let answered = send(&kept(&log), &lost(body("desk", "d1", 2, &[set("last", 3, 85)], 90)), 90).unwrap();
    let conflict = &answered.answer.conflicts[0].conflict;
    assert_eq!((conflict.winner, conflict.rule), (Winner::Server, Rule::DeviceRank));
    assert_eq!(wire(&server_at(&log.log, 9))["last"], 7);
}

#[test]
fn each_edit_is_held_against_what_its_place_holds_now_and_the_answer_is_the_document() {
    let log = eight_versions();
    let changes = [
        set("last", 3, 85), // the watch wrote 7 at minute 5, which is older
        set("v7", 70, 4),   // the watch's of minute 5 is newer
        set("v2", 20, 58),  // nobody knows who made it: the oldest change kept is of minute 50
        delete("v3", 40),   // likewise, and that is newer
        set("v8", 7, 80),   // what it holds already
        set("assets.btc.amount", "9", 88),
        set("mine", "new", 10), // holds nothing
        delete("gone", 10),     // likewise
    ];
    let request = lost(body("desk", "d1", 2, &changes, 90));
    log.requests();
    let answered = send(&kept(&log), &request, 90).unwrap();
    assert_eq!(log.requests(), ["since", OLDEST, "snapshot_before", "ranks", "append"]);
    let document = json!({"assets": {"btc": {"amount": "9", "note": "cold"}, "eth": {"amount": "10"}},
        "last": 3, "v2": 20, "v3": 2, "v4": 3, "v5": 4, "v6": 5, "v7": 6, "v8": 7, "mine": "new"});
    let side = |name: Option<&str>, at, value: serde_json::Value| match name {
        Some(name) => json!({"value": value, "device_id": name, "modified_at": minute_text(at)}),
        None => json!({"value": value, "modified_at": minute_text(at)}),
    };
    let (desk, watch) = (Some("desk"), Some("watch"));
    let conflict = |path: &[&str], winner, client, server| json!({"path": path, "version": 9, "winner": winner, "rule": "newest", "client": client, "server": server});
    assert_eq!(
        wire(&answered.answer),
        json!({"portfolio_id": "main", "version": 9, "last_sync_at": minute_text(90), "last_sync_device": "desk",
               "outcome": "merged", "document": document, "conflicts": [
            conflict(&["last"], "client", side(desk, 85, json!(3)), side(watch, 5, json!(7))),
            conflict(&["v7"], "server", side(desk, 4, json!(70)), side(watch, 5, json!(6))),
            conflict(&["v2"], "client", side(desk, 58, json!(20)), side(None, 50, json!(1))),
            conflict(&["v3"], "server", json!({"deleted": true, "device_id": "desk", "modified_at": minute_text(40)}),
                     side(None, 50, json!(2))),
            conflict(&["assets", "btc", "amount"], "client", side(desk, 88, json!("9")), side(None, 50, json!("1.0"))),
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
        "the difference to the head, each at its own time"
    );
    assert_eq!(stored.conflicts.len(), 5);
    let heard = send(&kept(&log), &body("watch", "w1", 8, &[], 91), 91).unwrap();
    assert_eq!(
        heard.answer.conflicts, answered.answer.conflicts,
        "every device hears of them"
    );
}

#[test]
fn what_the_device_itself_altered_is_not_concurrent() {
    let log = eight_versions();
    let changes = [set("last", 3, 6), set("v7", 70, 4), set("v8", 80, 5)];
    let answered = send(&kept(&log), &lost(body("watch", "w1", 2, &changes, 90)), 90).unwrap();
    assert!(answered.answer.conflicts.is_empty());
    let document = wire(&server_at(&log.log, 9));
    assert_eq!(
        (&document["last"], &document["v7"], &document["v8"]),
        (&json!(3), &json!(6), &json!(80)),
        "the later stands, the request's of equal times"
    );
}

#[test]
fn without_edits_the_answer_is_the_document_and_there_is_no_version() {
    let log = eight_versions();
    let answered = send(&kept(&log), &lost(body("desk", "d1", 2, &[], 90)), 90).unwrap();
    assert_eq!(log.requests(), ["since", OLDEST, "snapshot_before"]);
    assert_eq!(answered.answer.outcome, Outcome::Pulled);
    assert_eq!(answered.answer.news, News::Document(server_at(&log.log, 8)));
    assert_eq!(everything(&log.log).len(), 8);
}

#[test]
fn edits_that_are_all_there_already_make_a_version_with_an_empty_patch() {
    let log = eight_versions();
    let answered = send(&kept(&log), &lost(body("desk", "d1", 2, &[set("last", 7, 1)], 90)), 90).unwrap();
    assert_eq!((answered.answer.version, answered.answer.outcome), (9, Outcome::Merged));
    assert_eq!(everything(&log.log).pop().unwrap().patch, Some(Patch::default()));
}

#[test]
fn a_repetition_is_recognised_in_the_kept_log_and_has_one_effect() {
    let log = eight_versions();
    let request = body("desk", "d1", 2, &[set("last", 3, 85), set("b", 1, 85)], 90);
    let first = send(&kept(&log), &lost(request.clone()), 90).unwrap();
    let again = send(&kept(&log), &lost(request.clone()), 700).unwrap();
    assert_eq!(again.answer, first.answer);
    assert!(again.report.repeated && !first.report.repeated);
    sync(&log, &body("phone", "p1", 9, &[set("b", 2, 91)], 91), 91);
    let later = send(&kept(&log), &lost(request.clone()), 800).unwrap().answer;
    assert_eq!((later.version, later.conflicts.len()), (10, 1));
    assert_eq!(later.news, News::Document(server_at(&log.log, 10)));
    assert_eq!(everything(&log.log).len(), 10);
    // Without base_lost it is refused as any other.
    assert_eq!(send(&kept(&log), &request, 800).unwrap_err().code, Code::BaseExpired);
    for other in [
        body("desk", "d1", 2, &[set("last", 4, 85)], 90),
        body("desk", "d1", 3, &[set("last", 3, 85), set("b", 1, 85)], 90),
    ] {
        assert_eq!(send(&kept(&log), &lost(other), 800).unwrap_err().code, Code::Invalid);
    }
}

#[test]
fn a_sync_taken_before_its_base_expired_is_recognised_too() {
    let log = eight_versions();
    let request = body("desk", "d1", 2, &[set("last", 3, 85)], 90);
    let first = sync(&log, &request, 90).answer;
    let again = send(&kept(&log), &lost(request), 700).unwrap();
    assert!(again.report.repeated);
    assert_eq!((again.answer.version, again.answer.conflicts), (9, first.conflicts));
    assert_eq!(everything(&log.log).len(), 9);
}

#[test]
fn the_loser_of_a_race_is_held_against_what_is_new() {
    let log = eight_versions();
    log.expect(Event::Before(Box::new(|log: &MemoryLog| {
        send(
            log,
            &body("tablet", "t1", 8, &[set("c", 1, 60), set("b", 1, 60)], 60),
            60,
        )
        .unwrap();
    })));
    let answered = send(&kept(&log), &lost(body("desk", "d1", 2, &[set("b", 2, 85)], 90)), 90).unwrap();
    assert_eq!(
        log.requests(),
        ["since", OLDEST, "snapshot_before", "append", "since", "ranks", "append"],
        "only what is new is read"
    );
    assert_eq!((answered.answer.version, answered.report.optimistic_retries), (10, 1));
    let server = &answered.answer.conflicts[0].conflict.server;
    assert_eq!(server.device_id, Some(device("tablet")));
    let document = wire(&server_at(&log.log, 10));
    assert_eq!((&document["b"], &document["c"]), (&json!(2), &json!(1)));
}

#[test]
fn our_own_hidden_success_without_a_base_is_a_success() {
    let log = eight_versions();
    log.expect(Event::SentTwice);
    let answered = send(&kept(&log), &lost(body("desk", "d1", 2, &[set("last", 3, 85)], 90)), 90).unwrap();
    assert_eq!((answered.answer.version, answered.answer.conflicts.len()), (9, 1));
    assert_eq!(answered.answer.news, News::Document(server_at(&log.log, 9)));
    assert_eq!(everything(&log.log).len(), 9);
}

#[test]
fn a_document_that_grows_too_large_without_a_base_is_refused() {
    let log = eight_versions();
    let half = "x".repeat(usize::try_from(MAX_DOCUMENT_BYTES / 2).unwrap());
    sync(&log, &body("phone", "p1", 8, &[set("half", half.clone(), 80)], 80), 80);
    let request = lost(body("desk", "d1", 2, &[set("other", half, 90)], 90));
    assert_eq!(send(&kept(&log), &request, 90).unwrap_err().code, Code::TooLarge);
    assert_eq!(everything(&log.log).len(), 9);
}

#[test]
fn base_0_is_known_whatever_was_removed() {
    let log = eight_versions();
    let pulled = send(&kept(&log), &body("desk", "d1", 0, &[], 90), 90).unwrap().answer;
    assert_eq!(
        pulled.news,
        News::Document(server_at(&log.log, 8)),
        "the operations on top of nothing are not all kept"
    );
    let request = body("desk", "d2", 0, &[set("last", 3, 4), set("mine", 1, 90)], 90);
    let merged = send(&kept(&log), &request, 90).unwrap().answer;
    assert_eq!((merged.version, merged.conflicts.len()), (9, 1));
    assert_eq!(wire(&server_at(&log.log, 9))["mine"], 1);
}

#[test]
fn a_status_of_a_device_with_an_expired_base_needs_a_sync_that_may_conflict() {
    let log = eight_versions();
    for (version, name, local_changes, expected) in [
        (2, "desk", None, (true, true)),
        (2, "desk", Some(false), (true, false)),
        // All that is kept is the watch's: what is gone may be another's.
        (2, "watch", None, (true, true)),
        (6, "watch", None, (true, false)),
    ] {
        let query = SyncStatusQuery {
            version,
            device_id: device(name),
            local_changes,
        };
        let status = block_on(sync_status(&Retained::after(&log, 6), &key(), &query)).unwrap();
        assert_eq!(
            (status.needs_sync, status.has_conflicts),
            expected,
            "{name} at {version}"
        );
    }
}

#[test]
fn a_version_that_is_no_longer_kept_cannot_be_read_and_says_so() {
    let log = eight_versions();
    let read = |version| block_on(portfolios::read_v2(&kept(&log), &key(), Some(version), &[])).map_err(|e| e.code);
    for version in 1..=KEPT_FROM {
        assert_eq!(read(version).unwrap_err(), Code::BaseExpired, "version {version}");
    }
    for version in KEPT_FROM + 1..=8 {
        assert!(read(version).is_ok(), "version {version}");
    }
    for version in [0, 9, 1 << 50] {
        assert_eq!(read(version).unwrap_err(), Code::NotFound, "version {version}");
    }
}
