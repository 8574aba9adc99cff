//! One structured event for each invocation, including its metrics (docs/OBSERVABILITY.md).

use coinolio_aws::routes::ROUTES;
use coinolio_aws::telemetry::{Format, METRICS, Metrics, subscriber};
use coinolio_tests::service::{Call, Service};
use lambda_http::http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

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

/// Returns the lines that all invocations in this process write. The subscriber is global, because a subscriber of one
/// thread misses the events of a callsite that another thread reaches first.
fn lines() -> &'static Lines {
    static LINES: OnceLock<Lines> = OnceLock::new();
    LINES.get_or_init(|| {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::set_global_default(subscriber(Format::Json(Metrics::default()), move || writer.clone()))
            .unwrap();
        tracing::callsite::rebuild_interest_cache();
        lines
    })
}

/// Starts to record the events of invocations, for [`written`].
pub(crate) fn listen() {
    lines();
}

/// Makes the call and returns the one event that the invocation writes.
pub(super) async fn event_of(service: &Service, call: Call) -> Value {
    listen();
    let request_id = call.request_id().to_owned();
    service.call(call).await;
    written(&request_id)
}

/// Returns the one event that the invocation with this id has written.
pub(crate) fn written(request_id: &str) -> Value {
    let lines = lines();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let mut events = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["request_id"] == request_id);
    let event = events.next().unwrap();
    assert_eq!(events.next(), None);
    assert_is_embedded_metric_format(&event);
    event
}

/// Asserts that the event matches the format's schema. Also checks rules that a schema cannot express: every metric is
/// a number and every dimension a text in the event itself, and its time is within the last minute.
fn assert_is_embedded_metric_format(event: &Value) {
    static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/embedded-metric-format.schema.json");
        let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    });
    let faults: Vec<String> = schema.iter_errors(event).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}: {event}");
    for (name, dimensions) in metrics_of(event) {
        // CloudWatch drops values beyond 2^360 and values that are not numbers.
        assert!(
            event[&name].as_f64().is_some_and(|value| value.abs() < 2_f64.powi(360)),
            "{name}: {event}"
        );
        for dimension in dimensions {
            let value = event[&dimension].as_str().unwrap_or_default();
            assert!((1..=1024).contains(&value.len()), "{dimension}: {event}");
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let stamp = u128::from(event["_aws"]["Timestamp"].as_u64().unwrap());
    assert!((now - 60_000..=now).contains(&stamp), "{event}");
}

/// Returns the metrics that an event declares: each once for every set of dimensions that it has.
fn metrics_of(event: &Value) -> Vec<(String, Vec<String>)> {
    let texts = |value: &Value| {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect()
    };
    let mut found = Vec::new();
    for directive in event["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
        for dimensions in directive["Dimensions"].as_array().unwrap() {
            for metric in directive["Metrics"].as_array().unwrap() {
                found.push((metric["Name"].as_str().unwrap().to_owned(), texts(dimensions)));
            }
        }
    }
    found
}

/// Returns the names of the events of every route, `v1-delete` last.
fn events() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".json")?.to_owned()))
        .collect();
    names.sort_by_key(|name| (name == "v1-delete", name.clone()));
    assert!(names.len() >= ROUTES.len(), "{names:?}");
    names
}

/// Returns requests that are refused at different steps, from the router to the sync engine.
fn refusals() -> [Call; 7] {
    [
        Call::of("v2-read").to(Method::GET, "/api/v3/portfolios"),
        Call::of("v2-sync").to(Method::PATCH, "/api/v2/portfolios/main/sync"),
        Call::of("v2-read").about("a%20b"),
        Call::of("v2-sync").header("content-encoding", "br"),
        Call::of("v2-sync").marked_base64(),
        Call::of("v2-sync").with(|body| body["changes"] = json!([{"op": "set", "path": [], "value": 1}])),
        Call::of("v2-sync").with(|body| body["base_version"] = json!(999)),
    ]
}

#[tokio::test]
async fn all_routes_and_refusals_together_emit_exactly_the_metrics_of_the_table() {
    let service = Service::start().await;
    let throttled = service
        .dynamo
        .failing_log(|_, _| coinolio_tests::faults::Fault::Answer(400, "ProvisionedThroughputExceededException"))
        .await;
    let mut declared = BTreeSet::new();
    let mut count = |event: &Value| {
        for (name, mut dimensions) in metrics_of(event) {
            let by = dimensions.split_off(1).pop();
            assert_eq!(dimensions, ["Stage"], "{event}");
            declared.insert((name, by));
        }
    };
    for name in events() {
        count(&event_of(&service, Call::of(&name)).await);
        count(&event_of(&service, Call::of(&name).by_nobody()).await);
        count(&event_of(&service.on(throttled.clone()), Call::of(&name)).await);
    }
    for call in refusals() {
        count(&event_of(&service, call).await);
    }
    let retention = coinolio_aws::config::DEFAULT_RETENTION;
    service
        .invoke_stream("by-the-stream", &service.dynamo.records(), retention)
        .await;
    count(&written("by-the-stream"));
    let names = METRICS.iter().map(|metric| (metric.name.to_owned(), None));
    let counted_by = METRICS
        .iter()
        .filter_map(|metric| Some((metric.name.to_owned(), Some(metric.by?.to_owned()))));
    assert_eq!(declared, names.chain(counted_by).collect());
}

#[tokio::test]
async fn a_sync_is_counted_by_its_outcome_and_a_refusal_by_its_code() {
    let service = Service::with_portfolio().await;
    let of = |event: &Value, name: &str| -> Vec<Vec<String>> {
        metrics_of(event)
            .into_iter()
            .filter(|(metric, _)| metric == name)
            .map(|(_, dimensions)| dimensions)
            .collect()
    };
    let synced = event_of(&service, Call::of("v2-sync")).await;
    assert_eq!(of(&synced, "Syncs"), [vec!["Stage"], vec!["Stage", "Outcome"]]);
    assert_eq!(
        (of(&synced, "Errors"), &synced["Errors"]),
        (vec![vec!["Stage".to_owned()]], &json!(0))
    );
    assert!(synced["SyncDuration"].as_f64() > Some(0.0), "{synced}");
    assert_eq!(synced["Stage"], "local");

    let refused = event_of(&service, Call::of("v2-sync").text("{")).await;
    assert_eq!(
        (of(&refused, "Errors"), &refused["Errors"]),
        (
            vec![vec!["Stage".to_owned()], vec!["Stage".to_owned(), "Code".to_owned()]],
            &json!(1)
        )
    );
    assert_eq!((&refused["ServerErrors"], &refused["Requests"]), (&json!(0), &json!(1)));
    for absent in ["Syncs", "SyncDuration", "Conflicts", "PatchBytes", "DocumentBytes"] {
        assert!(
            refused.get(absent).is_none() && of(&refused, absent).is_empty(),
            "{absent}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_metric_is_absent_if_it_does_not_apply() {
    let service = Service::with_portfolio().await;
    let absent_of_all = ["Syncs", "SyncDuration", "Conflicts"];
    let cases: [(&str, &[&str]); 6] = [
        ("v2-list", &["UploadBytes", "PatchBytes", "DocumentBytes"]),
        ("v2-sync-status", &["UploadBytes", "PatchBytes", "DocumentBytes"]),
        ("v1-read", &["UploadBytes", "PatchBytes"]),
        ("v1-replace", &[]),
        // An equal document is not stored again.
        ("v1-replace", &["PatchBytes"]),
        ("v1-delete", &["UploadBytes", "PatchBytes", "DocumentBytes"]),
    ];
    for (name, absent) in cases {
        let event = event_of(&service, Call::of(name)).await;
        let declared: BTreeSet<_> = metrics_of(&event).into_iter().map(|(name, _)| name).collect();
        for metric in absent_of_all.iter().chain(absent) {
            assert!(
                event.get(*metric).is_none() && !declared.contains(*metric),
                "{metric}: {event}"
            );
        }
        let carried = METRICS.iter().filter(|metric| event.get(metric.name).is_some());
        assert_eq!(carried.count(), declared.len(), "{event}");
        assert!(
            !event["_aws"].to_string().contains("Outcome"),
            "only syncs are counted by their outcome: {event}"
        );
    }
}

#[tokio::test]
async fn an_execution_environment_counts_only_its_first_invocation_as_a_cold_start() {
    let service = Service::start().await;
    let mut starts = Vec::new();
    for _ in 0..3 {
        starts.push(event_of(&service, Call::of("v2-list")).await["ColdStarts"].clone());
    }
    assert_eq!(starts, [1, 0, 0]);
}

#[tokio::test]
async fn a_sync_logs_its_outcome_and_its_costs() {
    let service = Service::with_portfolio().await;
    let call = Call::of("v2-sync-gzip");
    let request_id = call.request_id().to_owned();
    let event = event_of(&service, call).await;
    assert_eq!(event["message"], "invocation");
    assert_eq!(event["level"], "INFO");
    assert_eq!(event["request_id"], request_id);
    assert_eq!(event["route"], "POST /api/v2/portfolios/{id}/sync");
    assert_eq!(event["status"], 200);
    assert_eq!(event["Outcome"], "accepted");
    assert_eq!(event["Conflicts"], 0);
    assert_eq!(event["OptimisticRetries"], 0);
    // The device's first sync also registers it, for half a read unit and one write unit.
    assert_eq!(event["DynamoDbRequests"], 4);
    assert_eq!(event["ReadUnits"], 1.5);
    assert_eq!(event["WriteUnits"], 2.0);
    assert_eq!(event["UploadBytes"], 249);
    assert!(event["PatchBytes"].as_u64() > Some(0), "{event}");
    assert!(event["DownloadBytes"].as_u64() > Some(0), "{event}");
    assert!(event["duration_ms"].as_f64() > Some(0.0), "{event}");
    assert!(event.get("Code").is_none() && event.get("cause").is_none(), "{event}");
}

#[tokio::test]
async fn a_v1_sync_logs_the_size_of_the_document_that_it_read() {
    let service = Service::with_portfolio().await;
    let event = event_of(&service, Call::of("v1-sync")).await;
    assert_eq!(event["route"], "POST /api/v1/portfolios/{id}/sync");
    assert!(event["DocumentBytes"].as_u64() > Some(100), "{event}");
}

#[tokio::test]
async fn a_refusal_logs_its_code() {
    let service = Service::with_portfolio().await;
    let event = event_of(&service, Call::of("v2-sync").about("other")).await;
    assert_eq!((&event["status"], &event["Code"]), (&json!(404), &json!("not_found")));
    assert!(event.get("Outcome").is_none(), "{event}");
}

#[tokio::test]
async fn a_store_failure_is_logged_as_an_error_with_its_cause() {
    let service = Service::with_portfolio().await;
    let log = service
        .dynamo
        .failing_log(|_, _| coinolio_tests::faults::Fault::Answer(400, "ProvisionedThroughputExceededException"))
        .await;
    let event = event_of(&service.on(log), Call::of("v2-sync")).await;
    assert_eq!((&event["level"], &event["status"]), (&json!("ERROR"), &json!(503)));
    assert_eq!(event["Code"], "unavailable");
    assert!(
        event["cause"].as_str().unwrap_or_default().contains("Throughput"),
        "{event}"
    );
}

#[tokio::test]
async fn an_unreadable_item_is_named_in_the_log_without_its_contents() {
    let service = Service::with_portfolio().await;
    let secret = "c0ffee-secret";
    let set = Call::of("v2-sync").with(|body| {
        body["changes"] = json!([{"op": "set", "path": [secret], "value": secret}]);
    });
    assert_eq!(service.call(set).await.status, 200);
    let items = service.items().await;
    let change = items
        .into_iter()
        .find(|item| item["sk"].as_s().unwrap() == "CHANGE#00000000000000000001")
        .unwrap();
    let key = format!("{} {}", change["pk"].as_s().unwrap(), change["sk"].as_s().unwrap());
    assert!(key.starts_with("USER#"), "{key}");
    for spoilt in ["kind", "format", "sum", "patch", "sync"] {
        let mut item = change.clone();
        item.insert(spoilt.to_owned(), change["version"].clone());
        let put = service
            .dynamo
            .client
            .put_item()
            .table_name(coinolio_tests::dynamodb::TABLE);
        put.set_item(Some(item)).send().await.unwrap();
        let event = event_of(&service, Call::of("v2-read")).await;
        assert_eq!((&event["status"], &event["Code"]), (&json!(503), &json!("unavailable")));
        let cause = event["cause"].as_str().unwrap();
        assert!(cause.contains(&key), "{cause}");
        assert!(!event.to_string().contains(secret), "{event}");
        let without_the_cause = event.to_string().replace(cause, "");
        assert!(!without_the_cause.contains("USER#"), "{event}");
        let answered = service.assert_refused(Call::of("v2-read"), 503, "unavailable").await;
        assert!(!answered.text.contains("#"), "{}", answered.text);
    }
}

#[tokio::test]
async fn an_event_never_contains_portfolio_data_ids_or_tokens() {
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
        Call::of("v2-read").to(Method::GET, &format!("/{secret}")),
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

#[tokio::test]
async fn a_batch_is_one_event_with_the_sums_of_its_portfolios() {
    let service = Service::with_portfolio().await;
    let event = event_of(&service, Call::of("v2-sync-all")).await;
    assert_eq!(event["route"], "POST /api/v2/sync");
    assert_eq!(
        (&event["status"], &event["Requests"], &event["Syncs"]),
        (&json!(200), &json!(1), &json!(1))
    );
    assert_eq!(
        (&event["Outcome"], &event["Errors"], &event["ServerErrors"]),
        (&json!("accepted"), &json!(1), &json!(0))
    );
    assert_eq!(event["Code"], "not_found", "the code of the other portfolio");
    assert!(event["PatchBytes"].as_u64() > Some(0), "{event}");
    assert!(event["SyncDuration"].as_f64() > Some(0.0), "{event}");
}
