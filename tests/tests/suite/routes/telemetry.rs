//! One structured event for each invocation (design section 6).

use coinolio_aws::telemetry::{Format, subscriber};
use coinolio_tests::service::{Call, Service};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What every invocation of this process writes. The subscriber is the process's: one of a thread alone is
/// missed by events that another thread comes to first.
fn lines() -> &'static Lines {
    static LINES: OnceLock<Lines> = OnceLock::new();
    LINES.get_or_init(|| {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::set_global_default(subscriber(Format::Json, move || writer.clone())).unwrap();
        tracing::callsite::rebuild_interest_cache();
        lines
    })
}

/// Calls, and gives the one event that the invocation writes.
async fn event_of(service: &Service, call: Call) -> Value {
    let lines = lines();
    let request_id = call.request_id().to_owned();
    service.call(call).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let mut events = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["request_id"] == request_id);
    let event = events.next().unwrap();
    assert_eq!(events.next(), None);
    event
}

#[tokio::test]
async fn a_sync_tells_what_it_did_and_what_it_cost() {
    let service = Service::with_portfolio().await;
    let call = Call::of("v2-sync-gzip");
    let request_id = call.request_id().to_owned();
    let event = event_of(&service, call).await;
    assert_eq!(event["message"], "invocation");
    assert_eq!(event["level"], "INFO");
    assert_eq!(event["request_id"], request_id);
    assert_eq!(event["route"], "POST /api/v2/portfolios/{id}/sync");
    assert_eq!(event["status"], 200);
    assert_eq!(event["outcome"], "accepted");
    assert_eq!(event["conflicts"], 0);
    assert_eq!(event["optimistic_retries"], 0);
    assert_eq!(event["dynamodb_requests"], 2);
    assert_eq!(event["read_units"], 1.0);
    assert_eq!(event["write_units"], 1.0);
    assert_eq!(event["upload_bytes"], 249);
    assert!(event["patch_bytes"].as_u64() > Some(0), "{event}");
    assert!(event["download_bytes"].as_u64() > Some(0), "{event}");
    assert!(event["duration_ms"].as_f64() > Some(0.0), "{event}");
    assert!(event.get("code").is_none() && event.get("cause").is_none(), "{event}");
}

#[tokio::test]
async fn a_v1_sync_tells_how_large_the_document_was_that_it_read() {
    let service = Service::with_portfolio().await;
    let event = event_of(&service, Call::of("v1-sync")).await;
    assert_eq!(event["route"], "POST /api/v1/portfolios/{id}/sync");
    assert!(event["document_bytes"].as_u64() > Some(100), "{event}");
}

#[tokio::test]
async fn a_refusal_tells_its_code() {
    let service = Service::with_portfolio().await;
    let event = event_of(&service, Call::of("v2-sync").about("other")).await;
    assert_eq!((&event["status"], &event["code"]), (&json!(404), &json!("not_found")));
    assert!(event.get("outcome").is_none(), "{event}");
}

#[tokio::test]
async fn a_failure_of_the_store_is_an_error_with_its_cause() {
    let service = Service::with_portfolio().await;
    let log = service
        .dynamo
        .failing_log(|_, _| coinolio_tests::faults::Fault::Answer(400, "ProvisionedThroughputExceededException"))
        .await;
    let event = event_of(&service.on(log), Call::of("v2-sync")).await;
    assert_eq!((&event["level"], &event["status"]), (&json!("ERROR"), &json!(503)));
    assert_eq!(event["code"], "unavailable");
    assert!(
        event["cause"].as_str().unwrap_or_default().contains("Throughput"),
        "{event}"
    );
}

#[tokio::test]
async fn no_event_holds_contents_ids_or_tokens() {
    let service = Service::with_portfolio().await;
    let secret = "c0ffee-secret";
    let calls = [
        Call::of("v2-sync").with(|body| {
            body["changes"] = json!([{"op": "set", "path": [secret], "value": secret}]);
        }),
        Call::of("v2-sync").with(|body| {
            body["changes"] = json!([{"op": "set", "path": [secret, 5], "value": secret}]);
        }),
        Call::of("v2-sync").with(|body| body["device_id"] = json!(format!("{secret}#"))),
        Call::of("v2-sync").text(format!("{{\"{secret}\": {secret}")),
        Call::of("v1-sync").with(|body| body["client_data"]["note"] = json!(secret)),
        Call::of("v1-read"),
        Call::of("v2-read").by(secret),
        Call::of("v2-read").about(secret),
        Call::of("v2-read").header("authorization", secret),
        Call::of("v2-read").query(&format!("version={secret}")),
        Call::of("v2-read").to(lambda_http::http::Method::GET, &format!("/{secret}")),
    ];
    for call in calls {
        let event = event_of(&service, call).await;
        assert!(!event.to_string().contains(secret), "{event}");
        assert!(
            event["status"].is_number() && event["duration_ms"].is_number(),
            "{event}"
        );
    }
}
