//! A removal by retention that stops half-way: readers notice nothing, and the next run finishes it.

use crate::conformance::compaction::{LITTLE, changes, now, p};
use crate::conformance::removal::{HEAD, check_readers, edit_on_what_goes, portfolio};
use coinolio_core::portfolio::Portfolio;
use coinolio_core::store::Directory;
use coinolio_tests::dynamodb::{Dynamo, TABLE};
use coinolio_tests::faults::Fault;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Returns the change ids in the keys of the patches' chunks, and the ids of the stored changes.
async fn patches_and_changes(dynamo: &Dynamo) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut patches, mut changes) = (BTreeSet::new(), BTreeSet::new());
    let mut items = dynamo.client.scan().table_name(TABLE).into_paginator().items().send();
    while let Some(item) = items.next().await {
        let item = item.unwrap();
        let sk: Vec<&str> = item["sk"].as_s().unwrap().split('#').collect();
        match sk[0] {
            "PATCH" => drop(patches.insert(sk[1].to_owned())),
            "CHANGE" => drop(changes.insert(item["id"].as_s().unwrap().clone())),
            _ => {}
        }
    }
    (patches, changes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_stopped_after_any_write_disturbs_no_reader_and_the_next_run_finishes_it() {
    let mut stops = 0;
    loop {
        let dynamo = Dynamo::start().await;
        let log = dynamo.log();
        portfolio(&log).await;
        let left = Arc::new(AtomicUsize::new(stops));
        // Refuses every write after the first `stops`.
        let stop = move |operation: &str, _: usize| {
            let is_read = matches!(operation, "Query" | "GetItem");
            let serves = is_read
                || left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok();
            if serves {
                Fault::Serve
            } else {
                Fault::Answer(400, "ValidationException")
            }
        };
        let stopped = Portfolio::new(&dynamo.failing_log(stop).await, &p())
            .compact(&LITTLE, now(HEAD + 1))
            .await;
        let kept_from = log.entry(&p()).await.unwrap().unwrap().retained_from;
        check_readers(&log, kept_from).await;
        let oldest = changes(&log).await[0].parent;
        // A device can still sync if its base is among the changes that the stopped run has left.
        if oldest < kept_from {
            edit_on_what_goes(&log, oldest.max(1)).await;
        }
        Portfolio::new(&log, &p())
            .compact(&LITTLE, now(HEAD + 3))
            .await
            .unwrap();
        assert_eq!(
            changes(&log).await[0].parent,
            log.entry(&p()).await.unwrap().unwrap().retained_from
        );
        let (patches, changes) = patches_and_changes(&dynamo).await;
        assert!(
            patches.is_subset(&changes),
            "a stop after {stops} writes leaves chunks behind"
        );
        if stopped.is_ok() {
            break;
        }
        stops += 1;
    }
    assert!(stops > 15, "{stops} writes");
}
