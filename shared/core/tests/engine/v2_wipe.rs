//! v2: edits that remove almost everything are refused, unless the request allows it.

use crate::fixture::{Watched, body, delete, everything, portfolio, refusal, send, server_at, set, sync, value, wire};
use crate::retained::{Retained, snapshot};
use coinolio_core::error::Code;
use coinolio_core::wire::Outcome;
use pollster::block_on;
use serde_json::json;

/// Returns a log whose version 2 has 100 transactions of three scalars each in `transactions`, 20 settings in `settings`,
/// and three scalars in `assets`.
fn large() -> Watched {
    let log = portfolio();
    let transactions: Vec<_> = (0..100)
        .map(|id| json!({"id": id, "amount": "1", "type": "buy"}))
        .collect();
    let settings: serde_json::Map<_, _> = (0..20).map(|n| (format!("s{n}"), json!(n))).collect();
    let edits = [
        set("transactions", transactions, 1),
        set("settings", settings, 1),
        set("name", "Main", 1),
    ];
    sync(&log, &body("phone", "s0", 1, &edits, 1), 1);
    log.requests();
    log
}

/// Returns the deletion of a transaction.
fn deletion(id: u32) -> serde_json::Value {
    json!({"op": "delete", "path": ["transactions", {"id": id}]})
}

/// Edits that leave almost nothing.
fn wipes() -> Vec<Vec<serde_json::Value>> {
    let others: Vec<_> = (0..100).map(|id| json!({"id": 1_000 + id, "amount": "1"})).collect();
    vec![
        vec![set("transactions", json!(null), 5), set("settings", json!(null), 5)],
        vec![set("transactions", json!([]), 5)],
        vec![set("transactions", json!({}), 5)],
        vec![set("transactions", "", 5)],
        vec![set("transactions", others, 5)],
        vec![delete("transactions", 5)],
        vec![
            delete("transactions", 5),
            delete("settings", 5),
            delete("assets", 5),
            delete("name", 5),
        ],
        (0..100).map(deletion).collect(),
    ]
}

/// Adds `"allow_wipe": true` to a request.
fn allowed(mut request: serde_json::Value) -> serde_json::Value {
    request["allow_wipe"] = json!(true);
    request
}

#[test]
fn edits_that_remove_almost_everything_are_refused_unless_the_request_allows_it() {
    for edits in wipes() {
        for is_merge in [false, true] {
            let log = large();
            if is_merge {
                sync(&log, &body("tablet", "t1", 2, &[set("assets.ada", "1", 4)], 4), 4);
            }
            let request = body("phone", "s1", 2, &edits, 6);
            assert_eq!(refusal(&log, &request, 6), Code::WipeRefused, "{}", edits[0]);
            let done = sync(&log, &allowed(request.clone()), 7);
            assert!(
                !wire(&server_at(&log.log, done.answer.version))
                    .to_string()
                    .contains("buy")
            );
            // The repetition needs no permission: its effect is in the log.
            assert!(sync(&log, &request, 8).report.repeated);
            assert_eq!(everything(&log.log).len(), 3 + usize::from(is_merge));
        }
    }
}

#[test]
fn edits_that_leave_enough_are_accepted() {
    for edits in [
        vec![set("settings", json!(null), 5)],
        vec![delete("settings", 5), delete("assets", 5), delete("name", 5)],
        (0..96).map(deletion).collect(),
        vec![
            set("transactions", json!([{"id": 5, "amount": "1", "type": "buy"}]), 5),
            set("big", vec![1; 400], 5),
        ],
    ] {
        let log = large();
        let request = body("phone", "s1", 2, &edits, 6);
        let is_refused = edits[0]["path"] == json!(["transactions"]);
        let result = send(&log, &request, 6);
        assert_eq!(
            result.is_err(),
            is_refused,
            "additions do not make up for a removal: {}",
            edits[0]
        );
    }
}

#[test]
fn a_small_document_may_be_emptied() {
    let log = portfolio();
    let done = sync(&log, &body("phone", "s1", 1, &[delete("assets", 5)], 6), 6);
    assert_eq!(done.answer.outcome, Outcome::Accepted);
    assert_eq!(server_at(&log.log, 2), value(&json!({})));
}

#[test]
fn the_document_is_read_only_if_the_edits_may_empty_it() {
    let few: Vec<_> = (0..19).map(deletion).collect();
    let many: Vec<_> = (0..20).map(deletion).collect();
    for (edits, is_read) in [
        (few, false),
        (many, true),
        (vec![set("assets.btc", json!(null), 5), delete("settings.s1", 5)], false),
        (
            vec![set("name", "Savings", 5), set("flag", true, 5), set("count", 0, 5)],
            false,
        ),
        (vec![set("name", "", 5)], true),
        (vec![set("name", json!(null), 5)], true),
        (vec![set("settings", json!({"s1": 1}), 5)], true),
        (vec![delete("name", 5)], true),
    ] {
        let log = large();
        for number in 2..5 {
            sync(
                &log,
                &body(
                    "tablet",
                    &format!("t{number}"),
                    number,
                    &[set("assets.ada", number, 2)],
                    2,
                ),
                2,
            );
        }
        log.requests();
        let answered = sync(&log, &body("phone", "s1", 5, &edits, 6), 6);
        let requests = log.requests();
        assert_eq!(requests == ["since", "append"], !is_read, "{}: {requests:?}", edits[0]);
        assert_eq!(answered.report.document_bytes.is_some(), is_read);
        assert_eq!(answered.answer.outcome, Outcome::Accepted);
        log.requests();
        sync(&log, &allowed(body("phone", "s2", 6, &edits, 7)), 7);
        assert_eq!(
            log.requests(),
            ["since", "append"],
            "with permission, there is nothing to find out"
        );
    }
}

#[test]
fn edits_with_an_expired_base_may_not_remove_almost_everything_either() {
    let log = large();
    sync(&log, &body("tablet", "t1", 2, &[set("assets.ada", "1", 4)], 4), 4);
    block_on(snapshot(&log.log, crate::fixture::key(), 3));
    let retained = Retained::after(&log, 3);
    sync(&log, &body("tablet", "t2", 3, &[set("assets.ada", "2", 4)], 4), 4);
    let mut request = body("phone", "s1", 1, &[delete("transactions", 8)], 9);
    request["base_lost"] = json!(true);
    assert_eq!(send(&retained, &request, 9).unwrap_err().code, Code::WipeRefused);
    assert!(send(&retained, &allowed(request), 9).is_ok());
}
