//! v2: a base is known by its number and its time. Another account, another portfolio and a log that was restored from a
//! backup have the same numbers.

use crate::fixture::{
    Watched, append, body, device, everything, key, main_in, minute, minute_text, on_head, portfolio, refusal, send,
    set, sync,
};
use crate::retained::{Retained, snapshot};
use coinolio_core::error::{Code, Error};
use coinolio_core::log::{Draft, Version};
use coinolio_core::sync::{Answered, SyncStatusQuery};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::Outcome;
use coinolio_core::wire::v2::SyncResponse;
use pollster::block_on;
use serde_json::json;

/// Returns a log of `versions` versions, each made at the minute of its parent.
fn log_of(versions: Version) -> Watched {
    let log = portfolio();
    for version in 1..versions {
        let at = u32::try_from(version).unwrap();
        let edit = set(&format!("v{}", version + 1), version, at);
        sync(&log, &body("tablet", &format!("t{version}"), version, &[edit], at), at);
    }
    log.requests();
    log
}

/// Returns a request of the phone whose base was made at `base_at`.
fn on(base: Version, base_at: Timestamp, changes: &[serde_json::Value]) -> serde_json::Value {
    let mut request = body("phone", "s1", base, changes, 90);
    request["base_at"] = json!(base_at.to_string());
    request
}

/// Returns the time of `version` in a log of [`log_of`].
fn made_at(version: Version) -> Timestamp {
    minute(u32::try_from(version - 1).unwrap())
}

const ELSEWHERE: u32 = 77;

#[test]
fn a_base_with_its_own_time_is_known_and_costs_no_further_request() {
    for base in 1..=4 {
        let log = log_of(4);
        let pulled = sync(&log, &on(base, made_at(base), &[]), 90);
        assert_eq!(log.requests(), ["since"], "base {base}");
        assert_eq!(pulled.answer.version, 4);
        let edited = sync(&log, &on(base, made_at(base), &[set("a.b", 1, 89)]), 90);
        assert_eq!(edited.answer.version, 5);
        let at_head = ["since", "append"];
        assert!(base < 4 || log.requests() == at_head, "base {base}");
    }
}

#[test]
fn a_time_below_the_millisecond_or_in_another_zone_is_the_same_time() {
    for base_at in [
        "2026-01-01T00:01:00.0009Z",
        "2026-01-01T02:01:00+02:00",
        "2026-01-01 00:01:00",
    ] {
        let log = log_of(2);
        let mut request = body("phone", "s1", 2, &[], 90);
        request["base_at"] = json!(base_at);
        assert_eq!(sync(&log, &request, 90).answer.outcome, Outcome::UpToDate, "{base_at}");
    }
}

#[test]
fn a_base_of_another_account_or_portfolio_is_unknown() {
    for base in 1..=4 {
        let log = log_of(4);
        for at in [ELSEWHERE, 91, 0, 1, 2, 3] {
            let at = minute(at);
            if at == made_at(base) {
                continue;
            }
            for changes in [&[][..], &[set("a", 1, 89)]] {
                assert_eq!(
                    refusal(&log, &on(base, at, changes), 90),
                    Code::BaseUnknown,
                    "base {base}"
                );
                assert_eq!(log.requests(), ["since"], "base {base} at {at}");
            }
            let mut expired = on(base, at, &[set("a", 1, 89)]);
            expired["base_lost"] = json!(true);
            assert_eq!(
                refusal(&log, &expired, 90),
                Code::BaseUnknown,
                "base_lost changes nothing"
            );
            log.requests();
        }
    }
}

#[test]
fn a_base_that_a_restored_table_does_not_have_is_unknown_however_far_the_new_history_has_come() {
    let phones_base = 5;
    let phones_time = made_at(phones_base);
    // The table was restored at version 2; since then the tablet has written at other times.
    for versions in 2..=8 {
        let log = log_of(2);
        for version in 2..versions {
            let at = 20 + u32::try_from(version).unwrap();
            let edit = set("new", version, at);
            sync(&log, &body("tablet", &format!("n{version}"), version, &[edit], at), at);
        }
        for changes in [&[][..], &[set("a", 1, 89)]] {
            let request = on(phones_base, phones_time, changes);
            assert_eq!(refusal(&log, &request, 90), Code::BaseUnknown, "{versions} versions");
        }
    }
}

#[test]
fn base_0_is_every_logs_and_has_no_time() {
    let log = log_of(3);
    let request = on(0, minute(ELSEWHERE), &[set("assets.btc.amount", "5", 1)]);
    let merged = sync(&log, &request, 90);
    assert_eq!(merged.answer.outcome, Outcome::Merged);
    assert_eq!(merged.answer.conflicts.len(), 1, "nothing is replaced unseen");
}

/// Returns a log whose version 9 was made by a v1 client that was ahead, at minute 50, followed by `later` versions.
fn jumped(later: u32) -> Watched {
    let log = portfolio();
    let jump = Draft {
        version: 9,
        last_sync_at: minute(50),
        ..on_head(&log.log)
    };
    append(&log.log, &jump);
    for number in 0..later {
        let version = 9 + Version::from(number);
        let request = body(
            "tablet",
            &format!("t{number}"),
            version,
            &[set("b", number, 60)],
            60 + number,
        );
        sync(&log, &request, 60 + number);
    }
    log.requests();
    log
}

#[test]
fn one_more_request_tells_the_time_of_a_base_that_a_jump_made() {
    for later in 0..3 {
        for (at, is_base) in [(50, true), (49, false), (51, false), (60, false), (80, false)] {
            for changes in [&[][..], &[set("a", 1, 89)]] {
                let log = jumped(later);
                let result = send(&log, &on(9, minute(at), changes), 90);
                assert_eq!(result.is_ok(), is_base, "{later} later, at {at}");
                if !is_base {
                    assert_eq!(result.unwrap_err().code, Code::BaseUnknown);
                }
                let requests = log.requests();
                let expected: &[_] = match later {
                    // The head alone is read, which the jump made.
                    0 => &["since", "newest"],
                    // A child that is not newer than the base settles it.
                    _ if at >= 60 => &["since"],
                    _ => &["since", "before"],
                };
                assert!(requests.starts_with(expected), "{later} later, at {at}: {requests:?}");
                let reads = requests
                    .iter()
                    .filter(|name| ["since", "newest", "before"].contains(name));
                assert_eq!(reads.count(), expected.len(), "{later} later, at {at}: {requests:?}");
            }
        }
    }
    for base in 2..9 {
        assert_eq!(refusal(&jumped(2), &on(base, minute(50), &[]), 90), Code::BaseUnknown);
    }
}

const RETAINED_FROM: Version = 3;

/// Sends a request to a log of six versions, of which those after [`RETAINED_FROM`] are retained.
fn send_retained(log: &Watched, request: &serde_json::Value) -> Result<Answered<SyncResponse>, Error> {
    send(&Retained::after(log, RETAINED_FROM), request, 90)
}

#[test]
fn a_base_that_only_a_snapshot_has_counts_as_expired_because_its_time_cannot_be_compared() {
    for base_at in [made_at(RETAINED_FROM), minute(1), minute(0)] {
        let log = log_of(6);
        block_on(snapshot(&log.log, key(), RETAINED_FROM));
        for changes in [&[][..], &[set("a", 1, 89)]] {
            let request = on(RETAINED_FROM, base_at, changes);
            assert_eq!(send_retained(&log, &request).unwrap_err().code, Code::BaseExpired);
            assert_eq!(log.requests(), ["since", "before"]);
        }
        let mut request = on(RETAINED_FROM, base_at, &[set("v6", 1, 89), set("a", 1, 89)]);
        request["base_lost"] = json!(true);
        let merged = send_retained(&log, &request).unwrap().answer;
        assert_eq!((merged.version, merged.conflicts.len()), (7, 1));
        let again = send_retained(&log, &request).unwrap();
        assert!(again.report.repeated && again.answer.version == 7);
    }
    let log = log_of(6);
    block_on(snapshot(&log.log, key(), RETAINED_FROM));
    let unknown = on(RETAINED_FROM, minute(ELSEWHERE), &[]);
    assert_eq!(
        send_retained(&log, &unknown).unwrap_err().code,
        Code::BaseUnknown,
        "its child is older, so it is another version"
    );
    let without_time = body("phone", "s1", RETAINED_FROM, &[], 90);
    assert!(send_retained(&log, &without_time).is_ok(), "as before");
    for base in 1..RETAINED_FROM {
        let request = on(base, made_at(base), &[]);
        assert_eq!(send_retained(&log, &request).unwrap_err().code, Code::BaseExpired);
    }
}

#[test]
fn a_repetition_with_its_base_at_is_recognised_and_with_another_it_is_not() {
    let log = log_of(3);
    let request = on(2, made_at(2), &[set("a", 1, 89)]);
    let first = sync(&log, &request, 90);
    let again = sync(&log, &request, 95);
    assert_eq!(again.answer, first.answer);
    assert!(again.report.repeated);
    assert_eq!(everything(&log.log).len(), 4);
    let mut without = request;
    without["base_at"] = json!(null);
    assert_eq!(refusal(&log, &without, 95), Code::Invalid);
}

fn status(log: &Watched, version: Version, made_at: Option<Timestamp>, local_changes: Option<bool>) -> (bool, bool) {
    let query = SyncStatusQuery {
        version,
        made_at,
        device_id: device("tablet"),
        local_changes,
    };
    let status = block_on(main_in(log).sync_status(&query)).unwrap();
    (status.needs_sync, status.has_conflicts)
}

#[test]
fn a_status_tells_a_device_with_an_unknown_base_that_it_must_sync_and_may_conflict() {
    let log = log_of(8);
    for version in 1..=8 {
        for local_changes in [None, Some(false), Some(true)] {
            log.requests();
            let known = status(&log, version, Some(made_at(version)), local_changes);
            let cost = log.requests();
            assert_eq!(known, status(&log, version, None, local_changes), "version {version}");
            let usual = log.requests();
            let is_shown = version >= 5 || cost == usual;
            let further = cost.strip_prefix(&usual[..]);
            assert!(is_shown || further == Some(&["before"]), "version {version}: {cost:?}");
            let unknown = status(&log, version, Some(minute(ELSEWHERE)), local_changes);
            assert_eq!(
                unknown,
                (true, true),
                "version {version}, local changes {local_changes:?}"
            );
        }
    }
    assert_eq!(status(&log, 0, Some(minute(ELSEWHERE)), None), (true, true));
    assert_eq!(status(&log, 9, None, None), (true, false));
    assert_eq!(
        status(&log, 9, Some(minute(ELSEWHERE)), None),
        (true, true),
        "the log was restored"
    );
    assert_eq!(status(&jumped(6), 9, Some(minute(50)), Some(false)), (true, false));
    assert_eq!(status(&jumped(6), 9, Some(minute(49)), Some(false)), (true, true));
    assert_eq!(status(&jumped(6), 5, Some(minute(49)), Some(false)), (true, true));
    let text = minute_text(7);
    assert_eq!(
        status(&log, 8, Some(Timestamp::parse(&text).unwrap()), None),
        (false, false)
    );
}
