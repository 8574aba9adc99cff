//! The history of a portfolio.

use crate::fixture::{Watched, body, device, main_in, minute_text, portfolio, set, sync, wire};
use crate::undoing::{conflict, delete_portfolio, keep_mine, restore, sync_document};
use coinolio_core::error::{Code, Error};
use coinolio_core::log::Version;
use coinolio_core::sync::DeviceNames;
use coinolio_core::wire::v2::History;
use pollster::block_on;
use serde_json::json;

fn page(log: &Watched, before: Option<Version>, limit: u16) -> Result<History, Error> {
    let names = DeviceNames::from([(device("phone"), "Ann's phone".to_owned())]);
    let answered = block_on(main_in(log).history(before, limit, &names))?;
    assert_eq!(answered.report.outcome, None, "reading the history is no sync");
    Ok(answered.answer)
}

fn versions(history: &History) -> Vec<Version> {
    history.changes.iter().map(|change| change.version).collect()
}

fn summaries(history: &History) -> Vec<&str> {
    history.changes.iter().map(|change| change.summary.as_str()).collect()
}

#[test]
fn history_lists_every_change_with_its_kind_author_and_summary() {
    let log = conflict();
    keep_mine(&log, 3, 0, 11).unwrap();
    sync_document(&log, "old", 4, &json!({"assets": {"btc": {"amount": "3.0"}}}), 12).unwrap();
    delete_portfolio(&log, 13);
    restore(&log, 5, 14).unwrap();
    let history = page(&log, None, 50).unwrap();
    assert_eq!(
        summaries(&history),
        [
            "restored version 5",
            "deleted the portfolio",
            "removed note from btc, removed eth from assets",
            "brought back a losing value: changed the amount of btc",
            "no change",
            "changed the amount of btc",
            "created the portfolio",
        ]
    );
    let history = wire(&history);
    let kinds: Vec<_> = history["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["kind"].clone())
        .collect();
    assert_eq!(
        kinds,
        [
            "restored",
            "deleted",
            "synced",
            "kept_mine",
            "synced",
            "synced",
            "created"
        ]
    );
    assert_eq!(history["portfolio_id"], "main");
    assert_eq!(history["next_before"], json!(null));
    assert_eq!(
        history["changes"][4],
        json!({"version": 3, "parent": 2, "kind": "synced", "device_id": "tablet", "device_name": null,
            "at": minute_text(10), "summary": "no change", "patch_bytes": 0,
            "conflicts": [{"index": 0, "path": ["assets", "btc", "amount"], "version": 3, "winner": "server", "rule": "newest",
                "client": {"value": "3.0", "device_id": "tablet", "modified_at": minute_text(7)},
                "server": {"value": "2.0", "device_id": "phone", "modified_at": minute_text(8)}}]})
    );
    let phones = &history["changes"][5];
    assert_eq!(
        (&phones["device_id"], &phones["device_name"], &phones["conflicts"]),
        (&json!("phone"), &json!("Ann's phone"), &json!([]))
    );
    assert_eq!(
        phones["patch_bytes"],
        r#"{"op":"set","path":["assets","btc","amount"],"value":"2.0"},"#.len()
    );
    let deletion = &history["changes"][1];
    assert_eq!(
        (&deletion["device_id"], &deletion["device_name"]),
        (&json!(null), &json!(null))
    );
}

/// Returns a log of `versions` versions, each of which sets a different member.
fn long(versions: Version) -> Watched {
    let log = portfolio();
    for version in 1..versions {
        let name = format!("n{}", version + 1);
        sync(&log, &body("phone", &name, version, &[set(&name, 1, 1)], 1), 1);
    }
    log.requests();
    log
}

#[test]
fn pages_neither_overlap_nor_leave_gaps_while_others_write() {
    let log = long(10);
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = page(&log, before, 4).unwrap();
        seen.extend(
            page.changes
                .iter()
                .map(|change| (change.version, change.summary.clone())),
        );
        let head = 10 + u64::try_from(seen.len()).unwrap().div_ceil(4) - 1;
        sync(
            &log,
            &body("tablet", &format!("t{head}"), head, &[set("t", head, 2)], 2),
            2,
        );
        before = page.next_before;
        if before.is_none() {
            break;
        }
    }
    let mut expected: Vec<_> = (2..=10)
        .rev()
        .map(|version| (version, format!("added n{version}")))
        .collect();
    expected.push((1, "created the portfolio".to_owned()));
    assert_eq!(seen, expected);
}

#[test]
fn a_page_costs_one_read_of_the_log_and_one_of_the_document_before_it() {
    let log = long(10);
    page(&log, None, 50).unwrap();
    assert_eq!(log.requests(), ["newest"]);
    page(&log, None, 3).unwrap();
    assert_eq!(log.requests(), ["newest", "snapshot_before", "between"]);
    page(&log, Some(6), 3).unwrap();
    assert_eq!(log.requests(), ["before", "snapshot_before", "between"]);
}

#[test]
fn a_made_up_cursor_works_like_any_other_position() {
    let log = long(5);
    let sent = json!({"assets": {}, "ahead": 1});
    sync_document(&log, "old", 20, &sent, 3).unwrap();
    for (before, limit, shown, next) in [
        (Some(0), 50, vec![], None),
        (Some(1), 50, vec![], None),
        (Some(2), 50, vec![1], None),
        (Some(4), 2, vec![3, 2], Some(2)),
        (Some(6), 2, vec![5, 4], Some(4)),
        (Some(15), 2, vec![5, 4], Some(4)),
        (Some(21), 5, vec![5, 4, 3, 2, 1], None),
        (Some(22), 1, vec![21], Some(21)),
        (Some((1 << 53) - 1), 6, vec![21, 5, 4, 3, 2, 1], None),
        (None, 5, vec![21, 5, 4, 3, 2], Some(2)),
    ] {
        let page = page(&log, before, limit).unwrap();
        assert_eq!((versions(&page), page.next_before), (shown, next), "{before:?} {limit}");
    }
}

#[test]
fn a_deleted_portfolio_has_a_history_and_an_unknown_one_has_none() {
    let log = Watched::default();
    for before in [None, Some(0), Some(5)] {
        assert_eq!(page(&log, before, 50).map_err(|error| error.code), Err(Code::NotFound));
    }
    let log = long(2);
    delete_portfolio(&log, 5);
    assert_eq!(versions(&page(&log, None, 50).unwrap()), [3, 2, 1]);
    assert_eq!(versions(&page(&log, Some(3), 50).unwrap()), [2, 1]);
}

#[test]
fn a_page_of_large_changes_is_shorter_and_leaves_none_out() {
    let log = portfolio();
    let megabyte = "x".repeat(1 << 20);
    for version in 1..=6 {
        let edit = set("note", format!("{version}{megabyte}"), 1);
        sync(&log, &body("phone", &format!("s{version}"), version, &[edit], 1), 1);
    }
    // Three of them take a little over 3 MB, four over 4 MB; version 1 is small.
    assert_eq!(pages(&log), [&[7, 6, 5][..], &[4, 3, 2, 1]]);
}

/// Returns the versions on each page of the whole history, newest first.
fn pages(log: &Watched) -> Vec<Vec<Version>> {
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let page = page(log, before, 50).unwrap();
        assert!(wire(&page).to_string().len() < 5 << 20);
        pages.push(versions(&page));
        before = page.next_before;
        if before.is_none() {
            return pages;
        }
    }
}

#[test]
fn a_page_of_large_conflicts_is_shorter_and_leaves_none_out() {
    let log = portfolio();
    let megabyte = "x".repeat(1 << 20);
    for n in 0..4_u64 {
        let base = 1 + 2 * n;
        let phones = set("note", format!("{n}p{megabyte}"), 8);
        sync(&log, &body("phone", &format!("p{n}"), base, &[phones], 8), 8);
        let tablets = set("note", format!("{n}t"), 9);
        let met = sync(&log, &body("tablet", &format!("t{n}"), base, &[tablets], 9), 9);
        assert_eq!(met.report.conflicts, 1);
    }
    // Two conflicts take a little over 2 MB, three over 3 MB.
    assert_eq!(pages(&log), [&[9, 8, 7, 6][..], &[5, 4, 3, 2, 1]]);
}

#[test]
fn a_change_whose_conflict_is_larger_than_a_page_gets_its_own_page() {
    let log = portfolio();
    let large = "x".repeat(7 << 19);
    sync(&log, &body("phone", "p", 1, &[set("note", large, 8)], 8), 8);
    let met = sync(&log, &body("tablet", "t", 1, &[set("note", "t", 9)], 9), 9);
    assert_eq!(met.report.conflicts, 1);
    assert_eq!(pages(&log), [&[3][..], &[2, 1]]);
}
