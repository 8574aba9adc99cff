//! Whole portfolios: create, list, read, replace, delete.

use coinolio_tests::service::{Call, Service};
use serde_json::json;

#[tokio::test]
async fn a_created_portfolio_is_listed_and_read_by_its_user_only() {
    let service = Service::start().await;
    let created = service.call(Call::of("v1-create")).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("location"), Some("/api/v1/portfolios/main"));
    assert_eq!(created.header("etag"), Some("\"1\""));
    let read = service.call(Call::of("v1-read")).await;
    assert_eq!((read.status, read.header("etag")), (200, Some("\"1\"")));
    let portfolio = read.json();
    assert_eq!(portfolio["id"], "main");
    assert_eq!(portfolio["name"], "Main");
    assert_eq!(portfolio["version"], 1);
    assert_eq!(portfolio["is_cloud_synced"], true);
    assert_eq!(portfolio["last_sync_device"], "phone");
    assert_eq!(portfolio["data"]["assets"]["eth"]["amount"], "2.0");
    assert_eq!(service.call(Call::of("v1-list")).await.json(), json!([portfolio]));
    let summaries = service.call(Call::of("v2-list")).await;
    assert_eq!(summaries.status, 200);
    assert!(summaries.text.contains("\"id\":\"main\""), "{}", summaries.text);
    assert!(!summaries.text.contains("eth"), "{}", summaries.text);

    assert_eq!(service.call(Call::of("v1-list").by("eve")).await.json(), json!([]));
    service
        .assert_refused(Call::of("v1-read").by("eve"), 404, "not_found")
        .await;
}

#[tokio::test]
async fn each_creation_without_an_id_makes_another_portfolio() {
    let service = Service::start().await;
    let create = || {
        Call::of("v1-create").with(|body| {
            body.as_object_mut().unwrap().remove("id");
        })
    };
    let (one, other) = (service.call(create()).await.json(), service.call(create()).await.json());
    assert!(one["id"].is_string() && one["id"] != other["id"], "{one} {other}");
}

#[tokio::test]
async fn a_portfolio_can_be_read_at_its_head_and_at_an_older_version() {
    let service = Service::with_portfolio().await;
    service.call(Call::of("v2-sync")).await;
    for (event, version, amount) in [("v2-read", 2, "0.75"), ("v2-read-version", 1, "0.5")] {
        let answered = service.call(Call::of(event)).await;
        assert_eq!(answered.status, 200, "{}", answered.text);
        assert_eq!(answered.header("etag"), Some(format!("\"{version}\"").as_str()));
        let read = answered.json();
        assert_eq!((&read["portfolio_id"], &read["name"]), (&json!("main"), &json!("Main")));
        assert_eq!(
            (&read["version"], &read["document"]["assets"]["btc"]["amount"]),
            (&json!(version), &json!(amount))
        );
    }
    service
        .assert_refused(Call::of("v2-read").query("version=3"), 404, "not_found")
        .await;
    for query in [
        "version=",
        "version=x",
        "version=-1",
        "version=1.0",
        "version=1&version=2",
    ] {
        service
            .assert_refused(Call::of("v2-read").query(query), 400, "malformed")
            .await;
    }
}

#[tokio::test]
async fn a_replaced_document_is_a_new_version_and_a_new_name_is_not() {
    let service = Service::with_portfolio().await;
    let replaced = service.call(Call::of("v1-replace")).await;
    assert_eq!(
        (replaced.status, replaced.header("etag")),
        (200, Some("\"2\"")),
        "{}",
        replaced.text
    );
    let portfolio = replaced.json();
    assert_eq!(
        (&portfolio["name"], &portfolio["version"]),
        (&json!("Savings"), &json!(2))
    );
    assert_eq!(portfolio["data"]["assets"]["btc"]["amount"], "0.75");
    // The version stays if only the name changes.
    let renamed = Call::of("v1-replace")
        .without_header("if-match")
        .with(|body| *body = json!({"name": "Trading"}));
    let renamed = service.call(renamed).await.json();
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("Trading"), &json!(2)));
}

#[tokio::test]
async fn a_deleted_portfolio_is_gone_on_every_route() {
    let service = Service::with_portfolio().await;
    let deleted = service.call(Call::of("v1-delete")).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    for event in [
        "v1-read",
        "v1-replace",
        "v1-delete",
        "v1-sync",
        "v1-sync-status",
        "v1-sync-status-alias",
        "v2-read",
        "v2-read-version",
        "v2-sync",
        "v2-sync-status",
        "v2-compare",
        "v2-keep-mine",
    ] {
        service.assert_refused(Call::of(event), 410, "deleted").await;
    }
    service
        .assert_refused(Call::of("v1-create"), 409, "already_exists")
        .await;
    assert_eq!(service.call(Call::of("v1-list")).await.json(), json!([]));
    assert_eq!(
        service.call(Call::of("v2-list")).await.json(),
        json!({"portfolios": []})
    );
}
