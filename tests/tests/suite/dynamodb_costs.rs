//! Costs of the store on DynamoDB: requests, capacity units and item sizes. docs/ARCHITECTURE.md describes the table.

use crate::conformance::samples::{
    UUID, append, create, entry, exact_patch, key, noise, noisy_patch, set, small_patch, snapshot, synced, value,
};
use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_aws::dynamodb::{Meter, Usage};
use coinolio_core::json::{Object, Value};
use coinolio_core::log::{Extent, Patch, PortfolioKey};
use coinolio_core::store::{Appended, ChangeLog, Directory, Snapshots};
use coinolio_tests::dynamodb::{Dynamo, TABLE};
use std::collections::HashMap;

type Item = HashMap<String, AttributeValue>;

/// Returns the key of a user and a portfolio with ids as long as real ones.
fn real_key() -> PortfolioKey {
    key(UUID, UUID)
}

fn used(meter: &Meter, before: Usage) -> (u64, f64, f64) {
    let now = meter.usage();
    (
        now.requests - before.requests,
        now.read_units - before.read_units,
        now.write_units - before.write_units,
    )
}

async fn all_items(dynamo: &Dynamo) -> Vec<Item> {
    let mut pages = dynamo.client.scan().table_name(TABLE).into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.unwrap());
    }
    items
}

fn sort_key(item: &Item) -> &str {
    item["sk"].as_s().unwrap()
}

/// Returns an item's size in bytes by DynamoDB's rules, with each number counted at its largest.
fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 2,
        AttributeValue::Bool(_) => 1,
        other => panic!("{other:?} is not used"),
    };
    item.iter().map(|(name, held)| name.len() + value(held)).sum()
}

#[tokio::test]
async fn a_one_field_edit_costs_one_query_of_one_read_unit_and_one_put_of_one_write_unit() {
    let dynamo = Dynamo::start().await;
    let (log, meter) = dynamo.metered_log();
    create(&log, &real_key()).await;
    append(&log, &real_key(), &synced(1, 2, small_patch())).await;

    let before = meter.usage();
    let found = log.since(&real_key(), 1).await.unwrap();
    assert_eq!(found[0].patch, Some(small_patch()), "the patch needs no second request");
    assert_eq!(used(&meter, before), (1, 1.0, 0.0));

    let before = meter.usage();
    append(&log, &real_key(), &synced(2, 3, small_patch())).await;
    assert_eq!(used(&meter, before), (1, 0.0, 1.0));
}

#[tokio::test]
async fn reads_are_strongly_consistent_and_an_empty_read_is_one_request() {
    let dynamo = Dynamo::start().await;
    let (log, meter) = dynamo.metered_log();
    for (parent, version) in [(0, 0), (5, 5)] {
        let before = meter.usage();
        assert_eq!(log.since(&real_key(), parent).await.unwrap(), []);
        // An eventually consistent read would cost half a unit.
        assert_eq!(used(&meter, before), (1, 1.0, 0.0), "{version}");
    }
    let before = meter.usage();
    log.newest(&real_key(), 4).await.unwrap();
    log.between(&real_key(), 0, 9).await.unwrap();
    log.entry(&real_key()).await.unwrap();
    log.entries(&real_key().user).await.unwrap();
    log.snapshot_before(&real_key(), 1).await.unwrap();
    assert_eq!(used(&meter, before), (5, 5.0, 0.0));
    let before = meter.usage();
    log.between(&real_key(), 4, 4).await.unwrap();
    log.newest(&real_key(), 0).await.unwrap();
    assert_eq!(used(&meter, before), (0, 0.0, 0.0));
}

#[tokio::test]
async fn a_creation_is_one_transaction() {
    let dynamo = Dynamo::start().await;
    let (log, meter) = dynamo.metered_log();
    create(&log, &real_key()).await;
    // Two items of one unit each; a transaction doubles the units.
    assert_eq!(used(&meter, Usage::default()), (1, 0.0, 4.0));
    let before = meter.usage();
    let first = synced(0, 1, small_patch());
    let again = log.create(&real_key(), &entry(&real_key(), "x"), &first).await.unwrap();
    assert!(matches!(again, Appended::Occupied(_)));
    assert_eq!(used(&meter, before), (1, 0.0, 4.0));
}

#[tokio::test]
async fn a_beaten_append_is_one_request_and_its_write_units_are_counted() {
    let dynamo = Dynamo::start().await;
    let (log, meter) = dynamo.metered_log();
    create(&log, &real_key()).await;
    append(&log, &real_key(), &synced(1, 2, noisy_patch(1200, 1))).await;
    let before = meter.usage();
    let lost = log.append(&real_key(), &synced(1, 2, small_patch())).await.unwrap();
    assert!(matches!(lost, Appended::Occupied(_)));
    // DynamoDB charges for the larger item: the stored one, which has two units.
    assert_eq!(used(&meter, before), (1, 0.0, 2.0));
}

#[tokio::test]
async fn a_rename_costs_one_write_unit() {
    let dynamo = Dynamo::start().await;
    let (log, meter) = dynamo.metered_log();
    create(&log, &real_key()).await;
    let before = meter.usage();
    assert!(log.rename(&real_key(), "other").await.unwrap());
    assert_eq!(used(&meter, before), (1, 0.0, 1.0));
}

#[tokio::test]
async fn a_one_field_edit_with_a_conflict_stays_below_one_kilobyte() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    create(&log, &real_key()).await;
    let mut patch = small_patch();
    patch.conflicts = exact_patch().conflicts;
    let mut new = synced(1, 2, patch);
    new.verbatim = true;
    new.extent = Extent {
        snapshot: 1_000_000,
        snapshot_bytes: 6_000_000,
        snapshot_at: 1_000_000_000,
        patch_bytes: 1_000_000_000,
        stored_bytes: 1_000_000_000,
    };
    append(&log, &real_key(), &new).await;
    for item in all_items(&dynamo).await {
        assert!(size(&item) < 1024, "{} has {} bytes", sort_key(&item), size(&item));
        assert!(!item.contains_key("size"), "an item this small is not compressed");
        assert_eq!(item["format"], AttributeValue::N("1".to_owned()));
    }
}

#[tokio::test]
async fn change_items_stay_within_one_read_unit_and_chunks_below_the_item_limit() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    create(&log, &real_key()).await;
    let sizes = (0..8000).step_by(250).chain([300_000, 3_000_000]);
    for (parent, bytes) in (1..).zip(sizes) {
        append(
            &log,
            &real_key(),
            &synced(parent, parent + 1, noisy_patch(bytes, parent)),
        )
        .await;
    }
    let items = all_items(&dynamo).await;
    let inline = items.iter().filter(|item| item.contains_key("patch")).count();
    let apart = items.iter().filter(|item| item.contains_key("apart")).count();
    assert!(inline > 10 && apart > 10, "{inline} inline, {apart} apart");
    for item in items {
        let limit = if sort_key(&item).starts_with("PATCH#") {
            360_000
        } else {
            4096
        };
        assert!(size(&item) <= limit, "{} has {} bytes", sort_key(&item), size(&item));
    }
}

#[tokio::test]
async fn a_patch_that_compresses_well_is_stored_in_its_change_item() {
    let dynamo = Dynamo::start().await;
    let (log, meter) = dynamo.metered_log();
    create(&log, &real_key()).await;
    let edits = (0..200).map(|i| set(&format!(r#"["assets",{{"id":"a{i}"}},"amount"]"#), "1", 5));
    let patch = Patch {
        edits: edits.collect(),
        conflicts: Vec::new(),
    };
    assert!(patch.encode().len() > 10_000);
    append(&log, &real_key(), &synced(1, 2, patch.clone())).await;
    let before = meter.usage();
    let found = log.since(&real_key(), 1).await.unwrap();
    assert_eq!(found[0].patch, Some(patch));
    assert_eq!(used(&meter, before), (1, 1.0, 0.0));
}

#[tokio::test]
async fn a_big_patch_is_written_by_one_batch_and_one_put_and_read_by_two_queries() {
    let dynamo = Dynamo::start().await;
    let (log, meter) = dynamo.metered_log();
    create(&log, &real_key()).await;
    let before = meter.usage();
    append(&log, &real_key(), &synced(1, 2, noisy_patch(400_000, 1))).await;
    let (requests, read, write) = used(&meter, before);
    assert_eq!((requests, read), (2, 0.0));
    assert!((250.0..500.0).contains(&write), "{write} write units");
    let before = meter.usage();
    let head = log.newest(&real_key(), 1).await.unwrap().remove(0);
    assert_eq!(used(&meter, before), (1, 1.0, 0.0));
    log.patch(&real_key(), &head).await.unwrap();
    assert_eq!(used(&meter, before).0, 2);
}

#[tokio::test]
async fn the_chunks_of_a_beaten_append_are_deleted_and_the_winners_stay() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    create(&log, &real_key()).await;
    append(&log, &real_key(), &synced(1, 2, noisy_patch(800_000, 1))).await;
    let before = all_items(&dynamo).await.len();
    let lost = log
        .append(&real_key(), &synced(1, 2, noisy_patch(800_000, 2)))
        .await
        .unwrap();
    assert!(matches!(lost, Appended::Occupied(_)));
    let first = synced(0, 1, noisy_patch(800_000, 3));
    let lost = log.create(&real_key(), &entry(&real_key(), "x"), &first).await.unwrap();
    assert!(matches!(lost, Appended::Occupied(_)));
    assert_eq!(all_items(&dynamo).await.len(), before);
}

#[tokio::test]
async fn a_snapshot_read_is_one_query_and_a_second_one_if_it_has_several_chunks() {
    let dynamo = Dynamo::start().await;
    let (log, meter) = dynamo.metered_log();
    let noisy = |bytes, seed| Value::Object(Object::from([("noise".into(), Value::from(&*noise(bytes, seed)))]));
    for (version, bytes, requests) in [(1, 100, 1), (2, 100_000, 1), (3, 1_000_000, 2)] {
        let mark = log
            .write_snapshot(&real_key(), &snapshot(version, noisy(bytes, version)))
            .await
            .unwrap();
        let chunks = all_items(&dynamo).await;
        let prefix = format!("SNAPSHOT#{version:020}#");
        let kept: usize = chunks
            .iter()
            .filter(|item| sort_key(item).starts_with(&prefix))
            .map(size)
            .sum();
        assert_eq!(mark.stored_bytes, u64::try_from(kept).unwrap(), "the stored bytes");
        let before = meter.usage();
        assert!(log.snapshot_before(&real_key(), 9).await.unwrap().is_some());
        let (sent, read, _) = used(&meter, before);
        assert_eq!(sent, requests, "{bytes} bytes");
        let least = (kept as f64 / 4096.0).ceil();
        assert!((least..=least + 1.0).contains(&read), "{read} units for {kept} bytes");
    }
}

#[tokio::test]
async fn a_mark_costs_one_write_unit_and_a_removal_one_request_for_each_item() {
    let dynamo = Dynamo::start().await;
    let (log, meter) = dynamo.metered_log();
    create(&log, &real_key()).await;
    append(&log, &real_key(), &synced(1, 2, small_patch())).await;
    let before = meter.usage();
    assert!(
        log.mark_snapshot(&real_key(), &snapshot(2, value("{}")).mark(60))
            .await
            .unwrap()
    );
    assert_eq!(used(&meter, before), (1, 0.0, 1.0));
    let oldest = log.oldest_since(&real_key(), 0).await.unwrap().unwrap();
    let before = meter.usage();
    log.remove(&real_key(), &oldest).await.unwrap();
    assert_eq!(used(&meter, before), (1, 0.0, 1.0));
}

#[tokio::test]
async fn a_change_counts_the_bytes_that_the_table_stores_for_it() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    create(&log, &real_key()).await;
    let mut sum = 0;
    for (parent, bytes) in (1..).zip([10, 900, 3000, 10_000, 800_000]) {
        let mut new = synced(parent, parent + 1, noisy_patch(bytes, parent));
        new.extent.stored_bytes = sum;
        append(&log, &real_key(), &new).await;
        let head = log.newest(&real_key(), 1).await.unwrap().remove(0);
        sum = head.extent.stored_bytes;
        let items = all_items(&dynamo).await;
        let of_changes = |item: &&Item| {
            let sk = sort_key(item);
            sk.starts_with("PATCH#") || (sk.starts_with("CHANGE#") && sk != "CHANGE#00000000000000000000")
        };
        let kept: usize = items.iter().filter(of_changes).map(size).sum();
        let kept = u64::try_from(kept).unwrap();
        // The sum counts its own digits at their longest, which is 20.
        assert!((kept..=kept + 10 * parent).contains(&sum), "{sum} for {kept} bytes");
    }
}

#[tokio::test]
async fn item_keys_have_the_documented_form() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    let key = key("u", "p");
    create(&log, &key).await;
    append(&log, &key, &synced(1, 2, noisy_patch(10_000, 1))).await;
    let document = value("{}");
    log.write_snapshot(&key, &snapshot(2, document)).await.unwrap();
    let mut keys: Vec<_> = all_items(&dynamo)
        .await
        .iter()
        .map(|item| format!("{} {}", item["pk"].as_s().unwrap(), sort_key(item)))
        .collect();
    keys.sort();
    let patch = keys.remove(3);
    assert_eq!(
        keys,
        [
            "USER#u PORTFOLIO#p",
            "USER#u#PORTFOLIO#p CHANGE#00000000000000000000",
            "USER#u#PORTFOLIO#p CHANGE#00000000000000000001",
            "USER#u#PORTFOLIO#p SNAPSHOT#00000000000000000002#0000",
        ]
    );
    assert!(
        patch.starts_with("USER#u#PORTFOLIO#p PATCH#") && patch.ends_with("#0000"),
        "{patch}"
    );
}

#[tokio::test]
async fn an_existing_table_is_left_unchanged() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    create(&log, &real_key()).await;
    coinolio_aws::dynamodb::create_table_if_missing(&dynamo.client, TABLE)
        .await
        .unwrap();
    assert_eq!(log.since(&real_key(), 0).await.unwrap().len(), 1);
}
