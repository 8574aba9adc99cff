//! A function's role allows exactly the actions that its handler uses, and only on the one table.

use coinolio_aws::routes::Function;
use coinolio_core::sync::Retention;
use coinolio_tests::faults::Fault;
use coinolio_tests::service::{Call, Service};
use coinolio_tests::template::{Template, actions};
use lambda_http::http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Returns the action that an operation of DynamoDB needs. A transaction needs that of the writes in it, here puts
/// (DynamoDB Developer Guide, "IAM and transactions").
fn action(operation: &str) -> String {
    let name = if operation == "TransactWriteItems" {
        "PutItem"
    } else {
        operation
    };
    format!("dynamodb:{name}")
}

/// Makes `calls` to `service` and returns the actions that the handlers need for them.
async fn needed(service: &Service, calls: Vec<Call>) -> BTreeSet<String> {
    let seen: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let recorder = Arc::clone(&seen);
    let log = service.dynamo.failing_log(move |operation, _| {
        recorder.lock().unwrap().insert(action(operation));
        Fault::Serve
    });
    let log = log.await;
    // A function opens its connection with a request when it starts.
    log.connect().await;
    let recorded = service.on(log);
    for call in calls {
        let answered = recorded.call(call).await;
        assert!(answered.status < 300, "{}", answered.text);
    }
    let seen = seen.lock().unwrap();
    seen.clone()
}

/// Returns entries that compress badly and do not fit into one item, so that they are stored in chunks.
fn large() -> Value {
    (0..2_000)
        .map(|n| json!({ "id": format!("{:x}", 2_654_435_761_u64 * n % 4_294_967_291), "amount": n }))
        .collect()
}

fn sync_v2(id: &str, base: u64, path: &str, value: &Value) -> Call {
    let (base, path, value) = (json!(base), json!([path]), value.clone());
    let id = id.to_owned();
    Call::of("v2-sync").with(move |body| {
        body["base_version"] = base;
        body["sync_id"] = json!(id);
        body["changes"] = json!([{ "op": "set", "path": path, "value": value }]);
    })
}

#[tokio::test]
async fn the_sync_function_is_allowed_exactly_the_actions_that_it_uses() {
    let service = Service::with_portfolio().await;
    let created = sync_v2("s-0", 0, "a", &json!(1)).about("new");
    let calls = vec![
        created.with(|body| body["name"] = json!("New")),
        sync_v2("s-1", 1, "a", &json!(1)),
        sync_v2("s-2", 2, "b", &large()),
        // The base is older than the head, so both are read and merged.
        sync_v2("s-3", 1, "c", &json!(1)),
        // A large pull reads the size of the document from the directory.
        Call::of("v2-sync").with(|body| {
            body["base_version"] = json!(1);
            body["sync_id"] = json!("s-4");
            body["changes"] = json!([]);
        }),
        Call::of("v1-sync"),
        Call::of("v1-sync").with(|body| {
            body["client_version"] = json!(5);
            body["client_data"]["more"] = large();
        }),
    ];
    let needed = needed(&service, calls).await;
    assert_eq!(Template::read().table_actions(Function::Sync.name()), needed);
}

#[tokio::test]
async fn the_sync_status_function_is_allowed_exactly_the_actions_that_it_uses() {
    let service = Service::with_portfolio().await;
    let calls = ["v1-sync-status", "v1-sync-status-alias", "v2-sync-status"].map(Call::of);
    let needed = needed(&service, calls.to_vec()).await;
    assert_eq!(Template::read().table_actions(Function::SyncStatus.name()), needed);
}

#[tokio::test]
async fn the_portfolios_function_is_allowed_exactly_the_actions_that_it_uses() {
    let service = Service::start().await;
    let calls = vec![
        Call::of("v1-create"),
        Call::of("v1-create").with(|body| {
            body["id"] = json!("large");
            body["data"]["more"] = large();
        }),
        Call::of("v1-list"),
        Call::of("v2-list"),
        Call::of("v1-read"),
        Call::of("v2-read").about("large"),
        Call::of("v2-read-version").query("version=1"),
        Call::of("v1-replace").without_header("if-match"),
        Call::of("v1-replace")
            .without_header("if-match")
            .with(|body| *body = json!({ "name": "Another" })),
        Call::of("v2-history"),
        Call::of("v2-compare").query("from=0&to=2"),
        Call::of("v1-delete"),
        Call::of("v2-restore").with(|body| body["version"] = json!(1)),
    ];
    let mut needed = needed(&service, calls).await;
    needed.extend(keep_mine().await);
    assert_eq!(Template::read().table_actions(Function::Portfolios.name()), needed);
}

/// Returns the actions that keep-mine needs to bring back a losing value.
async fn keep_mine() -> BTreeSet<String> {
    let service = Service::with_portfolio().await;
    service.call(sync_v2("s-1", 1, "a", &json!(1))).await;
    let tablet = sync_v2("s-2", 1, "a", &json!(2)).with(|body| body["device_id"] = json!("tablet"));
    let met = service.call(tablet).await.json();
    assert_eq!(met["conflicts"][0]["version"], 3, "{met}");
    let kept = Call::of("v2-keep-mine").to(Method::POST, "/api/v2/portfolios/main/conflicts/3/0/keep-mine");
    needed(&service, vec![kept]).await
}

#[tokio::test]
async fn the_devices_function_is_allowed_exactly_the_actions_that_it_uses() {
    let service = Service::start().await;
    let calls = ["v2-describe-device", "v2-devices", "v2-device", "v2-forget-device"].map(Call::of);
    let needed = needed(&service, calls.to_vec()).await;
    assert_eq!(Template::read().table_actions(Function::Devices.name()), needed);
}

/// The actions by which Lambda reads a stream for the function, with the function's role (Lambda Developer Guide,
/// "Process DynamoDB records with Lambda").
const OF_STREAMS: [&str; 4] = [
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
];

#[tokio::test]
async fn the_change_stream_function_is_allowed_exactly_the_actions_that_it_uses() {
    let service = Service::with_portfolio().await;
    for base in 1..=30 {
        let value = if base == 10 { large() } else { json!(base) };
        let synced = service.call(sync_v2(&format!("s-{base}"), base, "a", &value)).await;
        assert_eq!(synced.status, 200, "{}", synced.text);
    }
    let seen: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let recorder = Arc::clone(&seen);
    let log = service.dynamo.failing_log(move |operation, _| {
        recorder.lock().unwrap().insert(action(operation));
        Fault::Serve
    });
    let recorded = service.on(log.await);
    let least = Retention {
        age: Duration::ZERO,
        versions: 1,
    };
    let records = service.dynamo.records();
    // The first run writes a snapshot. The second writes another and removes the changes that the first one covers.
    assert_eq!(recorded.stream(&records, least).await, Vec::<Option<String>>::new());
    for base in 31..=60 {
        service
            .call(sync_v2(&format!("s-{base}"), base, "a", &json!(base)))
            .await;
    }
    assert_eq!(recorded.stream(&records, least).await, Vec::<Option<String>>::new());
    let items = service.items().await;
    let sks: Vec<&String> = items.iter().map(|item| item["sk"].as_s().unwrap()).collect();
    assert!(!sks.iter().any(|sk| sk.starts_with("PATCH#")), "{sks:?}");
    let needed = seen.lock().unwrap().clone();
    assert_eq!(Template::read().table_actions(Function::ChangeStream.name()), needed);
}

#[test]
fn every_statement_names_single_actions_on_a_single_resource() {
    let template = Template::read();
    let table = r#"{"Fn::If":["ServesAnotherTable",{"Fn::Sub":"arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ServingTable}"},{"Fn::GetAtt":"Table.Arn"}]}"#;
    let table: Value = serde_json::from_str(table).unwrap();
    let stream =
        json!({"Fn::If": ["FollowsAnotherTable", {"Ref": "ServingTableStreamArn"}, {"Fn::GetAtt": "Table.StreamArn"}]});
    let queue = json!({"Fn::GetAtt": "CompactionFailures.Arn"});
    for (id, function) in template.resources("AWS::Serverless::Function") {
        let log =
            json!({ "Fn::GetAtt": format!("{}.Arn", function["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap()) });
        for statement in template.statements(&template.binary(id)) {
            assert_eq!(statement["Effect"], "Allow", "{id}");
            for action in actions(statement) {
                assert!(!action.contains('*'), "{id}: {action}");
                match action.split(':').next() {
                    Some("dynamodb") if statement["Sid"] == "Stream" => {
                        assert!(OF_STREAMS.contains(&action.as_str()), "{id}: {action}");
                        assert_eq!(statement["Resource"], stream, "{id}: {action}");
                    }
                    Some("dynamodb") => assert_eq!(statement["Resource"], table, "{id}: {action}"),
                    Some("sqs") => assert_eq!(statement["Resource"], queue, "{id}: {action}"),
                    Some("logs") => assert_eq!(statement["Resource"], log, "{id}: {action}"),
                    // Actions of X-Ray cannot be limited to a resource.
                    Some("xray") => assert_eq!(statement["Resource"], "*", "{id}: {action}"),
                    other => panic!("{id} has an action of {other:?}"),
                }
            }
        }
        assert!(
            function.get("Policies").is_none(),
            "{id} has policies besides its role's"
        );
    }
}
