//! What whole syncs cost on DynamoDB, whatever the size of the document: requests and units.

use crate::samples::{UUID, key, value};
use coinolio_aws::dynamodb::{DynamoLog, Meter};
use coinolio_aws::retry::Retry;
use coinolio_core::log::PortfolioKey;
use coinolio_core::sync::{SyncStatusQuery, sync_status, sync_v1, sync_v2};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::v2::SyncResponse;
use coinolio_core::wire::{v1, v2};
use coinolio_tests::dynamodb::Dynamo;
use coinolio_tests::portfolio::{Edit, Portfolio};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const AMOUNT: [&str; 5] = ["@portfolios", "default", "assets", "btc", "amount"];

struct Devices {
    log: DynamoLog,
    meter: Meter,
    key: PortfolioKey,
    syncs: u32,
}

impl Devices {
    /// Devices of one user, whose portfolio has `entries` entries at version 1.
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
        sync_v2(&self.log, &mut backoff, &self.key, &request, received)
            .await
            .unwrap()
            .answer
    }

    /// What was used since the last call: requests, read units, write units.
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
            device_id: coinolio_core::id::DeviceId::parse("tablet").unwrap(),
            local_changes: None,
        };
        assert!(
            sync_status(&devices.log, &devices.key, &query)
                .await
                .unwrap()
                .has_conflicts
        );
        assert_eq!(devices.used(&mut mark).0, 1, "a Query at {entries} entries");
    }
}

#[tokio::test]
async fn a_merge_is_at_most_four_queries_and_a_put_up_to_a_megabyte() {
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
        let answered = sync_v1(&devices.log, &mut backoff, &devices.key, request, received)
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
