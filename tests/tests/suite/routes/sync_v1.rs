//! `POST /api/v1/portfolios/{id}/sync`.

use coinolio_tests::service::{Call, Service};
use serde_json::json;

#[tokio::test]
async fn a_sync_answers_with_the_document_and_its_changes() {
    let service = Service::with_portfolio().await;
    let answered = service.call(Call::of("v1-sync")).await;
    assert_eq!(answered.status, 200, "{}", answered.text);
    assert_eq!(answered.header("etag"), Some("\"2\""));
    let answer = answered.json();
    assert_eq!((&answer["success"], &answer["version"]), (&json!(true), &json!(2)));
    assert_eq!(answer["data"]["assets"]["btc"]["amount"], "0.75");
    assert_eq!(
        answer["changes"],
        json!([{"type": "modified", "path": "assets.btc.amount", "value": {"value": "0.75"}}])
    );
    assert_eq!(answer["conflicts"], json!([]));
    assert!(answer["last_sync_at"].is_string());
}

#[tokio::test]
async fn a_repeated_request_has_one_effect() {
    let service = Service::with_portfolio().await;
    service.call(Call::of("v1-sync")).await;
    let before = service.items().await;
    let again = service.call(Call::of("v1-sync")).await;
    assert_eq!((again.status, &again.json()["version"]), (200, &json!(2)));
    assert!(service.items().await == before, "the repetition wrote something");
}

#[tokio::test]
async fn edits_of_two_devices_to_different_assets_both_survive() {
    let service = Service::with_portfolio().await;
    service.call(Call::of("v1-sync")).await;
    let tablet = Call::of("v1-sync").with(|body| {
        body["device_id"] = json!("tablet");
        body["client_data"]["assets"]["btc"]["amount"] = json!("0.5");
        body["client_data"]["assets"]["eth"]["amount"] = json!("3.0");
    });
    let answer = service.call(tablet).await.json();
    assert_eq!(answer["data"]["assets"]["btc"]["amount"], "0.75", "{answer}");
    assert_eq!(answer["data"]["assets"]["eth"]["amount"], "3.0", "{answer}");
    assert_eq!(answer["conflicts"], json!([]), "{answer}");
}
