//! `POST /api/v2/portfolios/{id}/sync`.

use crate::conformance::samples::UUID;
use coinolio_tests::portfolio::{Edit, Portfolio};
use coinolio_tests::service::{Call, Service};
use serde_json::{Value, json};

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
        "Lambda could not carry it uncompressed"
    );
    assert_eq!(read.json()["document"]["note"].as_str().map(str::len), Some(note.len()));
}

#[tokio::test]
async fn a_sync_of_one_field_is_at_most_600_bytes_on_the_wire_for_any_document_size() {
    let service = Service::start().await;
    let mut taken = Vec::new();
    for (entries, id) in [
        (10, "6d1f3c1e-9a0b-4b7e-8c55-0f3f9e0f7a10"),
        (10_000, "6d1f3c1e-9a0b-4b7e-8c55-0f3f9e0f7a11"),
    ] {
        let sync = |number: usize, base: usize, changes: Value| {
            let body = json!({"device_id": UUID, "sync_id": format!("{}{number}", &UUID[..35]), "base_version": base,
                              "sent_at": "2026-01-31T12:00:05.000Z", "changes": changes});
            body.to_string()
        };
        let document = Portfolio::of_entries(entries).document();
        let whole = json!([{"op": "set", "path": ["@portfolios"], "value": document["@portfolios"]}]);
        let created = Call::of("v2-sync").about(id).text(sync(1, 0, whole));
        assert_eq!(service.call(created).await.json()["version"], 1);

        let path = ["@portfolios", "default", "assets", "btc", "amount"];
        let edit =
            json!([{"op": "set", "path": path, "value": Edit::AMOUNT, "modified_at": "2026-01-31T11:58:00.000Z"}]);
        let request = sync(2, 1, edit);
        let answered = service.call(Call::of("v2-sync").about(id).text(request.clone())).await;
        assert_eq!(answered.json()["outcome"], "accepted");
        assert_eq!(answered.header("content-encoding"), None, "the answer is uncompressed");
        taken.push(request.len() + answered.text.len());
    }
    assert_eq!(taken, [ONE_FIELD_BYTES; 2]);
}

/// The bytes of a request's and its answer's bodies together, with UUIDs as ids.
const ONE_FIELD_BYTES: usize = 517;

const _: () = assert!(ONE_FIELD_BYTES <= 600);
