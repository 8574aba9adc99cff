//! v2: a device id on two phones, or a phone that went back in time. Whatever device id a change carries, it is
//! concurrent with the edits of a sync whose base is older.

use crate::fixture::{
    Event, Watched, append, body, delete, device, everything, on_head, portfolio, rebased, send, server_at, set, sync,
    value, wire,
};
use coinolio_core::algebra::{Rule, Winner};
use coinolio_core::log::{Draft, Kind, Version};
use coinolio_core::store::MemoryStore;
use coinolio_core::wire::v2::SyncResponse;
use serde_json::json;

/// Returns the path, the winner, the rule and the losing value of each conflict.
fn conflicts(answer: &SyncResponse) -> Vec<(String, Winner, Rule, Option<serde_json::Value>)> {
    let records = answer.conflicts.iter().map(|record| &record.conflict);
    records
        .map(|conflict| {
            let loser = match conflict.winner {
                Winner::Client => &conflict.server.value,
                Winner::Server => &conflict.client.value,
            };
            (
                conflict.path.dotted(),
                conflict.winner,
                conflict.rule,
                loser.as_ref().map(wire),
            )
        })
        .collect()
}

#[test]
fn two_syncs_of_one_device_id_on_the_same_base_conflict() {
    let path = "assets.btc.amount";
    for (second_at, winner, rule, loser) in [
        (6, Winner::Client, Rule::Newest, "2"),
        (5, Winner::Server, Rule::ServerPreference, "3"),
        (4, Winner::Server, Rule::Newest, "3"),
    ] {
        let log = portfolio();
        let first = sync(&log, &body("phone", "s1", 1, &[set(path, "2", 5)], 7), 7);
        assert!(!first.answer.device_id_reused);
        let second = sync(&log, &body("phone", "s2", 1, &[set(path, "3", second_at)], 8), 8);
        let expected = vec![(path.to_owned(), winner, rule, Some(json!(loser)))];
        assert_eq!(conflicts(&second.answer), expected);
        assert!(second.answer.device_id_reused);
        assert_eq!(wire(&second.answer)["device_id_reused"], json!(true));
        let again = sync(&log, &body("phone", "s2", 1, &[set(path, "3", second_at)], 9), 9);
        assert_eq!(again.answer, second.answer);
        assert_eq!(everything(&log.log).len(), 3);
    }
}

#[test]
fn a_deletion_by_a_device_that_went_back_in_time_does_not_remove_what_it_never_saw() {
    let log = portfolio();
    sync(&log, &body("phone", "s1", 1, &[set("assets.btc.amount", "9", 5)], 5), 5);
    sync(&log, &body("phone", "s2", 2, &[set("assets.ada", "1", 6)], 6), 6);
    let restored = sync(&log, &body("phone", "s3", 1, &[delete("assets", 4)], 8), 8);
    let expected = vec![("assets".to_owned(), Winner::Server, Rule::Newest, None)];
    assert_eq!(conflicts(&restored.answer), expected);
    assert_eq!(
        server_at(&log.log, 4),
        value(&json!({"assets": {"btc": {"amount": "9", "note": "cold"}, "eth": {"amount": "10"}, "ada": "1"}}))
    );
}

#[test]
fn no_value_of_twins_that_take_turns_disappears() {
    for pattern in [[true, false, false], [true, true, false], [false, true, false]] {
        let log = portfolio();
        let mut twins = [(1, server_at(&log.log, 1)), (1, server_at(&log.log, 1))];
        let mut seen = Vec::new();
        let mut written = Vec::new();
        for (turn, is_second) in pattern.into_iter().cycle().take(12).enumerate() {
            let at = 10 + u32::try_from(turn).unwrap();
            let (base, document) = &mut twins[usize::from(is_second)];
            // What the twin has on its screen, it replaces knowingly.
            seen.push(wire(&*document)["x"].clone());
            written.push(json!(turn));
            let request = body("phone", &format!("s{turn}"), *base, &[set("x", turn, at)], at);
            let answer = sync(&log, &request, at).answer;
            *document = rebased(&log.log, &request, &answer);
            *base = answer.version;
        }
        let mut recorded = vec![wire(&server_at(&log.log, 13))["x"].clone()];
        for change in everything(&log.log) {
            for conflict in change.patch.unwrap().conflicts {
                recorded.extend([&conflict.client.value, &conflict.server.value].map(wire));
            }
        }
        for value in written {
            assert!(
                recorded.contains(&value) || seen.contains(&value),
                "{value} of {pattern:?}"
            );
        }
    }
}

/// Appends a change by `name` on top of the head.
fn change(log: &MemoryStore, name: &str, kind: Kind, sync_id: Option<&str>, base: Version) {
    let change = Draft {
        kind,
        base,
        device_id: Some(device(name)),
        sync_id: sync_id.map(|id| coinolio_core::id::SyncId::parse(id).unwrap()),
        ..on_head(log)
    };
    append(log, &change);
}

/// Returns a log of three versions that the tablet made.
fn three_versions() -> Watched {
    let log = portfolio();
    for version in 1..3 {
        let edit = set("t", version, 1);
        sync(&log, &body("tablet", &format!("t{version}"), version, &[edit], 1), 1);
    }
    log
}

#[test]
fn a_device_id_is_reused_if_a_change_of_its_own_is_newer_than_its_base() {
    const V1: Option<&str> = None;
    for (name, kind, sync_id, base, is_reused) in [
        ("phone", Kind::Synced, Some("s9"), 1, true),
        ("phone", Kind::Synced, Some("s9"), 2, true),
        ("phone", Kind::Synced, Some("s9"), 3, true),
        ("phone", Kind::Synced, Some("s9"), 0, true),
        ("tablet", Kind::Synced, Some("s9"), 3, false),
        ("phone", Kind::Synced, V1, 1, false),
        ("phone", Kind::Synced, V1, 2, false),
        ("phone", Kind::Synced, V1, 3, true),
        ("phone", Kind::Replaced, V1, 3, false),
        ("phone", Kind::Restored, V1, 3, false),
        ("phone", Kind::KeptMine, V1, 3, false),
        ("phone", Kind::KeptMine, Some("s9"), 3, false),
    ] {
        for changes in [&[][..], &[set("assets.ada", "1", 5)]] {
            let log = three_versions();
            change(&log.log, name, kind, sync_id, base);
            let answer = sync(&log, &body("phone", "s1", 2, changes, 6), 6).answer;
            assert_eq!(
                answer.device_id_reused, is_reused,
                "{name}, {kind:?}, {sync_id:?}, base {base}"
            );
            let again = sync(&log, &body("phone", "s1", 2, changes, 7), 7).answer;
            assert_eq!(again.device_id_reused, is_reused, "repeated");
            // A base that contains the change shows nothing.
            let log = three_versions();
            change(&log.log, name, kind, sync_id, base);
            assert!(
                !sync(&log, &body("phone", "s2", 4, changes, 8), 8)
                    .answer
                    .device_id_reused
            );
        }
    }
}

#[test]
fn a_device_whose_answer_was_not_delivered_never_seems_to_be_two() {
    let log = three_versions();
    let request = body("phone", "s1", 2, &[set("assets.ada", "1", 5)], 6);
    for at in 6..9 {
        assert!(!sync(&log, &request, at).answer.device_id_reused);
    }
    let next = body("phone", "s2", 4, &[set("assets.ada", "2", 9)], 9);
    assert!(!sync(&log, &next, 9).answer.device_id_reused);
    sync(&log, &body("tablet", "t9", 3, &[set("t", 9, 9)], 9), 9);
    assert!(!sync(&log, &next, 10).answer.device_id_reused);
}

#[test]
fn a_device_that_syncs_without_a_base_is_not_said_to_be_two() {
    let log = portfolio();
    for changes in [&[][..], &[set("assets.btc.amount", "1", 5)]] {
        assert!(
            !sync(&log, &body("phone", "s1", 0, changes, 6), 6)
                .answer
                .device_id_reused
        );
    }
}

#[test]
fn a_twin_that_beats_an_append_is_noticed_in_the_same_sync() {
    let log = portfolio();
    let twins = body("phone", "s2", 1, &[set("assets.btc.amount", "2", 5)], 5);
    log.expect(Event::Before(Box::new(move |log: &MemoryStore| {
        send(log, &twins, 10).unwrap();
    })));
    let answer = sync(
        &log,
        &body("phone", "s1", 1, &[set("assets.btc.amount", "3", 6)], 6),
        11,
    )
    .answer;
    assert!(answer.device_id_reused);
    assert_eq!(answer.conflicts.len(), 1);
}
