//! Costs and savings of compaction on DynamoDB, in requests and capacity units.

use crate::conformance::samples::{UUID, key, noise, value};
use coinolio_aws::config::DEFAULT_RETENTION;
use coinolio_aws::dynamodb::{DynamoLog, Meter};
use coinolio_aws::retry::Retry;
use coinolio_core::id::DeviceId;
use coinolio_core::log::{PortfolioKey, Version, json_size};
use coinolio_core::store::Snapshots;
use coinolio_core::sync::SyncStatusQuery;
use coinolio_core::sync::portfolios::Reading;
use coinolio_core::time::Timestamp;
use coinolio_core::wire::v2::{Delta, SyncRequest, SyncResponse};
use coinolio_tests::dynamodb::Dynamo;
use coinolio_tests::portfolio::{Portfolio, Size};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const AMOUNT: [&str; 5] = ["@portfolios", "default", "assets", "btc", "amount"];

/// A portfolio that one device edits, and a meter of the requests to its table.
struct Counted {
    log: DynamoLog,
    meter: Meter,
    key: PortfolioKey,
    version: Version,
}

impl Counted {
    /// Creates a portfolio with a generated document, at version 1.
    async fn of(dynamo: &Dynamo, size: Size) -> Self {
        let (log, meter) = dynamo.metered_log();
        let key = key(UUID, UUID);
        let version = 0;
        let mut counted = Self {
            log,
            meter,
            key,
            version,
        };
        let document = Portfolio::of_size(size).document();
        let edits: Vec<Value> = document
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| json!({"op": "set", "path": [name], "value": value}))
            .collect();
        counted.sync(&edits).await;
        counted
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + i64::try_from(self.version).unwrap())
    }

    async fn request(&self, device: &str, base: Version, changes: &[Value]) -> SyncResponse {
        let body = json!({"device_id": device, "sync_id": format!("{device}-{base}"), "base_version": base,
                          "sent_at": "2026-01-01T00:00:00Z", "changes": changes});
        let request = SyncRequest::from_json(&value(&body.to_string())).unwrap();
        let mut backoff = Retry::until(SystemTime::now() + Duration::from_secs(10));
        let synced = coinolio_core::portfolio::Portfolio::new(&self.log, &self.key)
            .sync_v2(&mut backoff, &request, self.now())
            .await;
        synced.unwrap().answer
    }

    /// Syncs the device, whose base is the head.
    async fn sync(&mut self, changes: &[Value]) {
        self.version = self.request(UUID, self.version, changes).await.version;
    }

    async fn one_field(&mut self) {
        let amount = format!("{}.5", self.version);
        self.sync(&[json!({"op": "set", "path": AMOUNT, "value": amount})])
            .await;
    }

    async fn compact(&self) {
        coinolio_core::portfolio::Portfolio::new(&self.log, &self.key)
            .compact(&DEFAULT_RETENTION, self.now())
            .await
            .unwrap();
    }

    /// Runs `work`. Returns its output and the requests, read units and write units that it used.
    async fn used<T>(&self, work: impl Future<Output = T>) -> (T, u64, f64, f64) {
        let before = self.meter.usage();
        let done = work.await;
        let after = self.meter.usage();
        (
            done,
            after.requests - before.requests,
            after.read_units - before.read_units,
            after.write_units - before.write_units,
        )
    }

    /// Asserts that a read of the whole document costs at most two read units more than twice its snapshot.
    async fn assert_read_is_cheap(&self) {
        let (_, _, snapshot, _) = self.used(self.log.snapshot_before(&self.key, u64::MAX)).await;
        let read = coinolio_core::portfolio::Portfolio::new(&self.log, &self.key).read_v2(None, &[]);
        let (read, _, units, _) = self.used(read).await;
        let Reading::Document(read) = read.unwrap().answer else {
            panic!("the read returned no document");
        };
        assert_eq!(read.version, self.version);
        assert!(
            units <= 2.0 * snapshot + 2.0,
            "{units} read units at version {}, {snapshot} for the snapshot alone",
            self.version
        );
    }
}

/// Syncs 10,000 times, and reads at and shortly before each power of ten. Compaction runs after each of the first 100
/// syncs and around the reads, otherwise after every tenth sync, because the stream delivers changes in batches.
async fn read_after_many_syncs(size: Size) {
    let dynamo = Dynamo::start().await;
    let mut counted = Counted::of(&dynamo, size).await;
    counted.compact().await;
    for n in 1..=10_000_u64 {
        counted.one_field().await;
        let next = [10, 100, 1_000, 10_000].into_iter().find(|next| n <= *next).unwrap();
        let is_near = next - n < 30;
        if n <= 100 || is_near || n % 10 == 0 {
            counted.compact().await;
        }
        // A read costs most just before a snapshot is due.
        if is_near && next - n < 20 {
            counted.assert_read_is_cheap().await;
        }
    }
}

#[tokio::test]
async fn a_read_after_up_to_10_000_syncs_of_1_kb_costs_at_most_twice_its_snapshot() {
    read_after_many_syncs(Size::Small).await;
}

#[tokio::test]
async fn a_read_after_up_to_10_000_syncs_of_100_kb_costs_at_most_twice_its_snapshot() {
    read_after_many_syncs(Size::Large).await;
}

#[tokio::test]
async fn a_one_field_sync_at_100_kb_and_its_compaction_cost_at_most_three_write_units() {
    let dynamo = Dynamo::start().await;
    let mut counted = Counted::of(&dynamo, Size::Large).await;
    counted.compact().await;
    let before = counted.meter.usage().write_units;
    for _ in 0..1_000 {
        counted.one_field().await;
        counted.compact().await;
    }
    let each = (counted.meter.usage().write_units - before) / 1_000.0;
    assert!((1.0..=3.0).contains(&each), "{each} write units");
}

#[tokio::test]
async fn an_idle_status_and_an_idle_pull_after_a_300_kb_change_cost_at_most_two_read_units() {
    let dynamo = Dynamo::start().await;
    let mut counted = Counted::of(&dynamo, Size::Large).await;
    for _ in 0..5 {
        counted.one_field().await;
    }
    let large = json!({"op": "set", "path": ["notes"], "value": noise(300_000, 1)});
    counted.sync(&[large]).await;
    let query = SyncStatusQuery {
        version: counted.version,
        device_id: DeviceId::parse("tablet").unwrap(),
        local_changes: None,
    };
    let (status, requests, read, _) = counted
        .used(coinolio_core::portfolio::Portfolio::new(&counted.log, &counted.key).sync_status(&query))
        .await;
    assert!(!status.unwrap().needs_sync);
    assert!(
        (requests, read <= 2.0) == (1, true),
        "{requests} requests, {read} read units"
    );
    let (pulled, requests, read, _) = counted.used(counted.request("tablet", counted.version, &[])).await;
    assert_eq!(pulled.delta, Delta::Changes(Vec::new()));
    assert!(
        (requests, read <= 2.0) == (1, true),
        "{requests} requests, {read} read units"
    );
}

#[tokio::test]
async fn a_device_far_behind_pulls_with_few_requests_and_at_most_the_documents_size() {
    let dynamo = Dynamo::start().await;
    let mut counted = Counted::of(&dynamo, Size::Large).await;
    for _ in 0..1_010 {
        counted.one_field().await;
        counted.compact().await;
    }
    let read = coinolio_core::portfolio::Portfolio::new(&counted.log, &counted.key)
        .read_v2(None, &[])
        .await
        .unwrap();
    let Reading::Document(read) = read.answer else {
        panic!("the read returned no document");
    };
    let document = json_size(&read.document);
    for (behind, most) in [(1, 1), (100, 1), (1_000, 3)] {
        let pull = counted.request("tablet", counted.version - behind, &[]);
        let (pulled, requests, ..) = counted.used(pull).await;
        assert!(requests <= most, "{requests} requests for {behind} versions");
        let bytes = match &pulled.delta {
            Delta::Changes(changes) => json_size(changes),
            Delta::Document(held) => {
                assert!(*held == read.document);
                json_size(held)
            }
        };
        assert!(
            bytes <= document,
            "{bytes} bytes for {behind} versions, but the document has {document}"
        );
    }
}
