//! The history of a portfolio.

use crate::fixture::{Watched, body, delete, device, main_in, minute_text, portfolio, set, sync, wire};
use crate::undoing::{conflict, delete_portfolio, keep_mine, restore, sync_document};
use coinolio_core::error::{Code, Error};
use coinolio_core::log::Version;
use coinolio_core::sync::DeviceNames;
use coinolio_core::wire::v2::{History, HistoryPath, HistoryQuery};
use pollster::block_on;
use serde_json::json;

fn page(log: &Watched, before: Option<Version>, limit: u16) -> Result<History, Error> {
    let names = DeviceNames::from([(device("phone"), "Ann's phone".to_owned())]);
    let query = HistoryQuery {
        before,
        limit,
        ..HistoryQuery::default()
    };
    let answered = block_on(main_in(log).history(&query, &names))?;
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

/// Returns the versions and summaries of a page, and its `next_before`.
fn filtered(
    log: &Watched,
    before: Option<Version>,
    limit: u16,
    path: Option<&str>,
    important: bool,
) -> (Vec<(Version, String)>, Option<Version>) {
    let query = HistoryQuery {
        before,
        limit,
        path: path.map(|path| HistoryPath::parse(path).unwrap()),
        important,
    };
    let page = block_on(main_in(log).history(&query, &DeviceNames::new()))
        .unwrap()
        .answer;
    let changes = page.changes.into_iter().map(|change| (change.version, change.summary));
    (changes.collect(), page.next_before)
}

/// Returns the versions on all pages.
fn all_filtered(log: &Watched, limit: u16, path: Option<&str>, important: bool) -> Vec<(Version, String)> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let (page, next) = filtered(log, before, limit, path, important);
        assert!(page.len() <= usize::from(limit));
        assert!(next.is_none_or(|next| before.is_none_or(|before| next < before)));
        all.extend(page);
        before = next;
        if before.is_none() {
            return all;
        }
    }
}

/// Returns a log with a portfolio of 20 assets and 3 transactions whose prices a phone refreshes `times` times; the
/// refresh with the number `deleting` also deletes a transaction.
fn refreshed(times: u64, deleting: u64) -> Watched {
    let log = Watched::default();
    let assets: Vec<_> = (0..20).map(|n| json!({"id": n, "price": 0})).collect();
    let transactions: Vec<_> = (0..3).map(|n| json!({"id": n})).collect();
    let first = [
        set("assets", json!(assets), 1),
        set("transactions", json!(transactions), 1),
    ];
    sync(&log, &body("phone", "s0", 0, &first, 1), 1);
    for time in 1..=times {
        let mut edits: Vec<_> = (0..20)
            .map(|n| json!({"op": "set", "path": ["assets", {"id": n}, "price"], "value": time}))
            .collect();
        if time == deleting {
            edits.push(json!({"op": "delete", "path": ["transactions", {"id": 1}]}));
        }
        let request = body("phone", &format!("s{time}"), time, &edits, 2);
        crate::fixture::send(&log, &request, 2).unwrap();
    }
    log
}

#[test]
fn the_one_deletion_among_1440_refreshes_is_found() {
    let log = refreshed(1_440, 700);
    let deletion = (701, "removed a transaction, changed the price of 20 assets".to_owned());
    let created = (1, "created the portfolio".to_owned());
    assert_eq!(all_filtered(&log, 50, None, true), [deletion.clone(), created.clone()]);
    assert_eq!(all_filtered(&log, 1, None, true), [deletion.clone(), created.clone()]);
    assert_eq!(
        all_filtered(&log, 50, Some("transactions"), false),
        [deletion.clone(), created.clone()]
    );
    assert_eq!(
        all_filtered(&log, 50, Some("transactions.1"), true),
        [deletion, created.clone()]
    );
    assert_eq!(all_filtered(&log, 50, Some("transactions.2"), true), [created]);
    // Without a filter, its summary begins with the deletion.
    let (page, next) = filtered(&log, Some(702), 1, None, false);
    assert_eq!(
        (page[0].1.as_str(), next),
        ("removed a transaction, changed the price of 20 assets", Some(701))
    );
    // A page that shows nothing has a next one, and costs no more than any other.
    log.requests();
    let (page, next) = filtered(&log, None, 50, None, true);
    assert_eq!((page, next), (vec![], Some(1_192)));
    assert_eq!(log.requests(), ["newest", "snapshot_before", "between"]);
}

#[test]
fn the_history_of_a_path_has_the_versions_that_touched_it() {
    let log = portfolio();
    let tx = |id: u64| json!(["tx", {"id": id}]);
    let edits = [
        vec![set("tx", json!([{"id": 1, "n": 0}, {"id": 2, "n": 0}]), 2)],
        vec![json!({"op": "set", "path": ["tx", {"id": 1}, "n"], "value": 1})],
        vec![json!({"op": "move", "path": tx(2), "after": null})],
        vec![set("assets.btc.amount", "2", 3)],
        // These replace all assets, of which only the note of one differs, and set an equal value.
        vec![set(
            "assets",
            json!({"btc": {"amount": "2", "note": "hot"}, "eth": {"amount": "10"}}),
            4,
        )],
        vec![set("assets.eth.amount", "10", 4)],
        vec![set("tags", json!(["a.b", "c"]), 4)],
        vec![json!({"op": "delete", "path": ["tags", {"value": "a.b"}]})],
        vec![delete("assets", 5)],
    ];
    for (version, edits) in (1_u64..).zip(&edits) {
        sync(&log, &body("phone", &format!("s{version}"), version, edits, 5), 5);
    }
    for (path, touched) in [
        ("assets", vec![10, 6, 5, 1]),
        (r#"["assets"]"#, vec![10, 6, 5, 1]),
        ("assets.btc", vec![10, 6, 5, 1]),
        ("assets.btc.amount", vec![10, 5, 1]),
        ("assets.btc.note", vec![10, 6, 1]),
        ("assets.eth", vec![10, 1]),
        (r#"["assets", "eth", "amount"]"#, vec![10, 1]),
        ("assets.ada", vec![]),
        ("asset", vec![]),
        ("tx", vec![4, 3, 2]),
        ("tx.1", vec![3, 2]),
        ("tx.1.n", vec![3, 2]),
        ("tx.2", vec![4, 2]),
        ("tx.2.n", vec![2]),
        (r#"["tx", {"id": 2}]"#, vec![4, 2]),
        (r#"["tx", {"id": 2.0}, "n"]"#, vec![2]),
        (r#"["tx", {"id": "2"}]"#, vec![]),
        ("tags", vec![9, 8]),
        ("tags.c", vec![8]),
        (r#"["tags", {"value": "a.b"}]"#, vec![9, 8]),
        ("tags.a.b", vec![]),
    ] {
        for limit in [1, 2, 50] {
            let versions: Vec<_> = all_filtered(&log, limit, Some(path), false)
                .into_iter()
                .map(|(v, _)| v)
                .collect();
            assert_eq!(versions, touched, "{path}");
        }
    }
    for path in ["", "[", "[]", "[1]", r#"[{"id":1}]"#, r#"["a"] x"#] {
        let refused = HistoryPath::parse(path).unwrap_err();
        assert!(refused.detail.contains("path"), "{path}: {}", refused.detail);
    }
}

#[test]
fn the_history_of_a_path_has_the_versions_that_recorded_a_conflict_about_it() {
    let log = conflict();
    for path in ["assets.btc.amount", "assets.btc", "assets"] {
        let versions: Vec<_> = all_filtered(&log, 50, Some(path), false)
            .into_iter()
            .map(|(v, _)| v)
            .collect();
        assert_eq!(versions, [3, 2, 1], "{path}");
    }
    assert_eq!(all_filtered(&log, 50, Some("assets.eth"), false).len(), 1);
}

#[test]
fn the_important_versions_are_those_that_did_more_than_replace_values() {
    let log = conflict();
    sync(
        &log,
        &body("phone", "s4", 3, &[set("assets.btc.amount", "9", 11)], 11),
        11,
    );
    sync(&log, &body("phone", "s5", 4, &[set("new", 1, 11)], 11), 11);
    sync(&log, &body("phone", "s6", 5, &[set("new", 2, 11)], 11), 11);
    keep_mine(&log, 3, 0, 12).unwrap();
    restore(&log, 6, 12).unwrap();
    sync(&log, &body("phone", "s9", 8, &[set("new", 3, 13)], 13), 13);
    delete_portfolio(&log, 14);
    let versions: Vec<_> = all_filtered(&log, 50, None, true).into_iter().map(|(v, _)| v).collect();
    assert_eq!(versions, [10, 8, 7, 5, 3, 1]);
}

#[test]
fn a_filtered_page_of_large_changes_reads_no_more_bytes_than_any_other() {
    let log = portfolio();
    let megabyte = "x".repeat(1 << 20);
    for version in 1..=9 {
        let edit = set("note", format!("{version}{megabyte}"), 1);
        sync(&log, &body("phone", &format!("s{version}"), version, &[edit], 1), 1);
    }
    let (page, next) = filtered(&log, None, 50, Some("assets"), false);
    assert_eq!((page, next), (vec![], Some(8)));
    assert_eq!(all_filtered(&log, 50, Some("assets"), false).len(), 1);
}
