//! Renaming and deleting a portfolio in v2.

use crate::fixture::{
    Attempts, Event, Watched, body, everything, key, main_in, minute, portfolio, send, server_at, set, sync, value,
    wire,
};
use crate::undoing::{conflict, delete_portfolio, refused, restore, sync_document};
use coinolio_core::Error;
use coinolio_core::error::Code;
use coinolio_core::log::{Kind, Version};
use coinolio_core::store::{Directory, MemoryStore, Store};
use coinolio_core::sync::{Answered, SyncStatusQuery};
use coinolio_core::wire::v2::{PortfolioSummary, RenameRequest};
use pollster::block_on;
use serde_json::{Value, json};

fn rename<L: Store>(
    log: &L,
    name: &str,
    expected: Option<&[Version]>,
    at: u32,
) -> Result<Answered<PortfolioSummary>, Error> {
    let request = RenameRequest::from_json(&value(&json!({"name": name, "device_id": "tablet"})))?;
    block_on(main_in(log).rename(&mut Attempts(3), request, expected, minute(at)))
}

fn name(log: &Watched) -> String {
    block_on(log.log.entry(key())).unwrap().unwrap().name
}

/// Returns the answer to a sync of these edits.
fn answer(log: &Watched, device: &str, base: Version, edits: &[Value], at: u32) -> Value {
    let id = format!("{device}-{base}-{at}");
    wire(&sync(log, &body(device, &id, base, edits, at), at).answer)
}

#[test]
fn a_rename_is_a_version_without_operations() {
    let log = portfolio();
    let answered = rename(&log, "Savings", None, 5).unwrap();
    assert_eq!(log.requests(), ["entry", "newest", "append_and_rename"]);
    assert_eq!((answered.answer.version, answered.answer.name.as_str()), (2, "Savings"));
    assert_eq!(name(&log), "Savings");
    let head = everything(&log.log).pop().unwrap();
    assert_eq!((head.kind, head.patch_bytes, head.conflicts), (Kind::Renamed, 0, 0));
    assert_eq!(head.kind.as_str(), "renamed");
    assert_eq!(server_at(&log.log, 2), server_at(&log.log, 1));
    // The same name again, also as a repetition, is no version.
    log.requests();
    assert_eq!(rename(&log, "Savings", None, 6).unwrap().answer.version, 2);
    assert_eq!(log.requests(), ["entry", "newest"]);
    assert_eq!(rename(&log, "Spending", None, 7).unwrap().answer.version, 3);
}

#[test]
fn a_rename_expects_the_versions_of_the_request() {
    let log = conflict();
    assert_eq!(
        refused(&log, || rename(&log, "x", Some(&[2]), 11)),
        Code::PreconditionFailed
    );
    assert_eq!(name(&log), "main");
    rename(&log, "x", Some(&[2, 3]), 11).unwrap();
    // If another write comes first, the precondition fails.
    log.expect(Event::Before(Box::new(|log: &MemoryStore| {
        send(log, &body("laptop", "l", 4, &[set("n", 1, 11)], 11), 11).unwrap();
    })));
    block_on(async {
        let portfolio = main_in(&log);
        let deleted = portfolio.delete(&mut Attempts(3), Some(&[4]), minute(12)).await;
        assert_eq!(deleted.map_err(|error| error.code), Err(Code::PreconditionFailed));
    });
    assert_eq!(everything(&log.log).last().unwrap().kind, Kind::Synced);
    block_on(main_in(&log).delete(&mut Attempts(3), Some(&[5]), minute(13))).unwrap();
    assert_eq!(refused(&log, || rename(&log, "y", None, 14)), Code::Deleted);
    let empty = Watched::default();
    assert_eq!(refused(&empty, || rename(&empty, "y", None, 14)), Code::NotFound);
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"name": 1}),
        json!({"name": "x".repeat(201)}),
    ] {
        assert_eq!(
            RenameRequest::from_json(&value(&body)).unwrap_err().code,
            Code::Malformed,
            "{body}"
        );
    }
}

#[test]
fn every_device_learns_the_name_at_its_next_sync() {
    let log = portfolio();
    rename(&log, "Savings", None, 5).unwrap();
    log.requests();
    let pulled = answer(&log, "phone", 1, &[], 6);
    assert_eq!(
        (&pulled["name"], &pulled["version"], &pulled["changes"]),
        (&json!("Savings"), &json!(2), &json!([]))
    );
    assert_eq!(log.requests(), ["since", "entry"]);
    // A device that has that version is not told again, and pays nothing for it.
    assert_eq!(answer(&log, "phone", 2, &[], 7).get("name"), None);
    assert_eq!(log.requests(), ["since"]);
    let edited = answer(&log, "laptop", 1, &[set("n", 1, 8)], 8);
    assert_eq!(
        (&edited["name"], &edited["outcome"], &edited["conflicts"]),
        (&json!("Savings"), &json!("merged"), &json!([]))
    );
    assert_eq!(answer(&log, "phone", 2, &[set("m", 1, 9)], 9).get("name"), None);
    // A device without a base merges with the portfolio.
    assert_eq!(answer(&log, "watch", 0, &[set("w", 1, 10)], 10)["name"], "Savings");
}

#[test]
fn a_rename_disturbs_neither_v1_nor_the_history() {
    let log = portfolio();
    rename(&log, "Savings", None, 5).unwrap();
    let query = SyncStatusQuery {
        version: 1,
        device_id: crate::fixture::device("phone"),
        made_at: None,
        local_changes: Some(true),
    };
    let status = block_on(main_in(&log).sync_status(&query)).unwrap();
    assert_eq!((status.needs_sync, status.has_conflicts), (true, false));
    let document = json!({"assets": {"btc": {"amount": "7", "note": "cold"}, "eth": {"amount": "10"}}});
    let (version, merged) = sync_document(&log, "old", 1, &document, 6).unwrap();
    assert_eq!((version, merged), (3, document.clone()));
    delete_portfolio(&log, 7);
    restore(&log, 2, 8).unwrap();
    assert_eq!(server_at(&log.log, 5), server_at(&log.log, 1));
    assert_eq!(name(&log), "Savings");
    let history = block_on(main_in(&log).history(
        &coinolio_core::wire::v2::HistoryQuery::default(),
        &coinolio_core::sync::DeviceNames::new(),
    ));
    let history = wire(&history.unwrap().answer);
    assert_eq!(history["changes"][3]["kind"], "renamed");
    assert_eq!(history["changes"][3]["summary"], "renamed the portfolio");
}

#[test]
fn a_beaten_rename_is_tried_again() {
    let log = portfolio();
    let faster = |log: &MemoryStore| {
        send(log, &body("laptop", "l", 1, &[set("n", 1, 4)], 4), 4).unwrap();
    };
    *log.meanwhile.lock().unwrap() = Some(("append_and_rename", Box::new(faster)));
    let answered = rename(&log, "Savings", None, 5).unwrap();
    assert_eq!((answered.answer.version, answered.answer.name.as_str()), (3, "Savings"));
    assert_eq!(name(&log), "Savings");
    assert_eq!(everything(&log.log)[2].kind, Kind::Renamed);
}
