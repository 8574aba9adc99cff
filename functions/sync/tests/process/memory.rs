//! Syncs of the largest document, within the function's memory.

use crate::SYNC;
use coinolio_tests::largest::{answer, event_with, portfolio};
use coinolio_tests::portfolio::Edit;
use coinolio_tests::starting::start;
use serde_json::{Value, json};

fn sync_v2(device: &str, sync_id: &str, base: u64, changes: &Value) -> Value {
    json!({"device_id": device, "sync_id": sync_id, "base_version": base, "sent_at": "2026-01-01T00:00:00.000Z",
           "changes": changes})
}

#[tokio::test]
async fn the_largest_document_syncs_within_the_functions_memory() {
    let (_dynamo, mut process) = start(SYNC, &[]).await;
    let portfolio = portfolio();
    let document = portfolio.document();
    let members = document.as_object().unwrap().iter();
    let members = members.filter(|(name, _)| *name != "metadata");
    let all: Value = members
        .map(|(name, value)| json!({"op": "set", "path": [name], "value": value}))
        .collect();

    let created = event_with("v2-sync", &sync_v2("phone", "create", 0, &all));
    let created = answer(&mut process, "create by a v2 sync", &created, 200).await;
    assert_eq!(created["version"], 1);

    let edit = json!([{"op": "set", "path": ["note"], "value": "one field"}]);
    let edited = event_with("v2-sync", &sync_v2("phone", "edit", 1, &edit));
    let edited = answer(&mut process, "one field, v2, accepted", &edited, 200).await;
    assert_eq!(edited["outcome"], "accepted");

    let edit = json!([{"op": "set", "path": ["memo"], "value": "one field"}]);
    let merged = event_with("v2-sync", &sync_v2("tablet", "merge", 1, &edit));
    let merged = answer(&mut process, "one field, v2, merged", &merged, 200).await;
    assert_eq!((&merged["outcome"], &merged["version"]), (&json!("merged"), &json!(3)));

    let edited = portfolio.edited(Edit::OneField, 1).document();
    let whole = json!({"client_data": edited, "last_sync_at": null, "client_version": 1, "device_id": "laptop"});
    let synced = answer(&mut process, "v1 sync", &event_with("v1-sync", &whole), 200).await;
    assert_eq!(synced["version"], 4);
    assert_eq!(synced["data"]["memo"], "one field");
    assert_eq!(synced["changes"].as_array().map(Vec::len), Some(1));

    let again = json!({"client_data": synced["data"], "last_sync_at": synced["last_sync_at"], "client_version": 4,
                       "device_id": "laptop"});
    let again = answer(
        &mut process,
        "v1 sync without edits",
        &event_with("v1-sync", &again),
        200,
    )
    .await;
    assert_eq!(again["version"], 4);
}
