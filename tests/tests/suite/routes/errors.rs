//! The table of errors in docs/PROTOCOL.md: each has its status, code and form, and changes nothing.

use coinolio_tests::faults::Fault;
use coinolio_tests::service::{Call, Service};
use lambda_http::http::Method;
use serde_json::json;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;

/// Every event whose route names a portfolio.
const ABOUT_ONE: [&str; 15] = [
    "v1-sync-status",
    "v1-sync-status-alias",
    "v2-sync-status",
    "v1-sync",
    "v2-sync",
    "v2-sync-gzip",
    "v1-read",
    "v1-replace",
    "v1-delete",
    "v2-read",
    "v2-read-version",
    "v2-history",
    "v2-compare",
    "v2-restore",
    "v2-keep-mine",
];

#[tokio::test]
async fn every_route_is_401_without_a_sub_claim() {
    let service = Service::with_portfolio().await;
    for event in ABOUT_ONE.into_iter().chain(["v1-create", "v1-list", "v2-list"]) {
        for call in [
            Call::of(event).by_nobody(),
            Call::of(event).by(""),
            Call::of(event).by("a#PORTFOLIO#main"),
        ] {
            let answered = service.assert_refused(call, 401, "unauthenticated").await;
            assert_eq!(answered.header("www-authenticate"), Some("Bearer"), "{event}");
        }
    }
}

#[tokio::test]
async fn another_users_portfolio_is_not_found() {
    let service = Service::with_portfolio().await;
    for event in ABOUT_ONE {
        service
            .assert_refused(Call::of(event).by("eve"), 404, "not_found")
            .await;
        service
            .assert_refused(Call::of(event).about("other"), 404, "not_found")
            .await;
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_and_a_known_one_with_another_method_405() {
    let service = Service::with_portfolio().await;
    for path in [
        "/",
        "/api/v1/portfolios/main/sync/",
        "/api/v3/portfolios",
        "/api/v1/portfolios/main/x",
        "/api/v1/portfolios/main/restore",
        "/api/v2/portfolios/main/conflicts/1/keep-mine",
        "/api/v2/portfolios/main/conflicts/1//keep-mine",
    ] {
        let call = Call::of("v2-sync").to(Method::POST, path);
        service.assert_refused(call, 404, "not_found").await;
    }
    for (method, path, allow) in [
        (Method::PATCH, "/api/v1/portfolios/main", "GET, PUT, DELETE"),
        (Method::GET, "/api/v2/portfolios/main/sync", "POST"),
        (Method::DELETE, "/api/v1/portfolios", "POST, GET"),
        (Method::POST, "/api/v2/portfolios/main/history", "GET"),
        (Method::GET, "/api/v2/portfolios/main/restore", "POST"),
        (Method::PUT, "/api/v2/portfolios/main/conflicts/1/0/keep-mine", "POST"),
    ] {
        let call = Call::of("v2-sync").to(method, path);
        let answered = service.assert_refused(call, 405, "method_not_allowed").await;
        assert_eq!(answered.header("allow"), Some(allow), "{path}");
    }
}

#[tokio::test]
async fn a_bad_id_in_the_path_is_malformed() {
    let service = Service::with_portfolio().await;
    let long = "a".repeat(65);
    for id in [
        "a%23b", "a%2Fb", "%2e%2e", "..", ".", "a%20b", "a+b", "%", "%zz", "%ff", "%00", "é", "~a", &long,
    ] {
        for event in ABOUT_ONE {
            service
                .assert_refused(Call::of(event).about(id), 400, "malformed")
                .await;
        }
    }
    let encoded = service.call(Call::of("v2-read").about("m%61in")).await;
    assert_eq!(encoded.status, 200, "an unreserved character may be encoded");
}

#[tokio::test]
async fn a_base_that_the_log_never_had_is_unknown() {
    let service = Service::with_portfolio().await;
    let call = Call::of("v2-sync").with(|body| body["base_version"] = json!(7));
    service.assert_refused(call, 409, "base_unknown").await;
}

#[tokio::test]
async fn a_phone_with_empty_storage_wipes_nothing() {
    let service = Service::with_portfolio().await;
    let call = Call::of("v1-sync").with(|body| body["client_data"] = json!({"assets": {}}));
    service.assert_refused(call.clone(), 409, "wipe_refused").await;
    // The same request passes if the client says that it means it.
    let meant = service.call(call.with(|body| body["allow_wipe"] = json!(true))).await;
    assert_eq!(meant.status, 200, "{}", meant.text);
}

#[tokio::test]
async fn a_creation_with_an_existing_id_is_refused() {
    let service = Service::with_portfolio().await;
    service
        .assert_refused(Call::of("v1-create"), 409, "already_exists")
        .await;
}

#[tokio::test]
async fn a_sync_id_reused_for_other_changes_is_invalid() {
    let service = Service::with_portfolio().await;
    service.call(Call::of("v2-sync")).await;
    let call = Call::of("v2-sync").with(|body| {
        body["changes"] = json!([{"op": "set", "path": ["settings", "currency"], "value": "USD"}]);
    });
    service.assert_refused(call, 422, "invalid").await;
}

#[tokio::test]
async fn a_version_jump_of_more_than_10_000_is_invalid() {
    let service = Service::with_portfolio().await;
    let call = Call::of("v1-sync").with(|body| body["client_version"] = json!(20_000));
    service.assert_refused(call, 422, "invalid").await;
}

#[tokio::test]
async fn a_body_over_its_limit_is_too_large_in_any_encoding() {
    let service = Service::with_portfolio().await;
    let body = format!("{{\"note\":\"{}\"}}", "x".repeat(7_000_000));
    for event in ["v1-create", "v1-replace", "v1-sync", "v2-sync"] {
        for call in [
            Call::of(event).text(&*body),
            Call::of(event).bytes(body.as_bytes()),
            Call::of(event).gzipped(body.as_bytes()),
            Call::of(event).gzipped(&vec![0; 10_000_000]),
        ] {
            service.assert_refused(call, 413, "too_large").await;
        }
    }
}

#[tokio::test]
async fn a_document_over_6_mb_is_too_large_although_the_body_is_not() {
    let service = Service::with_portfolio().await;
    let note = "x".repeat(6 * 1024 * 1024);
    let patch = Call::of("v2-sync").with(|body| {
        body["changes"] = json!([{"op": "set", "path": ["note"], "value": note}]);
    });
    service.assert_refused(patch, 413, "too_large").await;
    let document = Call::of("v1-sync").with(|body| body["client_data"]["note"] = json!(note));
    service.assert_refused(document, 413, "too_large").await;
    let replacement = Call::of("v1-replace").with(|body| body["data"]["note"] = json!(note));
    service.assert_refused(replacement, 413, "too_large").await;
    let creation = Call::of("v1-create").with(|body| {
        body["id"] = json!("large");
        body["data"]["note"] = json!(note);
    });
    service.assert_refused(creation, 413, "too_large").await;
}

#[tokio::test]
async fn a_content_coding_other_than_gzip_is_unsupported() {
    let service = Service::with_portfolio().await;
    for coding in ["br", "deflate", "gzip, gzip", "zstd", "aws-chunked"] {
        let call = Call::of("v2-sync").header("content-encoding", coding);
        service.assert_refused(call, 415, "unsupported_encoding").await;
    }
}

#[tokio::test]
async fn a_throttled_store_is_unavailable_and_says_when_to_retry() {
    let service = Service::with_portfolio().await;
    let log = service
        .dynamo
        .failing_log(|_, _| Fault::Answer(400, "ProvisionedThroughputExceededException"))
        .await;
    let throttled = service.on(log);
    for event in ABOUT_ONE.into_iter().chain(["v1-create", "v1-list", "v2-list"]) {
        let answered = throttled.assert_refused(Call::of(event), 503, "unavailable").await;
        assert_eq!(answered.header("retry-after"), Some("1"), "{event}");
        assert!(!answered.text.contains("Throughput"), "{event}: {}", answered.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sync_beaten_at_the_end_of_the_invocations_time_is_busy() {
    let service = Arc::new(Service::with_portfolio().await);
    let (tablet, runtime) = (Arc::clone(&service), Handle::current());
    // The tablet writes between the phone's read and its write.
    let log = service.dynamo.failing_log(move |operation, _| {
        if operation == "PutItem" {
            let (tablet, runtime) = (Arc::clone(&tablet), runtime.clone());
            let synced = thread::spawn(move || runtime.block_on(tablet.call(sync_of("tablet"))));
            assert_eq!(synced.join().map(|answered| answered.status).ok(), Some(200));
        }
        Fault::Serve
    });
    let phone = service.on(log.await);
    let lost = phone.call(sync_of("phone").with_time_left(Duration::ZERO)).await;
    assert_eq!(
        (lost.status, &lost.json()["code"]),
        (409, &json!("busy")),
        "{}",
        lost.text
    );
    assert_eq!(lost.header("content-type"), Some("application/problem+json"));
    assert_eq!(lost.header("retry-after"), Some("1"));
    let read = service.call(Call::of("v2-read")).await.json();
    assert_eq!(
        (&read["version"], &read["last_sync_device"]),
        (&json!(2), &json!("tablet"))
    );

    let again = service.call(sync_of("phone")).await;
    assert_eq!(
        (again.status, &again.json()["version"]),
        (200, &json!(3)),
        "{}",
        again.text
    );
}

fn sync_of(device: &str) -> Call {
    Call::of("v2-sync").with(|body| {
        body["device_id"] = json!(device);
        body["sync_id"] = json!(device);
    })
}
