//! v2: a device whose base the log does not know sends its whole document.

use crate::fixture::{
    Event, Watched, append, body, device, everything, minute, minute_text, on_head, portfolio, refusal, send,
    server_at, set, sync, value, wire,
};
use coinolio_core::algebra::{Rule, Winner};
use coinolio_core::error::Code;
use coinolio_core::json::Value;
use coinolio_core::log::{Draft, Kind};
use coinolio_core::store::MemoryStore;
use coinolio_core::sync::{Answered, MAX_DOCUMENT_BYTES};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::Outcome;
use coinolio_core::wire::v2::{Delta, SyncRequest, SyncResponse};
use serde_json::json;

/// Returns a rejoin of the phone, whose base was made at minute `base_at`.
fn rejoin(document: &serde_json::Value, base_at: u32) -> serde_json::Value {
    json!({"rejoin": true, "device_id": "phone", "sync_id": "r1", "document": document,
           "base_at": minute_text(base_at), "sent_at": minute_text(60)})
}

/// Sends a rejoin that must succeed, and checks that the answer has the server's document.
fn rejoined(log: &Watched, request: &serde_json::Value) -> Answered<SyncResponse> {
    let answered = send(log, request, 60).unwrap_or_else(|error| panic!("{request} was refused: {error}"));
    let Delta::Document(document) = &answered.answer.delta else {
        panic!("an answer to a rejoin has the document");
    };
    assert_eq!(*document, server_at(&log.log, answered.answer.version));
    answered
}

fn document(answered: &Answered<SyncResponse>) -> serde_json::Value {
    wire(&answered.answer)["document"].clone()
}

/// Returns the path and the winner of each conflict.
fn conflicts(answered: &Answered<SyncResponse>) -> Vec<(String, Winner)> {
    let records = answered.answer.conflicts.iter().map(|record| &record.conflict);
    records
        .map(|conflict| (conflict.path.dotted(), conflict.winner))
        .collect()
}

/// Returns a log that was restored at version 1 and then got version 2 from the tablet, at minute 40: `btc` is 9.
fn restored() -> Watched {
    let log = portfolio();
    sync(
        &log,
        &body("tablet", "t1", 1, &[set("assets.btc.amount", "9", 40)], 40),
        40,
    );
    log.requests();
    log
}

#[test]
fn acknowledged_edits_come_back_after_a_backup_with_the_device_that_has_them() {
    let log = restored();
    // At version 5, of minute 30, the phone had edited `btc` and `eth` and added `ada`.
    let phones = json!({"assets": {"btc": {"amount": "2", "note": "cold"}, "eth": {"amount": "11"}, "ada": "1"}});
    let unknown = json!({"device_id": "phone", "sync_id": "s1", "base_version": 2, "base_at": minute_text(30),
                         "sent_at": minute_text(60)});
    assert_eq!(refusal(&log, &unknown, 60), Code::BaseUnknown);
    log.requests();
    let answered = rejoined(&log, &rejoin(&phones, 30));
    assert_eq!(
        document(&answered),
        json!({"assets": {"btc": {"amount": "9", "note": "cold"}, "eth": {"amount": "11"}, "ada": "1"}})
    );
    let expected = [
        ("assets.btc.amount".to_owned(), Winner::Server),
        ("assets.eth.amount".to_owned(), Winner::Client),
    ];
    assert_eq!(conflicts(&answered), expected);
    let losing = &answered.answer.conflicts[0].conflict.client;
    assert_eq!((wire(&losing.value), losing.modified_at), (json!("2"), minute(30)));
    assert_eq!(losing.device_id, Some(device("phone")));
    assert_eq!((answered.answer.version, answered.answer.outcome), (3, Outcome::Merged));
    assert!(!answered.answer.device_id_reused);
    let head = everything(&log.log).pop().unwrap();
    assert_eq!((head.base, head.kind), (0, Kind::Synced), "a rejoin has no base");
    assert_eq!(answered.report.base, None);
    assert_eq!(answered.report.conflicts, 2);

    let next = body("phone", "s2", 3, &[set("assets.ada", "2", 61)], 61);
    assert_eq!(sync(&log, &next, 61).answer.outcome, Outcome::Accepted);
}

#[test]
fn nothing_counts_as_deleted() {
    let log = restored();
    let answered = rejoined(&log, &rejoin(&json!({}), 50));
    assert_eq!(conflicts(&answered), []);
    assert_eq!(server_at(&log.log, 2), server_at(&log.log, 3));
    assert_eq!(
        everything(&log.log).len(),
        3,
        "a rejoin makes a version even if it changes nothing"
    );
}

#[test]
fn a_listed_edit_has_its_own_time() {
    let phones = json!({"assets": {"btc": {"amount": "2", "note": "cold"}, "eth": {"amount": "11"}},
                        "list": [{"id": 1, "n": 1}, {"id": 2, "n": 2}]});
    let on_server = json!([{"id": 2, "n": 9}, {"id": 1, "n": 9}]);
    for (path, time, wins) in [
        (
            json!(["assets", "btc", "amount"]),
            json!({"modified_at": minute_text(41)}),
            true,
        ),
        (
            json!(["assets", "btc", "amount"]),
            json!({"modified_at": minute_text(39)}),
            false,
        ),
        (json!(["assets", "btc", "amount"]), json!({"age_ms": 60_000}), true),
        (json!(["assets", "btc"]), json!({"modified_at": minute_text(41)}), true),
        (json!(["assets"]), json!({"modified_at": minute_text(41)}), true),
        (
            json!(["assets", "eth", "amount"]),
            json!({"modified_at": minute_text(41)}),
            false,
        ),
        (
            json!(["assets", "gone"]),
            json!({"modified_at": minute_text(41)}),
            false,
        ),
    ] {
        let log = restored();
        let mut request = rejoin(&phones, 30);
        let mut edit = time;
        edit["path"] = path.clone();
        request["edits"] = json!([edit]);
        let answered = rejoined(&log, &request);
        let winner = if wins { Winner::Client } else { Winner::Server };
        assert_eq!(
            conflicts(&answered)[0],
            ("assets.btc.amount".to_owned(), winner),
            "{path}"
        );
    }
    let log = restored();
    sync(&log, &body("tablet", "t2", 2, &[set("list", on_server, 40)], 40), 40);
    let mut request = rejoin(&phones, 30);
    request["edits"] = json!([{"path": ["list", {"id": 2}, "n"], "modified_at": minute_text(41)}]);
    let document = document(&rejoined(&log, &request));
    let mut list = document["list"].as_array().unwrap().clone();
    list.sort_by_key(|element| element["id"].as_i64());
    assert_eq!(json!(list)[1]["n"], json!(2), "the listed one wins");
}

#[test]
fn the_clocks_error_is_corrected_in_listed_edits_but_not_in_the_services_own_time() {
    let log = restored();
    let phones = json!({"assets": {"btc": {"amount": "2"}}});
    let mut request = rejoin(&phones, 30);
    request["sent_at"] = json!(minute_text(50));
    request["edits"] = json!([{"path": ["assets", "btc", "amount"], "modified_at": minute_text(31)}]);
    let answered = rejoined(&log, &request);
    assert_eq!(answered.answer.conflicts[0].conflict.client.modified_at, minute(41));
    let log = restored();
    let answered = rejoined(&log, &rejoin(&phones, 700));
    assert_eq!(
        answered.answer.conflicts[0].conflict.client.modified_at,
        minute(60),
        "at most received"
    );
}

#[test]
fn a_document_without_a_time_is_older_than_everything() {
    let log = restored();
    let mut request = rejoin(&json!({"assets": {"btc": {"amount": "2"}, "eth": {"amount": "11"}}}), 0);
    request["base_at"] = json!(null);
    let answered = rejoined(&log, &request);
    assert_eq!(answered.answer.conflicts.len(), 2);
    for record in &answered.answer.conflicts {
        let conflict = &record.conflict;
        assert_eq!((conflict.winner, conflict.rule), (Winner::Server, Rule::Newest));
        assert_eq!(conflict.client.modified_at, Timestamp::EARLIEST);
        assert_eq!(conflict.client.device_id, Some(device("phone")));
    }
}

#[test]
fn a_number_that_came_back_rounded_is_unchanged() {
    let log = portfolio();
    let exact: serde_json::Value = serde_json::from_str(r#"{"op":"set","path":["n"],"value":1}"#).unwrap();
    let text = json!({"device_id": "tablet", "sync_id": "t", "base_version": 1, "sent_at": minute_text(1),
                      "changes": [exact]});
    let text = text
        .to_string()
        .replace("\"value\":1", "\"value\":0.12345678901234567890");
    let request = SyncRequest::from_json(&coinolio_core::json::read(text.as_bytes()).unwrap()).unwrap();
    pollster::block_on(crate::fixture::main_in(&log).sync_v2(&mut crate::fixture::Attempts(0), &request, minute(1)))
        .unwrap();
    let answered = rejoined(&log, &rejoin(&json!({"n": 0.123_456_789_012_345_68}), 50));
    assert_eq!(conflicts(&answered), []);
    assert_eq!(server_at(&log.log, 2), server_at(&log.log, 3));
}

#[test]
fn a_rejoin_has_one_effect_even_if_others_write_afterwards() {
    let log = restored();
    let mut request = rejoin(&json!({"a": 1, "assets": {"btc": {"amount": "2"}}}), 30);
    let first = rejoined(&log, &request);
    request["sent_at"] = json!(minute_text(61));
    let again = rejoined(&log, &request);
    assert_eq!(again.answer, first.answer);
    assert!(again.report.repeated);
    let deletion = crate::fixture::delete("a", 61);
    sync(&log, &body("tablet", "t2", 3, &[deletion], 61), 61);
    let later = rejoined(&log, &request);
    assert_eq!(
        (later.answer.version, document(&later).get("a")),
        (4, None),
        "the deletion stays"
    );
    assert_eq!(conflicts(&later), conflicts(&first));
    assert_eq!(everything(&log.log).len(), 4);
    for (name, other) in [
        ("document", json!({"a": 2})),
        ("base_at", json!(minute_text(31))),
        ("edits", json!([{"path": ["a"], "modified_at": minute_text(31)}])),
        ("device_id", json!("tablet")),
    ] {
        let mut reused = request.clone();
        reused[name] = other;
        assert_eq!(refusal(&log, &reused, 62), Code::Invalid, "{name}");
    }
    let ordinary = body("phone", "r1", 2, &[set("a", 1, 60)], 60);
    assert_eq!(refusal(&log, &ordinary, 62), Code::Invalid);
}

#[test]
fn a_rejoin_has_one_effect_whatever_happens_around_its_append() {
    let log = restored();
    log.expect(Event::Before(Box::new(|log: &MemoryStore| {
        send(log, &body("watch", "w1", 2, &[set("w", 1, 50)], 50), 50).unwrap();
    })));
    let request = rejoin(&json!({"a": 1}), 30);
    let beaten = rejoined(&log, &request);
    assert_eq!((beaten.answer.version, document(&beaten)["w"].clone()), (4, json!(1)));

    let log = restored();
    log.expect(Event::SentTwice);
    assert_eq!(rejoined(&log, &request).answer.version, 3);
    let log = restored();
    log.expect(Event::Unanswered);
    assert_eq!(send(&log, &request, 60).unwrap_err().code, Code::Unavailable);
    assert!(rejoined(&log, &request).report.repeated);
    assert_eq!(everything(&log.log).len(), 3);
}

#[test]
fn a_rejoin_makes_a_portfolio_that_the_backup_did_not_have_yet() {
    for is_beaten in [false, true] {
        let log = Watched::default();
        if is_beaten {
            log.expect(Event::Before(Box::new(|log: &MemoryStore| {
                send(log, &body("tablet", "t1", 0, &[set("t", 1, 50)], 50), 50).unwrap();
            })));
        }
        let mut request = rejoin(&json!({"a": 1, "list": [{"id": 1}]}), 30);
        request["name"] = json!("Savings");
        let first = rejoined(&log, &request);
        assert_eq!(first.answer.version, if is_beaten { 2 } else { 1 });
        assert_eq!(document(&first)["a"], json!(1));
        assert_eq!(everything(&log.log)[0].kind, Kind::Created);
        assert_eq!(
            everything(&log.log).last().unwrap().patch.as_ref().unwrap().edits[0].at,
            minute(30)
        );
        assert_eq!(rejoined(&log, &request).answer, first.answer);
    }
}

#[test]
fn a_rejoin_of_a_deleted_portfolio_is_answered_with_deleted() {
    let log = portfolio();
    let deletion = Draft {
        kind: Kind::Deleted,
        ..on_head(&log.log)
    };
    append(&log.log, &deletion);
    assert_eq!(refusal(&log, &rejoin(&json!({"a": 1}), 0), 60), Code::Deleted);
}

#[test]
fn a_document_over_the_limits_is_refused() {
    let log = restored();
    let long = "x".repeat(usize::try_from(MAX_DOCUMENT_BYTES).unwrap());
    assert_eq!(refusal(&log, &rejoin(&json!({"a": long}), 30), 60), Code::TooLarge);
    let half = &long[..long.len() / 2];
    sync(&log, &body("tablet", "t2", 2, &[set("b", half, 41)], 41), 41);
    assert_eq!(refusal(&log, &rejoin(&json!({"a": half}), 30), 60), Code::TooLarge);
    let deep = (0..63).fold(json!(1), |value, _| json!({ "d": value }));
    assert!(send(&log, &rejoin(&deep, 30), 60).is_ok());
    let request = SyncRequest::from_json(&value(&rejoin(&json!({}), 30))).unwrap();
    let mut deeper = Value::empty_object();
    for _ in 0..64 {
        deeper = Value::List(vec![deeper]);
    }
    let members = [("d".into(), deeper)];
    let too_deep = SyncRequest {
        sync_id: coinolio_core::id::SyncId::parse("r2").unwrap(),
        rejoin: request.rejoin.clone().map(|rejoin| coinolio_core::wire::v2::Rejoin {
            document: Value::Object(members.into()),
            ..rejoin
        }),
        ..request
    };
    let portfolio = crate::fixture::main_in(&log);
    let refused = pollster::block_on(portfolio.sync_v2(&mut crate::fixture::Attempts(0), &too_deep, minute(60)));
    assert_eq!(refused.unwrap_err().code, Code::Invalid);
}

#[test]
fn a_rejoin_has_no_base_and_no_changes() {
    let refused = |name: &str, member: serde_json::Value| {
        let mut request = rejoin(&json!({"a": 1}), 30);
        request[name] = member;
        let error = SyncRequest::from_json(&value(&request)).expect_err("the request was not refused");
        (error.code, error.detail)
    };
    for (name, member) in [
        ("base_version", json!(3)),
        ("base_version", json!(0)),
        ("changes", json!([])),
        ("edited_on", json!(0)),
        ("follows", json!("s1")),
    ] {
        let expected = format!("{name} cannot be combined with rejoin");
        assert_eq!(refused(name, member), (Code::Malformed, expected));
    }
    assert_eq!(refused("document", json!(null)).1, "document is required");
    assert_eq!(refused("document", json!([])).1, "document must be an object");
    assert_eq!(refused("base_at", json!("yesterday")).0, Code::Malformed);
    let time = minute_text(1);
    for (edits, code, detail) in [
        (json!({}), Code::Malformed, "edits must be a list"),
        (json!([1]), Code::Malformed, "edits[0] must be an object"),
        (
            json!([{"modified_at": time}]),
            Code::Malformed,
            "edits[0].path is required",
        ),
        (
            json!([{"path": ["a"]}]),
            Code::Malformed,
            "edits[0].modified_at or age_ms is required",
        ),
        (json!([{"path": [], "age_ms": 1}]), Code::Invalid, "edits[0].path: "),
        (
            json!([{"path": ["a"], "age_ms": 1}, {"path": ["a"], "age_ms": 1}]),
            Code::Invalid,
            "edits",
        ),
        (
            json!([{"path": ["a"], "age_ms": 1}, {"path": ["a", "b"], "age_ms": 1}]),
            Code::Invalid,
            "edits",
        ),
        (
            json!([{"path": ["a"], "age_ms": 1, "modified_at": time}]),
            Code::Malformed,
            "edits[0].age_ms cannot be combined",
        ),
    ] {
        let (found, text) = refused("edits", edits.clone());
        assert_eq!(found, code, "{edits}");
        assert!(text.starts_with(detail), "{text}");
    }
    let mut plain = body("phone", "s1", 1, &[], 1);
    plain["rejoin"] = json!(false);
    plain["document"] = json!(5);
    assert_eq!(SyncRequest::from_json(&value(&plain)).unwrap().rejoin, None);
}
