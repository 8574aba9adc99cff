//! `POST /api/v2/portfolios/{id}/sync`.

use coinolio_tests::service::{Call, Service};
use serde_json::json;

#[tokio::test]
async fn edits_on_top_of_the_head_are_accepted() {
    let service = Service::with_portfolio().await;
    for event in ["v2-sync", "v2-sync-gzip"] {
        let service = if event == "v2-sync" {
            &service
        } else {
            &Service::with_portfolio().await
        };
        let answered = service.call(Call::of(event)).await;
        assert_eq!(answered.status, 200, "{}", answered.text);
        assert_eq!(answered.header("etag"), Some("\"2\""));
        let answer = answered.json();
        assert_eq!(answer["portfolio_id"], "main");
        assert_eq!(answer["version"], 2);
        assert_eq!(answer["outcome"], "accepted");
        assert_eq!(answer["last_sync_device"], "phone");
        assert_eq!(answer["changes"], json!([]));
        assert_eq!(answer["conflicts"], json!([]));
        let read = service.call(Call::of("v2-read")).await.json();
        assert_eq!(read["document"]["assets"]["btc"]["amount"], "0.75");
        assert_eq!(read["document"]["transactions"][0]["id"], "tx_3");
    }
}

#[tokio::test]
async fn a_sync_on_base_0_creates_the_portfolio_for_its_user() {
    let service = Service::start().await;
    let create = || {
        Call::of("v2-sync").with(|body| {
            body["base_version"] = json!(0);
            body["name"] = json!("Offline");
        })
    };
    let created = service.call(create()).await;
    assert_eq!(created.status, 200, "{}", created.text);
    assert_eq!(created.json()["version"], 1);
    let listed = service.call(Call::of("v2-list")).await;
    assert!(listed.text.contains("Offline"), "{}", listed.text);
    let others = service.call(Call::of("v2-list").by("eve")).await;
    assert!(!others.text.contains("Offline"), "{}", others.text);
}

#[tokio::test]
async fn another_devices_edit_of_the_same_field_is_a_conflict_in_the_answer() {
    let service = Service::with_portfolio().await;
    service.call(Call::of("v2-sync")).await;
    let tablet = Call::of("v2-sync").with(|body| {
        body["device_id"] = json!("tablet");
        body["sync_id"] = json!("tablet-1");
        body["changes"] = json!([{"op": "set", "path": ["assets", "btc", "amount"], "value": "9", "modified_at": "2025-12-31T23:59:30.000Z"}]);
    });
    let answered = service.call(tablet.clone()).await;
    let answer = answered.json();
    assert_eq!(
        (answered.status, &answer["outcome"]),
        (200, &json!("merged")),
        "{answer}"
    );
    assert_eq!(answer["version"], 3);
    let conflict = &answer["conflicts"][0];
    assert_eq!(conflict["path"], json!(["assets", "btc", "amount"]));
    assert_eq!(
        (&conflict["winner"], &conflict["rule"]),
        (&json!("client"), &json!("newest"))
    );
    assert_eq!(conflict["client"]["value"], "9");
    assert_eq!(conflict["server"]["value"], "0.75");

    let before = service.items().await;
    let repeated = service.call(tablet).await;
    assert_eq!(repeated.json()["version"], 3);
    assert_eq!(repeated.json()["conflicts"], answer["conflicts"]);
    assert!(service.items().await == before, "the repetition wrote something");
}

#[tokio::test]
async fn a_document_of_nearly_6_mb_syncs_in_one_body() {
    let service = Service::with_portfolio().await;
    let note = "x".repeat(6 * 1024 * 1024 - 2000);
    let call = Call::of("v2-sync").with(|body| {
        body["changes"] = json!([{"op": "set", "path": ["note"], "value": note}]);
    });
    let answered = service.call(call).await;
    assert_eq!((answered.status, answered.json()["version"].as_u64()), (200, Some(2)));
    let read = service
        .call(Call::of("v2-read").without_header("accept-encoding"))
        .await;
    assert_eq!(
        read.header("content-encoding"),
        Some("gzip"),
        "Lambda could not carry it otherwise"
    );
    assert_eq!(read.json()["document"]["note"].as_str().map(str::len), Some(note.len()));
}
