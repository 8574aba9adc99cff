//! The function's process, started as Lambda starts it.

use coinolio_tests::starting::{assert_starts, event};

#[tokio::test]
async fn the_function_starts_only_with_the_right_environment() {
    assert_starts(env!("CARGO_BIN_EXE_portfolios"), &event("v1-create"), 201).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_largest_document_is_created_and_read_within_the_functions_memory() {
    use coinolio_tests::largest::{answer, event_with, portfolio};
    use coinolio_tests::starting::start;
    use serde_json::json;

    let (_dynamo, mut process) = start(env!("CARGO_BIN_EXE_portfolios"), &[]).await;
    let document = portfolio().document();
    let transactions = &document["@portfolios"]["default"]["transactions"];
    let request = json!({"id": "main", "name": "Main", "device_id": "phone", "data": document});
    let created = answer(&mut process, "create", &event_with("v1-create", &request), 201).await;
    assert_eq!(created["version"], 1);
    for (name, member) in [("v1-read", "data"), ("v2-read", "document")] {
        let read = answer(&mut process, name, &event(name), 200).await;
        assert!(
            read[member]["@portfolios"]["default"]["transactions"] == *transactions,
            "{name}"
        );
    }
}
