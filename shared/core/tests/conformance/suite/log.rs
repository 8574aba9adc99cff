//! The cases that every change log must pass.

use super::samples::{
    append, bare, create, entry, exact_patch, key, made, noisy_patch, set, small_patch, snapshot, synced, value,
};
use coinolio_core::id::{DeviceId, SyncId, UserId};
use coinolio_core::log::{Change, Entry, Kind, Patch, PortfolioKey, Version};
use coinolio_core::store::{Appended, Store, StoreError};
use coinolio_core::time::Timestamp;
use std::sync::Arc;
use tokio::task::JoinSet;

suite! {
    an_empty_log_returns_nothing
    a_read_returns_everything_that_was_written_before_it
    changes_are_read_newest_first_within_the_given_bounds
    the_oldest_change_is_found_whatever_its_parent_is
    a_log_longer_than_a_page_is_read_whole
    every_member_of_a_change_is_read_back_as_written
    exactly_one_of_several_concurrent_appends_on_a_parent_wins_and_the_others_see_it
    a_change_appended_again_finds_itself
    exactly_one_of_several_concurrent_creations_wins_with_its_entry
    creating_an_existing_portfolio_changes_neither_entry_nor_log
    a_late_creation_finds_the_first_change_of_a_longer_log
    a_log_whose_first_change_is_gone_cannot_be_created_again
    patches_of_every_size_are_read_back_unchanged
    a_change_is_never_visible_without_its_big_patch
    a_big_patch_of_a_beaten_append_leaves_the_winners_patch_intact
    the_stored_bytes_of_all_changes_add_up
    a_removed_change_is_gone_with_its_patch_and_the_others_stay
    numbers_keep_their_original_text
    portfolios_with_similar_keys_do_not_see_each_other
    a_directory_lists_its_own_portfolios_by_id
    only_an_existing_portfolio_can_be_renamed
    a_change_and_a_new_name_are_written_together
    an_append_on_an_occupied_parent_leaves_the_name_unchanged
    the_name_is_that_of_the_concurrent_append_that_won
    a_change_and_a_new_name_are_refused_without_a_directory_entry
}

/// Returns the changes without their patches, which a log may store elsewhere.
fn bare_all(changes: &[Change]) -> Vec<Change> {
    changes.iter().map(bare).collect()
}

fn versions(changes: &[Change]) -> Vec<Version> {
    changes.iter().map(|change| change.version).collect()
}

fn occupant(outcome: Appended) -> Change {
    match outcome {
        Appended::Occupied(change) => *change,
        Appended::Written => panic!("a second change was written on the same parent"),
    }
}

async fn only_change(log: &impl Store, key: &PortfolioKey, parent: Version) -> (Change, Patch) {
    let found = log.between(key, parent, parent + 1).await.unwrap();
    assert_eq!(found.len(), 1, "a parent has exactly one child");
    let patch = log.patch(key, &found[0]).await.unwrap();
    (found[0].clone(), patch)
}

async fn an_empty_log_returns_nothing(log: impl Store) {
    let key = key("u", "p");
    assert_eq!(log.since(&key, 0).await.unwrap(), []);
    assert_eq!(log.between(&key, 0, u64::MAX).await.unwrap(), []);
    assert_eq!(log.newest(&key, 10).await.unwrap(), []);
    assert_eq!(log.oldest_since(&key, 0).await.unwrap(), None);
    assert_eq!(log.snapshot_before(&key, u64::MAX).await.unwrap(), None);
    assert_eq!(log.entry(&key).await.unwrap(), None);
    assert_eq!(log.entries(&key.user).await.unwrap(), []);
}

async fn a_read_returns_everything_that_was_written_before_it(log: impl Store) {
    let key = key("u", "p");
    let first = synced(0, 1, small_patch());
    let created = log.create(&key, &entry(&key, "main"), &first).await.unwrap();
    assert_eq!(created, Appended::Written);
    assert_eq!(log.entry(&key).await.unwrap(), Some(entry(&key, "main")));
    assert_eq!(log.entries(&key.user).await.unwrap(), [entry(&key, "main")]);
    assert_eq!(bare_all(&log.newest(&key, 1).await.unwrap()), [made(&first)]);
    for parent in 1..20 {
        let next = synced(parent, parent + 1, small_patch());
        append(&log, &key, &next).await;
        assert_eq!(bare_all(&log.newest(&key, 1).await.unwrap()), [made(&next)]);
        assert_eq!(versions(&log.since(&key, parent).await.unwrap()), [parent + 1]);
    }
}

async fn the_oldest_change_is_found_whatever_its_parent_is(log: impl Store) {
    let (whole, cut_short) = (key("u", "p"), key("u", "q"));
    assert_eq!(log.oldest_since(&whole, 0).await.unwrap(), None);
    create(&log, &whole).await;
    append(&log, &whole, &synced(1, 2, noisy_patch(300 * 1024, 1))).await;
    let oldest = log.oldest_since(&whole, 0).await.unwrap().unwrap();
    assert_eq!((oldest.parent, oldest.version), (0, 1));
    // The changes that retention leaves may begin on any parent.
    for (parent, version) in [(11, 12), (7, 11)] {
        append(&log, &cut_short, &synced(parent, version, small_patch())).await;
    }
    let oldest = log.oldest_since(&cut_short, 0).await.unwrap().unwrap();
    assert_eq!(bare(&oldest), made(&synced(7, 11, small_patch())));
}

async fn changes_are_read_newest_first_within_the_given_bounds(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    // 3 → 10 is the jump of a v1 client that was ahead. The last version is the largest allowed, `MAX_VERSION`.
    for (parent, version) in [(1, 2), (2, 3), (3, 10), (10, 11), (11, (1 << 53) - 1)] {
        append(&log, &key, &synced(parent, version, small_patch())).await;
    }
    let last = (1 << 53) - 1;
    assert_eq!(versions(&log.since(&key, 0).await.unwrap()), [last, 11, 10, 3, 2, 1]);
    assert_eq!(versions(&log.since(&key, 3).await.unwrap()), [last, 11, 10]);
    assert_eq!(versions(&log.since(&key, 4).await.unwrap()), [last, 11]);
    assert_eq!(versions(&log.since(&key, 11).await.unwrap()), [last]);
    assert_eq!(log.since(&key, last).await.unwrap(), []);
    assert_eq!(log.since(&key, u64::MAX).await.unwrap(), []);
    assert_eq!(
        versions(&log.between(&key, 0, u64::MAX).await.unwrap()),
        [last, 11, 10, 3, 2, 1]
    );
    assert_eq!(versions(&log.between(&key, 1, 3).await.unwrap()), [3, 2]);
    assert_eq!(log.between(&key, 4, 10).await.unwrap(), []);
    assert_eq!(log.between(&key, 3, 3).await.unwrap(), []);
    assert_eq!(log.between(&key, 3, 0).await.unwrap(), []);
    for (parent, oldest) in [(0, 1), (1, 2), (3, 10), (4, 11), (11, last)] {
        let found = log.oldest_since(&key, parent).await.unwrap();
        assert_eq!(found.map(|change| change.version), Some(oldest), "from {parent} on");
    }
    assert_eq!(log.oldest_since(&key, last).await.unwrap(), None);
    assert_eq!(log.newest(&key, 0).await.unwrap(), []);
    assert_eq!(versions(&log.newest(&key, 2).await.unwrap()), [last, 11]);
    assert_eq!(versions(&log.newest(&key, 100).await.unwrap()), [last, 11, 10, 3, 2, 1]);
    assert_eq!(versions(&log.before(&key, 10, 2).await.unwrap()), [10, 3]);
    assert_eq!(versions(&log.before(&key, 11, 2).await.unwrap()), [11, 10]);
    assert_eq!(versions(&log.before(&key, 2, 9).await.unwrap()), [2, 1]);
    assert_eq!(
        versions(&log.before(&key, u64::MAX, 9).await.unwrap()),
        [last, 11, 10, 3, 2, 1]
    );
    assert_eq!(log.before(&key, 0, 9).await.unwrap(), []);
    assert_eq!(log.before(&key, 9, 0).await.unwrap(), []);
}

async fn a_log_longer_than_a_page_is_read_whole(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    // 420 items of over 2.5 KB are more than a DynamoDB page of 1 MB.
    for parent in 1..=420 {
        append(&log, &key, &synced(parent, parent + 1, noisy_patch(3000, parent))).await;
    }
    let all: Vec<_> = (1..=421).rev().collect();
    assert_eq!(versions(&log.since(&key, 0).await.unwrap()), all);
    assert_eq!(versions(&log.newest(&key, 415).await.unwrap()), all[..415]);
    assert_eq!(versions(&log.between(&key, 5, 421).await.unwrap()), all[..416]);
}

async fn every_member_of_a_change_is_read_back_as_written(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    for (parent, kind) in [
        (1, Kind::Created),
        (2, Kind::Synced),
        (3, Kind::Replaced),
        (4, Kind::Deleted),
        (5, Kind::Restored),
        (6, Kind::KeptMine),
    ] {
        let mut full = synced(parent, parent + 1, exact_patch());
        full.kind = kind;
        full.verbatim = true;
        full.extent.snapshot = u64::MAX;
        full.extent.snapshot_bytes = u64::MAX - 1;
        full.extent.snapshot_at = u64::MAX - 2;
        full.extent.patch_bytes = u64::MAX - 3;
        full.patch_bytes = 12;
        append(&log, &key, &full).await;
        let (change, patch) = only_change(&log, &key, parent).await;
        assert_eq!((bare(&change), patch), (made(&full), full.patch));
    }
    let mut least = synced(7, 8, Patch::default());
    least.device_id = None;
    least.sync_id = None;
    least.fingerprint = None;
    least.last_sync_at = Timestamp::from_millis(-1);
    append(&log, &key, &least).await;
    let (change, patch) = only_change(&log, &key, 7).await;
    assert_eq!((bare(&change), patch), (made(&least), least.patch));
}

async fn exactly_one_of_several_concurrent_appends_on_a_parent_wins_and_the_others_see_it(log: impl Store + 'static) {
    let log = Arc::new(log);
    let key = key("u", "p");
    create(&*log, &key).await;
    for parent in 1..=5 {
        let mut writers = JoinSet::new();
        for writer in 0..16 {
            let (log, key) = (Arc::clone(&log), key.clone());
            let mut new = synced(parent, parent + 1, noisy_patch(20, writer));
            new.sync_id = Some(SyncId::parse(&format!("sync-{writer}")).unwrap());
            writers.spawn(async move {
                let outcome = log.append(&key, &new).await.unwrap();
                (new, outcome)
            });
        }
        let (won, beaten): (Vec<_>, Vec<_>) = writers
            .join_all()
            .await
            .into_iter()
            .partition(|(_, outcome)| *outcome == Appended::Written);
        assert_eq!((won.len(), beaten.len()), (1, 15));
        let (winner, _) = &won[0];
        for (_, outcome) in beaten {
            assert_eq!(bare(&occupant(outcome)), made(winner));
        }
        let (change, patch) = only_change(&*log, &key, parent).await;
        assert_eq!((bare(&change), &patch), (made(winner), &winner.patch));
    }
}

async fn a_change_appended_again_finds_itself(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    for (parent, patch) in [(1, small_patch()), (2, noisy_patch(300_000, 1))] {
        let new = synced(parent, parent + 1, patch);
        append(&log, &key, &new).await;
        let again = occupant(log.append(&key, &new).await.unwrap());
        assert_eq!(again.sync_id, new.sync_id);
        assert_eq!(bare(&again), made(&new));
        assert_eq!(log.patch(&key, &again).await.unwrap(), new.patch);
    }
}

async fn exactly_one_of_several_concurrent_creations_wins_with_its_entry(log: impl Store + 'static) {
    let log = Arc::new(log);
    for round in 0..5 {
        let key = key("u", &format!("p{round}"));
        let mut creators = JoinSet::new();
        for creator in 0..16_u64 {
            let (log, key) = (Arc::clone(&log), key.clone());
            let mut first = synced(0, 1, noisy_patch(20, creator));
            first.device_id = Some(DeviceId::parse(&format!("device-{creator}")).unwrap());
            creators.spawn(async move {
                let name = format!("of device-{creator}");
                let outcome = log.create(&key, &entry(&key, &name), &first).await.unwrap();
                (name, first, outcome)
            });
        }
        let all = creators.join_all().await;
        let won: Vec<_> = all
            .iter()
            .filter(|(.., outcome)| *outcome == Appended::Written)
            .collect();
        assert_eq!(won.len(), 1);
        let (name, first, _) = won[0];
        assert_eq!(log.entry(&key).await.unwrap(), Some(entry(&key, name)));
        let (change, patch) = only_change(&*log, &key, 0).await;
        assert_eq!((bare(&change), &patch), (made(first), &first.patch));
        for (.., outcome) in all.iter().filter(|(.., outcome)| *outcome != Appended::Written) {
            assert_eq!(bare(&occupant(outcome.clone())), made(first));
        }
    }
}

async fn creating_an_existing_portfolio_changes_neither_entry_nor_log(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    let (before, patch) = only_change(&log, &key, 0).await;
    for patch in [exact_patch(), noisy_patch(300_000, 1)] {
        let other = synced(0, 1, patch);
        let there = occupant(log.create(&key, &entry(&key, "other"), &other).await.unwrap());
        assert_eq!(bare(&there), bare(&before));
    }
    assert_eq!(log.entry(&key).await.unwrap(), Some(entry(&key, "main")));
    assert_eq!(only_change(&log, &key, 0).await, (before, patch));
}

async fn a_late_creation_finds_the_first_change_of_a_longer_log(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    append(&log, &key, &synced(1, 2, small_patch())).await;
    let there = occupant(
        log.create(&key, &entry(&key, "x"), &synced(0, 1, small_patch()))
            .await
            .unwrap(),
    );
    assert_eq!((there.parent, there.version), (0, 1));
}

async fn patches_of_every_size_are_read_back_unchanged(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    let repetitive = format!("\"{}\"", "bitcoin ".repeat(40_000));
    let mut patches = vec![
        Patch::default(),
        Patch {
            edits: vec![set("[\"r\"]", &repetitive, 1)],
            conflicts: exact_patch().conflicts,
        },
    ];
    let sizes = [
        100, 400, 500, 1000, 3500, 4500, 10_000, 300_000, 349_000, 351_000, 3_000_000,
    ];
    patches.extend(sizes.map(|bytes| noisy_patch(bytes, 1)));
    for (parent, patch) in (1..).zip(patches) {
        append(&log, &key, &synced(parent, parent + 1, patch.clone())).await;
        let (_, stored) = only_change(&log, &key, parent).await;
        assert!(
            stored == patch,
            "the patch of {} bytes came back changed",
            patch.encode().len()
        );
    }
}

async fn a_change_is_never_visible_without_its_big_patch(log: impl Store + 'static) {
    let log = Arc::new(log);
    let key = key("u", "p");
    create(&*log, &key).await;
    for parent in 1..=3 {
        let new = synced(parent, parent + 1, noisy_patch(2_000_000, parent));
        let writer = {
            let (log, key, new) = (Arc::clone(&log), key.clone(), new.clone());
            tokio::spawn(async move { append(&*log, &key, &new).await })
        };
        let seen = loop {
            let head = log.newest(&key, 1).await.unwrap().remove(0);
            if head.parent == parent {
                break head;
            }
            tokio::task::yield_now().await;
        };
        assert!(log.patch(&key, &seen).await.unwrap() == new.patch);
        writer.await.unwrap();
    }
}

async fn a_big_patch_of_a_beaten_append_leaves_the_winners_patch_intact(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    let winner = synced(1, 2, noisy_patch(800_000, 1));
    let loser = synced(1, 2, noisy_patch(800_000, 2));
    append(&log, &key, &winner).await;
    let there = occupant(log.append(&key, &loser).await.unwrap());
    assert!(log.patch(&key, &there).await.unwrap() == winner.patch);
    let (_, patch) = only_change(&log, &key, 1).await;
    assert!(patch == winner.patch);
}

async fn the_stored_bytes_of_all_changes_add_up(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    let (first, _) = only_change(&log, &key, 0).await;
    let mut sum = first.extent.stored_bytes;
    assert!((100..1024).contains(&sum), "{sum} bytes for a small patch");
    for (parent, bytes) in (1..).zip([10, 1000, 3500, 300_000, 800_000]) {
        let mut new = synced(parent, parent + 1, noisy_patch(bytes, parent));
        new.extent.stored_bytes = sum;
        append(&log, &key, &new).await;
        let (change, _) = only_change(&log, &key, parent).await;
        let own = change.extent.stored_bytes - sum;
        let bytes = u64::try_from(bytes).unwrap();
        // Each byte of the text carries six bits of noise.
        assert!(
            (bytes * 3 / 4..bytes + 1500).contains(&own),
            "{own} bytes for {bytes} of noise"
        );
        sum = change.extent.stored_bytes;
    }
    let mut full = synced(6, 7, small_patch());
    full.extent.stored_bytes = u64::MAX;
    append(&log, &key, &full).await;
    assert_eq!(only_change(&log, &key, 6).await.0.extent.stored_bytes, u64::MAX);
}

async fn a_removed_change_is_gone_with_its_patch_and_the_others_stay(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    append(&log, &key, &synced(1, 2, noisy_patch(800_000, 1))).await;
    append(&log, &key, &synced(2, 3, noisy_patch(800_000, 2))).await;
    for parent in [0, 1] {
        let oldest = log.oldest_since(&key, 0).await.unwrap().unwrap();
        assert_eq!(oldest.parent, parent);
        // The second call stands for another run that removes the same change.
        log.remove(&key, &oldest).await.unwrap();
        log.remove(&key, &oldest).await.unwrap();
        if parent == 1 {
            assert!(log.patch(&key, &oldest).await.is_err(), "its patch is gone");
        }
    }
    assert_eq!(versions(&log.since(&key, 0).await.unwrap()), [3]);
    let (_, patch) = only_change(&log, &key, 2).await;
    assert!(patch == noisy_patch(800_000, 2));
    assert!(log.entry(&key).await.unwrap().is_some());
}

async fn a_log_whose_first_change_is_gone_cannot_be_created_again(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    append(&log, &key, &synced(1, 2, small_patch())).await;
    let first = log.oldest_since(&key, 0).await.unwrap().unwrap();
    log.remove(&key, &first).await.unwrap();
    let again = log.create(&key, &entry(&key, "x"), &synced(0, 1, small_patch())).await;
    assert_eq!(bare(&occupant(again.unwrap())), made(&synced(1, 2, small_patch())));
    assert_eq!(log.entry(&key).await.unwrap(), Some(entry(&key, "main")));
    assert_eq!(versions(&log.since(&key, 0).await.unwrap()), [2]);
}

async fn numbers_keep_their_original_text(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    let mut big = noisy_patch(300_000, 1);
    big.edits.extend(exact_patch().edits);
    big.conflicts = exact_patch().conflicts;
    for (parent, patch) in [(1, exact_patch()), (2, big)] {
        append(&log, &key, &synced(parent, parent + 1, patch.clone())).await;
        let (_, stored) = only_change(&log, &key, parent).await;
        // Numbers of equal value may differ in their text, so the encoded bytes are compared.
        assert!(stored.encode() == patch.encode());
    }
    let document = value(r#"{"a":[0.10,9007199254740993,1e2,-0,0.1000000000000000055511151231257827]}"#);
    let snapshot = snapshot(3, document);
    log.write_snapshot(&key, &snapshot).await.unwrap();
    let read = log.snapshot_before(&key, 3).await.unwrap().unwrap();
    assert_eq!(read.document.to_json(), snapshot.document.to_json());
}

async fn portfolios_with_similar_keys_do_not_see_each_other(log: impl Store) {
    let keys = [
        key("a", "b"),
        key("ab", "c"),
        key("a", "bc"),
        key("a", "PORTFOLIO"),
        key("a~", "b"),
        key("a", "b."),
        key("USER", "a"),
        key("a PORTFOLIO", "b"),
    ];
    for (version, key) in (1..).zip(&keys) {
        let first = synced(0, version, noisy_patch(300_000, version));
        let created = log
            .create(key, &entry(key, &format!("{version}")), &first)
            .await
            .unwrap();
        assert_eq!(created, Appended::Written);
        let document = value(&format!("{{\"v\":{version}}}"));
        let mark = log.write_snapshot(key, &snapshot(7, document)).await.unwrap();
        assert!(log.mark_snapshot(key, &mark).await.unwrap());
    }
    for (version, key) in (1..).zip(&keys) {
        assert_eq!(versions(&log.since(key, 0).await.unwrap()), [version]);
        let (_, patch) = only_change(&log, key, 0).await;
        assert!(patch == noisy_patch(300_000, version));
        assert_eq!(log.entry(key).await.unwrap().unwrap().name, format!("{version}"));
        let snapshot = log.snapshot_before(key, u64::MAX).await.unwrap().unwrap();
        assert_eq!(snapshot.document, value(&format!("{{\"v\":{version}}}")));
    }
    log.remove_snapshots_before(&keys[0], u64::MAX).await.unwrap();
    log.remove(&keys[0], &only_change(&log, &keys[0], 0).await.0)
        .await
        .unwrap();
    for key in &keys[1..] {
        assert!(log.snapshot_before(key, u64::MAX).await.unwrap().is_some());
        only_change(&log, key, 0).await;
    }
}

async fn a_directory_lists_its_own_portfolios_by_id(log: impl Store) {
    let (mine, other) = (UserId::parse("u").unwrap(), UserId::parse("u2").unwrap());
    for id in ["b", "a", "B", "a.b", "10", "9", "a-b", "_"] {
        create(&log, &key("u", id)).await;
    }
    create(&log, &key("u2", "z")).await;
    let ids = async |user| -> Vec<String> {
        let entries = log.entries(user).await.unwrap();
        entries.iter().map(|entry| entry.portfolio.to_string()).collect()
    };
    assert_eq!(ids(&mine).await, ["10", "9", "B", "_", "a", "a-b", "a.b", "b"]);
    assert_eq!(ids(&other).await, ["z"]);
}

async fn only_an_existing_portfolio_can_be_renamed(log: impl Store) {
    let (there, missing) = (key("u", "p"), key("u", "q"));
    create(&log, &there).await;
    assert!(log.rename(&there, "Größe 💰").await.unwrap());
    assert!(!log.rename(&missing, "x").await.unwrap());
    assert_eq!(log.entry(&there).await.unwrap(), Some(entry(&there, "Größe 💰")));
    assert_eq!(log.entry(&missing).await.unwrap(), None);
    assert_eq!(log.entries(&there.user).await.unwrap().len(), 1);
    assert_eq!(versions(&log.since(&there, 0).await.unwrap()), [1]);
}

async fn a_change_and_a_new_name_are_written_together(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    let mark = log.write_snapshot(&key, &snapshot(1, value("{}"))).await.unwrap();
    assert!(log.mark_snapshot(&key, &mark).await.unwrap());
    assert!(log.retain_from(&key, 1).await.unwrap());
    let mut sum = only_change(&log, &key, 0).await.0.extent.stored_bytes;
    for (parent, patch, name) in [(1, small_patch(), "Größe 💰"), (2, noisy_patch(800_000, 1), "other")] {
        let mut draft = synced(parent, parent + 1, patch);
        draft.extent.stored_bytes = sum;
        let appended = log.append_and_rename(&key, &draft, name).await.unwrap();
        assert_eq!(appended, Appended::Written);
        let (change, patch) = only_change(&log, &key, parent).await;
        assert_eq!(bare(&change), made(&draft));
        assert!(patch == draft.patch);
        assert!(change.extent.stored_bytes > sum, "the change's own bytes are added");
        sum = change.extent.stored_bytes;
        let renamed = Entry {
            snapshot: Some(mark),
            retained_from: 1,
            ..entry(&key, name)
        };
        assert_eq!(log.entry(&key).await.unwrap(), Some(renamed), "only the name is new");
    }
}

async fn an_append_on_an_occupied_parent_leaves_the_name_unchanged(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    let winner = synced(1, 2, noisy_patch(300_000, 1));
    append(&log, &key, &winner).await;
    // The last one stands for another sending of the winner.
    for beaten in [
        synced(1, 2, small_patch()),
        synced(1, 2, noisy_patch(800_000, 2)),
        winner.clone(),
    ] {
        let there = occupant(log.append_and_rename(&key, &beaten, "other").await.unwrap());
        assert_eq!(bare(&there), made(&winner));
        assert!(log.patch(&key, &there).await.unwrap() == winner.patch);
    }
    assert_eq!(versions(&log.since(&key, 0).await.unwrap()), [2, 1]);
    assert_eq!(log.entry(&key).await.unwrap(), Some(entry(&key, "main")));
}

async fn the_name_is_that_of_the_concurrent_append_that_won(log: impl Store + 'static) {
    let log = Arc::new(log);
    let key = key("u", "p");
    create(&*log, &key).await;
    for parent in 1..=5 {
        let mut writers = JoinSet::new();
        for writer in 0..16 {
            let (log, key) = (Arc::clone(&log), key.clone());
            let draft = synced(parent, parent + 1, noisy_patch(20, writer));
            writers.spawn(async move {
                let name = format!("{writer} at {parent}");
                let outcome = log.append_and_rename(&key, &draft, &name).await.unwrap();
                (name, draft, outcome)
            });
        }
        let all = writers.join_all().await;
        let won: Vec<_> = all
            .iter()
            .filter(|(.., outcome)| *outcome == Appended::Written)
            .collect();
        assert_eq!(won.len(), 1);
        let (name, winner, _) = won[0];
        assert_eq!(log.entry(&key).await.unwrap(), Some(entry(&key, name)));
        assert_eq!(only_change(&*log, &key, parent).await.1, winner.patch);
    }
}

async fn a_change_and_a_new_name_are_refused_without_a_directory_entry(log: impl Store) {
    let (empty, without_entry) = (key("u", "p"), key("u", "q"));
    append(&log, &without_entry, &synced(0, 1, small_patch())).await;
    for (key, versions_before) in [(empty, &[][..]), (without_entry, &[1])] {
        for patch in [small_patch(), noisy_patch(800_000, 1)] {
            let draft = synced(1, 2, patch);
            let refused = log.append_and_rename(&key, &draft, "other").await;
            assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
            assert_eq!(versions(&log.since(&key, 0).await.unwrap()), versions_before);
            assert_eq!(log.entry(&key).await.unwrap(), None);
        }
    }
}
