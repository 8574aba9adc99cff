//! Costs of whole syncs on DynamoDB, in requests and capacity units, for documents of different sizes.

use crate::conformance::samples::{UUID, key, value};
use coinolio_aws::dynamodb::{DynamoLog, Meter};
use coinolio_aws::retry::Retry;
use coinolio_core::devices::Sighting;
use coinolio_core::id::DeviceId;
use coinolio_core::log::PortfolioKey;
use coinolio_core::store::Devices as _;
use coinolio_core::sync::SyncStatusQuery;
use coinolio_core::time::Timestamp;
use coinolio_core::wire::v2::SyncResponse;
use coinolio_core::wire::{v1, v2};
use coinolio_tests::dynamodb::Dynamo;
use coinolio_tests::faults::Fault;
use coinolio_tests::portfolio::{Edit, Portfolio};
use coinolio_tests::service::{Call, Service};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

const AMOUNT: [&str; 5] = ["@portfolios", "default", "assets", "btc", "amount"];

struct Devices {
    log: DynamoLog,
    meter: Meter,
    key: PortfolioKey,
    syncs: u32,
}

impl Devices {
    /// Creates a portfolio with `entries` entries, at version 1, for the devices of one user.
    async fn with_portfolio(dynamo: &Dynamo, entries: usize) -> Self {
        let (log, meter) = dynamo.metered_log();
        let key = key(UUID, &format!("of-{entries}"));
        let mut devices = Self {
            log,
            meter,
            key,
            syncs: 0,
        };
        let document = Portfolio::of_entries(entries).document();
        let whole = document.as_object().unwrap().iter();
        let edits: Vec<Value> = whole
            .map(|(name, value)| json!({"op": "set", "path": [name], "value": value}))
            .collect();
        assert_eq!(devices.sync("phone", 0, &edits).await.version, 1);
        devices
    }

    async fn sync(&mut self, device: &str, base: u64, changes: &[Value]) -> SyncResponse {
        self.syncs += 1;
        let body = json!({"device_id": device, "sync_id": format!("{UUID}-{}", self.syncs), "base_version": base,
                          "sent_at": "2026-01-01T00:00:00Z", "changes": changes});
        let request = v2::SyncRequest::from_json(&value(&body.to_string())).unwrap();
        let received = Timestamp::from_millis(1_800_000_000_000 + i64::from(self.syncs));
        let mut backoff = Retry::until(SystemTime::now() + Duration::from_secs(10));
        coinolio_core::portfolio::Portfolio::new(&self.log, &self.key)
            .sync_v2(&mut backoff, &request, received)
            .await
            .unwrap()
            .answer
    }

    /// Returns the requests, read units and write units used since the last call.
    fn used(&self, before: &mut (u64, f64, f64)) -> (u64, f64, f64) {
        let now = self.meter.usage();
        let now = (now.requests, now.read_units, now.write_units);
        let used = (now.0 - before.0, now.1 - before.1, now.2 - before.2);
        *before = now;
        used
    }
}

fn amount(text: &str) -> Value {
    json!({"op": "set", "path": AMOUNT, "value": text})
}

#[tokio::test]
async fn a_v2_sync_a_pull_and_a_status_cost_the_same_at_10_1_000_and_10_000_entries() {
    let dynamo = Dynamo::start().await;
    for entries in [10, 1_000, 10_000] {
        let mut devices = Devices::with_portfolio(&dynamo, entries).await;
        let mut mark = (0, 0.0, 0.0);
        devices.used(&mut mark);
        for base in 1..=3 {
            devices.sync("phone", base, &[amount("1.5")]).await;
            let (requests, read, written) = devices.used(&mut mark);
            assert_eq!(
                (requests, written),
                (2, 1.0),
                "a Query and a PutItem at {entries} entries"
            );
            assert!(read <= 1.5, "{read} read units at {entries} entries");
        }
        let pulled = devices.sync("tablet", 1, &[]).await;
        assert_eq!(pulled.version, 4);
        let (requests, read, written) = devices.used(&mut mark);
        assert_eq!((requests, written), (1, 0.0), "a Query at {entries} entries");
        assert!(read <= 1.5, "{read} read units at {entries} entries");
        let query = SyncStatusQuery {
            version: 1,
            device_id: DeviceId::parse("tablet").unwrap(),
            local_changes: None,
        };
        assert!(
            coinolio_core::portfolio::Portfolio::new(&devices.log, &devices.key)
                .sync_status(&query)
                .await
                .unwrap()
                .has_conflicts
        );
        assert_eq!(devices.used(&mut mark).0, 1, "a Query at {entries} entries");
    }
}

#[tokio::test]
async fn a_merge_costs_at_most_four_queries_and_one_put_up_to_a_megabyte() {
    let dynamo = Dynamo::start().await;
    for entries in [10, 500, 4_600] {
        let mut devices = Devices::with_portfolio(&dynamo, entries).await;
        devices.sync("tablet", 1, &[amount("1.5")]).await;
        let eth = json!({"op": "set", "path": ["@portfolios", "default", "settings", "currency"], "value": "EUR"});
        let mut mark = (0, 0.0, 0.0);
        devices.used(&mut mark);
        let merged = devices.sync("phone", 1, &[eth]).await;
        assert_eq!((merged.version, merged.conflicts.len()), (3, 0));
        let (requests, _, written) = devices.used(&mut mark);
        assert!(requests <= 5, "{requests} requests at {entries} entries");
        assert!(written == 1.0, "{written} write units at {entries} entries");
    }
}

#[tokio::test]
async fn a_v1_sync_after_another_reads_no_document() {
    let dynamo = Dynamo::start().await;
    let devices = Devices::with_portfolio(&dynamo, 1_000).await;
    let mut document = Portfolio::of_entries(1_000).edited(Edit::OneField, 0).document();
    let mut mark = (0, 0.0, 0.0);
    for (version, amount) in [(1, "1"), (2, "2"), (3, "3")] {
        document["@portfolios"]["default"]["assets"]["btc"]["amount"] = json!(amount);
        let body =
            json!({"client_data": document, "last_sync_at": null, "client_version": version, "device_id": "phone"});
        let request = v1::SyncRequest::from_json(value(&body.to_string())).unwrap();
        let mut backoff = Retry::until(SystemTime::now() + Duration::from_secs(10));
        let received = Timestamp::from_millis(1_900_000_000_000 + version);
        devices.used(&mut mark);
        let answered = coinolio_core::portfolio::Portfolio::new(&devices.log, &devices.key)
            .sync_v1(&mut backoff, request, received)
            .await
            .unwrap();
        assert_eq!(answered.answer.version, u64::try_from(version).unwrap() + 1);
        if version > 1 {
            let (requests, _, written) = devices.used(&mut mark);
            assert_eq!(
                (requests, written),
                (2, 1.0),
                "a Query and a PutItem at version {version}"
            );
        }
    }
}

/// Makes the call. Returns the operations of its requests to DynamoDB, sorted.
async fn operations(service: &Service, call: Call, seen: &Mutex<Vec<String>>) -> Vec<String> {
    seen.lock().unwrap().clear();
    let answered = service.call(call).await;
    assert_eq!(answered.status, 200, "{}", answered.text);
    let mut operations = std::mem::take(&mut *seen.lock().unwrap());
    operations.sort();
    operations
}

/// Returns a service on the same table, as another execution environment, and the list of its DynamoDB operations.
async fn environment(service: &Service) -> (Service, Arc<Mutex<Vec<String>>>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let recorder = Arc::clone(&seen);
    let log = service.dynamo.failing_log(move |operation, _| {
        recorder.lock().unwrap().push(operation.to_owned());
        Fault::Serve
    });
    (service.on(log.await), seen)
}

fn edit(device: &str, base: u64, path: &str) -> Call {
    let (device, path, value) = (json!(device), json!([path]), json!(format!("{device} {base}")));
    Call::of("v2-sync").with(move |body| {
        body["sync_id"] = json!(format!("{}-{base}-{path}", device.as_str().unwrap()).replace(['[', ']', '"'], ""));
        body["device_id"] = device;
        body["base_version"] = json!(base);
        body["changes"] = json!([{"op": "set", "path": path, "value": value}]);
    })
}

#[tokio::test]
async fn a_registration_costs_one_read_and_one_write_in_a_quarter_of_an_hour() {
    let service = Service::with_portfolio().await;
    let (first, seen) = environment(&service).await;
    let once = ["GetItem", "PutItem", "Query", "UpdateItem"];
    assert_eq!(operations(&first, edit("phone", 1, "a"), &seen).await, once);
    assert_eq!(
        operations(&first, edit("phone", 2, "a"), &seen).await,
        ["PutItem", "Query"]
    );
    assert_eq!(
        operations(&first, edit("phone", 3, "a"), &seen).await,
        ["PutItem", "Query"]
    );
    // Another environment reads the registration, and would write it only if it were 15 minutes old.
    let (second, seen) = environment(&service).await;
    assert_eq!(
        operations(&second, edit("phone", 4, "a"), &seen).await,
        ["GetItem", "PutItem", "Query"]
    );
    assert_eq!(
        operations(&second, edit("phone", 5, "a"), &seen).await,
        ["PutItem", "Query"]
    );
}

#[tokio::test]
async fn a_glance_costs_half_a_read_unit_and_a_sighting_one_write_unit() {
    let dynamo = Dynamo::start().await;
    let (log, meter) = dynamo.metered_log();
    let (user, phone) = (key(UUID, UUID).user, DeviceId::parse(UUID).unwrap());
    let sighting = Sighting {
        at: Timestamp::from_millis(1_800_000_000_000),
        acknowledged: vec![(key(UUID, UUID).portfolio, 12)],
    };
    assert!(log.record(&user, &phone, &sighting).await.unwrap());
    assert!(log.device_eventually(&user, &phone).await.unwrap().is_some());
    let used = meter.usage();
    assert_eq!((used.requests, used.read_units, used.write_units), (2, 0.5, 1.0));
}

#[tokio::test]
async fn ranks_cost_one_query_and_only_if_a_merge_meets_a_conflict() {
    let service = Service::with_portfolio().await;
    let (service, seen) = environment(&service).await;
    for device in ["phone", "tablet"] {
        let pull = edit(device, 1, "a").with(|body| body["changes"] = json!([]));
        service.call(pull).await;
    }
    assert_eq!(
        operations(&service, edit("phone", 1, "a"), &seen).await,
        ["PutItem", "Query"]
    );
    let merged = operations(&service, edit("tablet", 1, "b"), &seen).await;
    assert_eq!(merged, ["PutItem", "Query"]);
    let in_conflict = operations(&service, edit("tablet", 1, "a"), &seen).await;
    assert_eq!(in_conflict, ["PutItem", "Query", "Query"]);
}

#[tokio::test]
async fn a_batch_registers_its_device_with_one_read_and_one_write() {
    let service = Service::start().await;
    let (service, seen) = environment(&service).await;
    let batch = |base: u64| {
        let part = |n: u64| json!({"portfolio_id": format!("p{n}"), "sync_id": format!("s{base}"), "base_version": base, "changes": [amount("1")]});
        let parts: Vec<Value> = (0..25).map(part).collect();
        Call::of("v2-sync-all").with(move |body| body["portfolios"] = json!(parts))
    };
    let count = |operations: Vec<String>, name: &str| operations.iter().filter(|operation| *operation == name).count();
    let first = operations(&service, batch(0), &seen).await;
    assert_eq!(first.len(), 25 + 25 + 2, "{first:?}");
    let second = operations(&service, batch(1), &seen).await;
    assert_eq!((second.len(), count(second, "Query")), (50, 25));
}
