//! The function on the table's stream, with batches of real records and of malformed ones.

use crate::conformance::samples::{UUID, noise};
use crate::routes::telemetry;
use coinolio_aws::config::DEFAULT_RETENTION;
use coinolio_core::sync::Retention;
use coinolio_tests::faults::Fault;
use coinolio_tests::service::{Call, Service};
use coinolio_tests::stream_events;
use serde_json::{Value, json};
use std::time::Duration;

/// The shortest retention in these tests: only the newest three versions, whatever their age.
const LITTLE: Retention = Retention {
    age: Duration::ZERO,
    versions: 3,
};

const NONE: [Option<String>; 0] = [];

/// Makes versions of a portfolio: version 1 creates it, and each one sets a field of a kilobyte.
async fn edited(service: &Service, id: &str, versions: std::ops::RangeInclusive<u64>) {
    for version in versions {
        let sync_id = format!("{UUID}-{version}");
        let value = noise(1_000, version);
        let call = Call::of("v2-sync").about(id).with(move |body| {
            body["base_version"] = json!(version - 1);
            body["sync_id"] = json!(sync_id);
            body["name"] = json!("Name");
            body["changes"] = json!([{"op": "set", "path": ["a"], "value": value}]);
        });
        let synced = service.call(call).await;
        assert_eq!(synced.status, 200, "{}", synced.text);
    }
}

/// Returns the versions of a portfolio's stored snapshots, and the parents of its stored changes.
async fn stored(service: &Service, id: &str) -> (Vec<u64>, Vec<u64>) {
    let (mut snapshots, mut changes) = (Vec::new(), Vec::new());
    let of_portfolio = format!("#PORTFOLIO#{id}");
    for item in service.items().await {
        let sk = item["sk"].as_s().unwrap().split('#').collect::<Vec<_>>();
        if item["pk"].as_s().unwrap().ends_with(&of_portfolio) {
            match sk[0] {
                "SNAPSHOT" => snapshots.push(sk[1].parse().unwrap()),
                "CHANGE" => changes.push(sk[1].parse().unwrap()),
                other => panic!("{other}"),
            }
        }
    }
    (snapshots, changes)
}

fn is_change(record: &Value) -> bool {
    let sk = record.pointer("/dynamodb/Keys/sk/S").and_then(Value::as_str).unwrap();
    record["eventName"] == "INSERT" && sk.starts_with("CHANGE#")
}

fn sequence_number(record: &Value) -> Option<String> {
    let number = record.pointer("/dynamodb/SequenceNumber").unwrap();
    number.as_str().map(str::to_owned)
}

#[tokio::test]
async fn each_portfolio_of_a_batch_is_compacted_once_and_a_repeated_batch_does_nothing() {
    let service = Service::start().await;
    edited(&service, "a", 1..=8).await;
    edited(&service, "b", 1..=9).await;
    edited(&service, "c", 1..=2).await;
    let records = service.dynamo.records();
    assert_eq!(records.iter().filter(|record| is_change(record)).count(), 19);
    assert_eq!(service.stream(&records, DEFAULT_RETENTION).await, NONE);
    for (id, snapshots) in [("a", vec![8]), ("b", vec![9]), ("c", vec![])] {
        assert_eq!(stored(&service, id).await.0, snapshots, "{id}");
    }
    let before = service.items().await;
    assert_eq!(service.stream(&records, DEFAULT_RETENTION).await, NONE);
    let mut backwards = records;
    backwards.reverse();
    assert_eq!(service.stream(&backwards, DEFAULT_RETENTION).await, NONE);
    assert!(service.items().await == before);
}

#[tokio::test]
async fn late_repeated_and_unordered_batches_leave_the_same_changes_as_ordered_ones() {
    let (orderly, wild) = (Service::start().await, Service::start().await);
    for last in (10..=60).step_by(10) {
        for service in [&orderly, &wild] {
            edited(service, "a", last - 9..=last).await;
        }
        let new = orderly.dynamo.records().split_off(usize::try_from(last).unwrap() - 9);
        orderly.stream(&new, LITTLE).await;
        let mut all = wild.dynamo.records();
        all.reverse();
        for batch in all.chunks(7) {
            wild.stream(batch, LITTLE).await;
            wild.stream(batch, LITTLE).await;
        }
    }
    for service in [&orderly, &wild] {
        let (snapshots, changes) = stored(service, "a").await;
        assert_eq!(snapshots.first(), changes.first(), "the log begins at a snapshot");
        assert!(changes[0] > 30, "{changes:?}");
        let read = service.call(Call::of("v2-read").about("a")).await;
        assert_eq!(read.json()["document"]["a"], noise(1_000, 60));
    }
    assert_eq!(stored(&orderly, "a").await.1, stored(&wild, "a").await.1);
}

#[tokio::test]
async fn records_of_other_items_and_of_removals_cause_no_requests() {
    let service = Service::start().await;
    edited(&service, "a", 1..=8).await;
    service.stream(&service.dynamo.records(), DEFAULT_RETENTION).await;
    let records = service.dynamo.records();
    let others: Vec<Value> = records.into_iter().filter(|record| !is_change(record)).collect();
    let kinds: Vec<&str> = others
        .iter()
        .map(|record| record["eventName"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["INSERT", "INSERT", "INSERT", "MODIFY"],
        "the entry, the device, a snapshot, the entry's mark"
    );
    let mut removal = others[0].clone();
    removal["eventName"] = json!("REMOVE");
    removal["dynamodb"]["Keys"]["sk"]["S"] = json!("CHANGE#00000000000000000001");
    let mut device = others[0].clone();
    device["dynamodb"]["Keys"]["sk"]["S"] = json!("DEVICE#phone");
    device["dynamodb"]["NewImage"] = json!({"format": {"N": "7"}});
    let silent = service.dynamo.failing_log(|_, _| panic!("unexpected request")).await;
    let records = [others, vec![removal, device]].concat();
    assert_eq!(service.on(silent).stream(&records, DEFAULT_RETENTION).await, NONE);
}

#[tokio::test]
async fn a_malformed_record_is_reported_as_failed_and_the_others_are_processed() {
    let service = Service::start().await;
    edited(&service, "a", 1..=8).await;
    edited(&service, "b", 1..=8).await;
    let changes: Vec<Value> = service.dynamo.records().into_iter().filter(is_change).collect();
    let spoilt = |edit: fn(&mut Value)| {
        let mut record = changes[0].clone();
        edit(&mut record);
        record
    };
    let bad = [
        spoilt(|record| record["dynamodb"]["NewImage"]["format"]["N"] = json!("2")),
        spoilt(|record| record["dynamodb"]["NewImage"]["format"] = json!({"S": "1"})),
        spoilt(|record| drop(record["dynamodb"].as_object_mut().unwrap().remove("NewImage"))),
        spoilt(|record| record["dynamodb"]["Keys"]["pk"]["S"] = json!("USER#u")),
        spoilt(|record| record["dynamodb"]["Keys"]["pk"]["S"] = json!("USER#u#PORTFOLIO#p#x")),
        spoilt(|record| record["dynamodb"]["Keys"]["pk"]["S"] = json!("USER#u#PORTFOLIO#../p")),
        spoilt(|record| record["dynamodb"]["Keys"]["sk"] = json!({"N": "5"})),
        spoilt(|record| drop(record.as_object_mut().unwrap().remove("eventName"))),
    ];
    for record in bad {
        let batch = [std::slice::from_ref(&record), &changes[8..9]].concat();
        let failed = service.stream(&batch, DEFAULT_RETENTION).await;
        assert_eq!(failed, [sequence_number(&record)], "{record}");
        assert_eq!(stored(&service, "b").await.0, [8], "{record}");
        assert!(stored(&service, "a").await.0.is_empty());
    }
    // Lambda sends the whole batch again if a failure has no sequence number.
    let nameless = spoilt(|record| *record = json!({"eventName": 1}));
    assert_eq!(
        service.stream(&[nameless, json!(5)], DEFAULT_RETENTION).await,
        [None, None]
    );
}

#[tokio::test]
async fn a_failed_portfolio_is_reported_by_its_first_record_and_the_others_are_compacted() {
    let service = Service::start().await;
    edited(&service, "a", 1..=8).await;
    edited(&service, "b", 1..=8).await;
    let changes: Vec<Value> = service.dynamo.records().into_iter().filter(is_change).collect();
    // The oldest change of `a` is damaged, so its document cannot be read.
    let mut items = service.items().await.into_iter();
    let mut spoilt = items
        .find(|item| item["pk"].as_s().unwrap().ends_with("#a") && item["sk"].as_s().unwrap().ends_with("0000"))
        .unwrap();
    spoilt.remove("kind");
    let put = service
        .dynamo
        .client
        .put_item()
        .table_name(coinolio_tests::dynamodb::TABLE);
    put.set_item(Some(spoilt)).send().await.unwrap();
    let failed = service.stream(&changes, DEFAULT_RETENTION).await;
    assert_eq!(failed, [sequence_number(&changes[0])]);
    assert_eq!(stored(&service, "b").await.0, [8]);

    let throttled = service
        .dynamo
        .failing_log(|_, _| Fault::Answer(400, "ProvisionedThroughputExceededException"))
        .await;
    let failed = service.on(throttled).stream(&changes, DEFAULT_RETENTION).await;
    assert_eq!(failed, [sequence_number(&changes[0]), sequence_number(&changes[8])]);
}

#[tokio::test]
async fn a_portfolio_with_only_corrupt_snapshots_is_read_from_its_whole_log() {
    let service = Service::start().await;
    for last in [8, 16, 24] {
        edited(&service, "a", last - 7..=last).await;
        service.stream(&service.dynamo.records(), DEFAULT_RETENTION).await;
    }
    assert_eq!(stored(&service, "a").await.0, [8, 16, 24]);
    let whole = service.call(Call::of("v2-read").about("a")).await;
    for item in service.items().await {
        if item["sk"].as_s().unwrap().starts_with("SNAPSHOT#") {
            let mut spoilt = item;
            spoilt.insert("data".to_owned(), spoilt["sum"].clone());
            let put = service
                .dynamo
                .client
                .put_item()
                .table_name(coinolio_tests::dynamodb::TABLE);
            put.set_item(Some(spoilt)).send().await.unwrap();
            let read = service.call(Call::of("v2-read").about("a")).await;
            assert_eq!((read.status, read.text), (200, whole.text.clone()));
        }
    }
    // The next snapshot makes reads fast again.
    edited(&service, "a", 25..=32).await;
    service.stream(&service.dynamo.records(), DEFAULT_RETENTION).await;
    assert_eq!(stored(&service, "a").await.0, [8, 16, 24, 32]);
}

#[tokio::test]
async fn an_invocation_logs_its_work_without_any_ids() {
    telemetry::listen();
    let service = Service::start().await;
    edited(&service, "a", 1..=40).await;
    let records = service.dynamo.records();
    for request_id in ["first", "second"] {
        service.invoke_stream(request_id, &records, LITTLE).await;
        edited(&service, "a", if request_id == "first" { 41..=80 } else { 81..=81 }).await;
    }
    let (first, second) = (telemetry::written("first"), telemetry::written("second"));
    assert_eq!((&first["Snapshots"], &first["ChangesRemoved"]), (&json!(1), &json!(0)));
    assert_eq!(
        (&second["Snapshots"], &second["ChangesRemoved"]),
        (&json!(1), &json!(40))
    );
    for event in [first, second] {
        assert_eq!((&event["level"], &event["FailedRecords"]), (&json!("INFO"), &json!(0)));
        // 40 changes, the directory entry and the device.
        assert_eq!(event["StreamRecords"], 42);
        assert!(event["DynamoDbRequests"].as_u64() > Some(2) && event["WriteUnits"].as_f64() > Some(1.0));
        let text = event.to_string();
        assert!(!text.contains("USER#") && !text.contains("5f0c6a1e"), "{text}");
        assert!(event.get("Requests").is_none(), "it is not a client's request");
    }
}

/// Replaces each text and number in `value` by its type, so that two records of the same kind become equal.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
        Value::Array(elements) => elements.iter().map(shape).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) | Value::Null => value.clone(),
    }
}

#[tokio::test]
async fn the_sample_events_have_the_streams_form_and_get_the_expected_answers() {
    let service = Service::with_portfolio().await;
    for name in stream_events::NAMES {
        let event = stream_events::read(name);
        let failing = service
            .stream(event["Records"].as_array().unwrap(), DEFAULT_RETENTION)
            .await;
        let failing: Vec<String> = failing.into_iter().map(Option::unwrap).collect();
        assert_eq!(failing, stream_events::failing(&event), "{name}");
    }
    let mut sample = stream_events::read("change");
    for record in sample["Records"].as_array_mut().unwrap() {
        // DynamoDB sends it, the embedded store does not.
        assert!(record.as_object_mut().unwrap().remove("eventSourceARN").is_some());
    }
    assert_eq!(shape(&sample["Records"]), shape(&json!(service.dynamo.records())));
    let failing = |name| stream_events::failing(&stream_events::read(name)).len();
    assert_eq!(stream_events::NAMES.map(failing), [0, 1]);
}
