//! The difference between two versions.

use crate::fixture::{Watched, body, delete, main_in, portfolio, server_at, set, sync, wire};
use crate::undoing::{delete_portfolio, refused};
use coinolio_core::algebra::apply;
use coinolio_core::error::{Code, Error};
use coinolio_core::json::Value;
use coinolio_core::log::Version;
use coinolio_core::wire::v2::Comparison;
use pollster::block_on;
use serde_json::json;

fn compared(log: &Watched, from: Version, to: Version) -> Result<Comparison, Error> {
    let answered = block_on(main_in(log).compare(from, to))?;
    assert_eq!(answered.report.outcome, None, "a comparison is no sync");
    Ok(answered.answer)
}

fn three_versions() -> Watched {
    let log = portfolio();
    sync(
        &log,
        &body("phone", "s1", 1, &[set("assets.btc.amount", "2.0", 1)], 1),
        1,
    );
    sync(&log, &body("phone", "s2", 2, &[delete("assets.eth", 2)], 2), 2);
    log.requests();
    log
}

#[test]
fn the_operations_turn_either_document_into_the_other() {
    let log = three_versions();
    for from in 0..=3 {
        for to in 0..=3 {
            let at = |version| match version {
                0 => Value::empty_object(),
                version => server_at(&log.log, version),
            };
            let comparison = compared(&log, from, to).unwrap();
            assert_eq!((comparison.from, comparison.to), (from, to));
            let mut document = at(from);
            apply(&mut document, &comparison.changes);
            assert_eq!(document, at(to), "{from} → {to}");
            assert_eq!(comparison.changes.is_empty(), from == to, "{from} → {to}");
        }
    }
    let comparison = compared(&log, 3, 2).unwrap();
    let changes = json!([{"op": "set", "path": ["assets", "eth"], "value": {"amount": "10"}}]);
    assert_eq!(
        wire(&comparison),
        json!({"portfolio_id": "main", "from": 3, "to": 2, "changes": changes})
    );
}

#[test]
fn comparing_two_versions_of_a_short_log_costs_one_request() {
    let log = three_versions();
    compared(&log, 1, 3).unwrap();
    assert_eq!(log.requests(), ["since"]);
}

#[test]
fn comparing_with_version_0_reads_only_the_other_version() {
    let log = three_versions();
    compared(&log, 0, 3).unwrap();
    assert_eq!(log.requests(), ["since", "snapshot_before", "between"]);
}

#[test]
fn an_unknown_version_is_not_found_and_neither_is_an_unknown_portfolio() {
    let log = three_versions();
    for (from, to) in [(1, 4), (4, 1), (0, 4), (9, 9), ((1 << 53) - 1, 0)] {
        assert_eq!(
            refused(&log, || compared(&log, from, to)),
            Code::NotFound,
            "{from} {to}"
        );
    }
    let empty = Watched::default();
    for (from, to) in [(0, 0), (0, 1), (1, 2)] {
        assert_eq!(refused(&empty, || compared(&empty, from, to)), Code::NotFound);
    }
    delete_portfolio(&log, 9);
    assert_eq!(refused(&log, || compared(&log, 1, 2)), Code::Deleted);
}
