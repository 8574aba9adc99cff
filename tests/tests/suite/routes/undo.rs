//! `POST /api/v2/portfolios/{id}/restore` and `…/conflicts/{version}/{index}/keep-mine`.

use coinolio_tests::service::{Call, Service};
use lambda_http::http::Method;
use serde_json::{Value, json};

fn restore(version: u64) -> Call {
    Call::of("v2-restore").with(|body| body["version"] = json!(version))
}

fn keep_mine(version: &str, index: &str) -> Call {
    Call::of("v2-keep-mine").to(
        Method::POST,
        &format!("/api/v2/portfolios/main/conflicts/{version}/{index}/keep-mine"),
    )
}

async fn read(service: &Service) -> Value {
    service.call(Call::of("v2-read")).await.json()
}

fn pull(device: &str, base: u64) -> Call {
    Call::of("v2-sync").with(|body| {
        body["device_id"] = json!(device);
        body["sync_id"] = json!(format!("{device}-{base}"));
        body["base_version"] = json!(base);
        body["changes"] = json!([]);
    })
}

/// Starts a service with a conflict: version 2 is the phone's edit, version 3 the tablet's earlier edit of the same
/// amount, so its `0.6` is the losing value.
async fn with_conflict() -> Service {
    let service = Service::with_portfolio().await;
    service.call(Call::of("v2-sync")).await;
    let met = service.call(Call::of("v2-sync-tablet")).await.json();
    assert_eq!(
        (&met["version"], &met["conflicts"][0]["winner"]),
        (&json!(3), &json!("server"))
    );
    service
}

#[tokio::test]
async fn a_restored_version_reaches_the_devices_with_their_next_sync() {
    let service = Service::with_portfolio().await;
    let first = read(&service).await["document"].clone();
    service.call(Call::of("v2-sync")).await;
    let restored = service.call(restore(1)).await;
    assert_eq!(
        (restored.status, restored.header("etag")),
        (200, Some("\"3\"")),
        "{}",
        restored.text
    );
    let head = restored.json();
    assert_eq!(head["last_sync_device"], "phone");
    let now = read(&service).await;
    assert_eq!((&now["version"], &now["document"]), (&json!(3), &first));
    assert_eq!(now["last_sync_at"], head["last_sync_at"]);

    let tablet = service.call(pull("tablet", 2)).await.json();
    assert_eq!((&tablet["version"], &tablet["outcome"]), (&json!(3), &json!("pulled")));
    let undone = json!([{"op": "set", "path": ["assets", "btc", "amount"], "value": "0.5"}, {"op": "delete", "path": ["transactions", {"id": "tx_3"}]}]);
    assert_eq!(tablet["changes"], undone);
    let again = service.call(restore(1)).await.json();
    assert_eq!(again, head, "a repetition makes no second version");
}

#[tokio::test]
async fn a_refused_restore_changes_nothing() {
    let service = Service::with_portfolio().await;
    service.call(Call::of("v2-sync")).await;
    for version in [0, 3, 9_007_199_254_740_991] {
        service.assert_refused(restore(version), 404, "not_found").await;
    }
    let head = service.assert_refused(restore(2), 422, "invalid").await;
    assert!(
        head.text.contains("version 2 is the portfolio's newest"),
        "{}",
        head.text
    );
    service.call(Call::of("v1-delete")).await;
    let deletion = service.assert_refused(restore(3), 422, "invalid").await;
    assert!(deletion.text.contains("restore version 2"), "{}", deletion.text);
}

#[tokio::test]
async fn a_restored_portfolio_is_available_again_on_every_route_and_device() {
    let service = Service::with_portfolio().await;
    service.call(Call::of("v2-sync")).await;
    service.call(Call::of("v1-delete")).await;
    for call in [
        pull("tablet", 1),
        Call::of("v1-sync"),
        Call::of("v2-sync-status"),
        Call::of("v2-read"),
    ] {
        service.assert_refused(call, 410, "deleted").await;
    }
    let history = service.call(Call::of("v2-history")).await;
    assert_eq!(history.status, 200, "{}", history.text);
    assert_eq!(history.json()["changes"][0]["summary"], "deleted the portfolio");

    let restored = service.call(restore(2)).await;
    assert_eq!(
        (restored.status, restored.header("etag")),
        (200, Some("\"4\"")),
        "{}",
        restored.text
    );
    let listed = service.call(Call::of("v2-list")).await.json();
    assert_eq!(listed["portfolios"][0]["version"], 4);
    let status = service.call(Call::of("v2-sync-status")).await.json();
    assert_eq!(status["server_version"], 4);
    // A v2 device and a v1 phone, both still at version 1.
    let tablet = service.call(pull("tablet", 1)).await.json();
    assert_eq!(
        (&tablet["version"], &tablet["changes"][0]["value"]),
        (&json!(4), &json!("0.75"))
    );
    let phone = service.call(Call::of("v1-sync")).await;
    assert_eq!(phone.status, 200, "{}", phone.text);
    let mut data = phone.json()["data"].clone();
    data.as_object_mut().unwrap().remove("metadata");
    assert_eq!(data, read(&service).await["document"]);
}

#[tokio::test]
async fn a_losing_value_is_brought_back_once() {
    let service = with_conflict().await;
    let recorded = service.call(Call::of("v2-history").query("limit=1")).await.json();
    let conflict = &recorded["changes"][0]["conflicts"][0];
    assert_eq!(
        (&conflict["index"], &conflict["client"]["value"]),
        (&json!(0), &json!("0.6"))
    );

    let kept = service.call(keep_mine("3", "0")).await;
    assert_eq!(
        (kept.status, kept.header("etag")),
        (200, Some("\"4\"")),
        "{}",
        kept.text
    );
    assert_eq!(kept.json()["last_sync_device"], "tablet");
    assert_eq!(read(&service).await["document"]["assets"]["btc"]["amount"], "0.6");

    let edit = pull("phone", 4).with(|body| {
        body["changes"] = json!([{"op": "set", "path": ["assets", "btc", "amount"], "value": "0.9"}]);
    });
    service.call(edit).await;
    // A repetition must not undo the later edit, even if its body differs.
    let before = service.items().await;
    for call in [
        keep_mine("3", "0"),
        keep_mine("3", "0").text(""),
        keep_mine("3", "0").text("{}"),
    ] {
        let again = service.call(call).await;
        assert_eq!(
            (again.status, again.header("etag")),
            (200, Some("\"5\"")),
            "{}",
            again.text
        );
    }
    assert!(service.items().await == before, "a repetition wrote something");
    assert_eq!(read(&service).await["document"]["assets"]["btc"]["amount"], "0.9");
}

#[tokio::test]
async fn keep_mine_needs_no_body() {
    let service = with_conflict().await;
    let kept = service.call(keep_mine("3", "0").text("")).await;
    assert_eq!(kept.status, 200, "{}", kept.text);
    assert_eq!(kept.json()["last_sync_device"], json!(null));
}

#[tokio::test]
async fn an_absent_conflict_is_not_found_and_a_bad_version_or_index_is_malformed() {
    let service = with_conflict().await;
    for (version, index, detail) in [
        ("3", "1", "version 3 recorded no conflict with index 1"),
        ("2", "0", "version 2 recorded no conflict with index 0"),
        ("4", "0", "the portfolio has no version 4"),
        ("0", "0", "the portfolio has no version 0"),
    ] {
        let refused = service
            .assert_refused(keep_mine(version, index), 404, "not_found")
            .await;
        assert_eq!(refused.json()["detail"], detail);
    }
    for (version, index) in [
        ("x", "0"),
        ("3", "x"),
        ("-1", "0"),
        ("3", "-1"),
        ("3.0", "0"),
        ("3", "%20"),
        ("9007199254740992", "0"),
        ("3", "99999999999999999999"),
        ("%ff", "0"),
    ] {
        service
            .assert_refused(keep_mine(version, index), 400, "malformed")
            .await;
    }
}
