//! `GET …/sync-status`, v1 at both of its paths and v2.

use coinolio_tests::service::{Call, Service};
use serde_json::json;

/// Starts a service whose head is version 3: the phone created the portfolio, then the tablet and the phone synced.
async fn three_versions() -> Service {
    let service = Service::with_portfolio().await;
    for (base, device) in [(1, "tablet"), (2, "phone")] {
        let call = Call::of("v2-sync").with(|body| {
            body["base_version"] = json!(base);
            body["device_id"] = json!(device);
            body["sync_id"] = json!(format!("sync-{base}"));
            body["changes"] = json!([{"op": "set", "path": ["settings", device], "value": base}]);
        });
        let synced = service.call(call).await;
        assert_eq!(synced.status, 200, "{}", synced.text);
    }
    service
}

#[tokio::test]
async fn both_protocols_compare_the_devices_version_with_the_head() {
    let service = three_versions().await;
    let table = [
        (3, "", false, false),
        (3, "&local_changes=true", true, false),
        (3, "&local_changes=false", false, false),
        (2, "", true, false),
        (1, "", true, true),
        (1, "&local_changes=false", true, false),
        (0, "", true, true),
        (7, "", true, false),
    ];
    for (version, more, needs_sync, has_conflicts) in table {
        for (event, name) in [
            ("v1-sync-status", "client_version"),
            ("v1-sync-status-alias", "client_version"),
            ("v2-sync-status", "base_version"),
        ] {
            let query = format!("{name}={version}&device_id=phone{more}");
            let answered = service.call(Call::of(event).query(&query)).await;
            assert_eq!(answered.status, 200, "{event} {query}");
            let status = answered.json();
            assert_eq!(status["needs_sync"], needs_sync, "{event} {query}");
            assert_eq!(status["has_conflicts"], has_conflicts, "{event} {query}");
            assert_eq!(status["server_version"], 3, "{event} {query}");
            assert!(status["server_last_sync"].is_string(), "{event} {query}");
        }
    }
}

#[tokio::test]
async fn the_status_carries_the_heads_etag_and_is_304_if_the_client_has_it() {
    let service = three_versions().await;
    for event in ["v1-sync-status", "v2-sync-status"] {
        let answered = service.call(Call::of(event)).await;
        assert_eq!(
            (answered.status, answered.header("etag")),
            (200, Some("\"3\"")),
            "{event}"
        );
        let again = service.call(Call::of(event).header("if-none-match", "\"3\"")).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{event}");
    }
}

#[tokio::test]
async fn a_query_with_a_missing_or_bad_parameter_is_malformed() {
    let service = Service::with_portfolio().await;
    for query in [
        "",
        "client_version=1",
        "device_id=phone",
        "client_version=&device_id=phone",
        "client_version=-1&device_id=phone",
        "client_version=1.5&device_id=phone",
        "client_version=9007199254740992&device_id=phone",
        "client_version=1&client_version=1&device_id=phone",
        "client_version=1&device_id=",
        "client_version=1&device_id=a%23b",
        "client_version=1&device_id=%ff",
        "client_version=1&device_id=%",
        "client_version=1&device_id=phone&local_changes=1",
        "client_version=1&device_id=phone&last_sync_at=2025-02-29T00:00:00Z",
        "base_version=1&device_id=phone",
    ] {
        let call = Call::of("v1-sync-status").query(query);
        service.assert_refused(call, 400, "malformed").await;
    }
    let call = Call::of("v2-sync-status").query("client_version=1&device_id=phone");
    service.assert_refused(call, 400, "malformed").await;
}

#[tokio::test]
async fn a_last_sync_at_in_any_form_that_the_apps_use_is_accepted() {
    let service = Service::with_portfolio().await;
    for time in [
        "2026-01-01T00:00:00.000Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+00:00",
        "9999-12-31T23:59:59Z",
        "1969-12-31T23:59:59Z",
    ] {
        let query = format!("client_version=1&device_id=phone&last_sync_at={time}");
        let answered = service.call(Call::of("v1-sync-status").query(&query)).await;
        assert_eq!(answered.status, 200, "{time}: {}", answered.text);
    }
}
