//! The routes if the base has expired: retention has removed it.

use crate::conformance::samples::{entry, key, synced};
use coinolio_core::json;
use coinolio_core::log::{Change, Patch, SnapshotDraft, Version};
use coinolio_core::store::{Directory, Snapshots};
use coinolio_tests::service::{Call, Service};
use lambda_http::http::Method;
use serde_json::json;

/// The `sub` of the events in `events/`.
const CLAIMED: &str = "5f0c6a1e-8f0b-4c57-9d5e-2b7f0f6b7a11";

/// The parent of the oldest retained change.
const RETAINED_FROM: Version = 5;

/// Starts a service with the portfolio `main`, which has only a snapshot of version 5 and the change to version 6.
async fn with_a_cut_log() -> Service {
    let service = Service::start().await;
    let (log, key) = (service.dynamo.log(), key(CLAIMED, "main"));
    let document = json!({"assets": {"btc": {"amount": "0.5"}}, "transactions": []}).to_string();
    let document = json::read(document.as_bytes()).unwrap();
    let removed = Change::from(synced(RETAINED_FROM - 1, RETAINED_FROM, Patch::default()));
    log.write_snapshot(&key, &SnapshotDraft::of(&removed, document))
        .await
        .unwrap();
    let kept = synced(RETAINED_FROM, 6, Patch::default());
    // A creation accepts a change with any parent, so it writes the directory entry and the oldest change.
    log.create(&key, &entry(&key, "Main"), &kept).await.unwrap();
    service
}

fn sync(base: Version, lost: bool) -> Call {
    Call::of("v2-sync").with(|body| {
        body["base_version"] = json!(base);
        body["base_lost"] = json!(lost);
    })
}

#[tokio::test]
async fn an_expired_base_is_410_and_the_same_sync_with_base_lost_merges_without_loss() {
    let service = with_a_cut_log().await;
    let refused = service.assert_refused(sync(2, false), 410, "base_expired").await;
    let problem = refused.json();
    assert_eq!(
        problem["detail"],
        "base_version has expired; send the same request again with \"base_lost\": true"
    );
    let answered = service.call(sync(2, true)).await;
    assert_eq!(answered.status, 200, "{}", answered.text);
    let answer = answered.json();
    assert_eq!((&answer["version"], &answer["outcome"]), (&json!(7), &json!("merged")));
    assert!(answer.get("changes").is_none());
    let conflict = &answer["conflicts"][0];
    assert_eq!(conflict["path"], json!(["assets", "btc", "amount"]));
    assert_eq!(
        (&conflict["client"]["value"], &conflict["server"]["value"]),
        (&json!("0.75"), &json!("0.5"))
    );
    assert_eq!(answer["document"]["transactions"][0]["id"], "tx_3");

    let before = service.items().await;
    assert_eq!(
        service.call(sync(2, true)).await.json()["conflicts"],
        answer["conflicts"]
    );
    assert!(service.items().await == before, "the repetition wrote something");
}

#[tokio::test]
async fn an_unknown_base_is_409_even_with_base_lost_which_must_be_a_boolean() {
    let service = with_a_cut_log().await;
    service.assert_refused(sync(9, true), 409, "base_unknown").await;
    let wrong = sync(2, true).with(|body| body["base_lost"] = json!("yes"));
    service.assert_refused(wrong, 400, "malformed").await;
}

#[tokio::test]
async fn an_expired_version_is_410() {
    let service = with_a_cut_log().await;
    service
        .assert_refused(Call::of("v2-read").query("version=3"), 410, "base_expired")
        .await;
    service
        .assert_refused(Call::of("v2-read").query("version=9"), 404, "not_found")
        .await;
    let read = service.call(Call::of("v2-read").query("version=6")).await;
    assert_eq!(read.json()["document"]["assets"]["btc"]["amount"], "0.5");
}

#[tokio::test]
async fn expired_versions_are_410_for_compare_restore_and_keep_mine_and_not_in_the_history() {
    let service = with_a_cut_log().await;
    let restore = Call::of("v2-restore").with(|body| body["version"] = json!(3));
    let keep = Call::of("v2-keep-mine");
    let path = "/api/v2/portfolios/main/conflicts/3/0/keep-mine";
    for call in [
        Call::of("v2-compare").query("from=3&to=6"),
        Call::of("v2-compare").query("from=6&to=3"),
        restore,
        keep.to(Method::POST, path),
    ] {
        service.assert_refused(call, 410, "base_expired").await;
    }
    let page = service.call(Call::of("v2-history").query("")).await.json();
    assert_eq!(
        (&page["changes"][0]["version"], &page["next_before"]),
        (&json!(6), &json!(null))
    );
    assert_eq!(page["changes"].as_array().map(Vec::len), Some(1));
}
