//! Kills the server again and again while devices write and DynamoDB fails, and checks that every answered edit
//! survives.
//!
//! A test run kills it 20 times; with `COINOLIO_KILLS=1000`, a thousand times.

use crate::account::Account;
use crate::program::{Server, free_port};
use coinolio_core::json::Value;
use coinolio_local::device::{Device, DeviceError};
use coinolio_tests::faults::{Fault, Faults};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const DEVICES: usize = 4;

/// A timeout far longer than the server's start or the last syncs take.
const PATIENCE: Duration = Duration::from_secs(120);

fn kills() -> usize {
    let asked = std::env::var("COINOLIO_KILLS").ok();
    asked.map_or(20, |asked| asked.parse().unwrap())
}

/// Picks the fault of one request to DynamoDB. One request in eight fails, as it can with DynamoDB and networks.
fn fault() -> Fault {
    match rand::random_range(0..48) {
        0 => Fault::Answer(400, "ProvisionedThroughputExceededException"),
        1 => Fault::Answer(400, "ThrottlingException"),
        2 => Fault::Answer(500, "InternalServerError"),
        3 => Fault::LoseAnswer,
        4 => Fault::Cut,
        5 => Fault::CutAnswer,
        _ => Fault::Serve,
    }
}

/// A device that edits and syncs, and its results.
struct Worker {
    device: Device,
    account: Account,
    /// The base and the answer's version of each answered sync with edits.
    ///
    /// The version of the sync's own change is above the base and at most the answer's. It is exactly the answer's
    /// unless another device wrote before the sync was repeated.
    acknowledged: Vec<(u64, u64)>,
    /// The number of syncs that got no answer, `busy` or `unavailable`.
    unanswered: usize,
}

impl Worker {
    /// Edits and syncs until `stop` is set.
    async fn work(mut self, stop: Arc<AtomicBool>) -> Self {
        while !stop.load(Ordering::Relaxed) {
            self.account.edit(&mut self.device, rand::random_range(1..=3));
            self.sync().await;
        }
        self
    }

    /// Syncs once, whether or not an answer arrives. Any refusal other than `busy` and `unavailable` fails the test.
    async fn sync(&mut self) {
        let writes = !self.device.is_quiet();
        let base = self.device.version;
        match self.device.sync().await {
            Ok(answer) => {
                self.account.record(&answer);
                if writes && matches!(answer.outcome.as_str(), "accepted" | "merged") {
                    self.acknowledged.push((base, answer.version));
                }
            }
            Err(DeviceError::Refused { status, body }) if status == 409 || status == 503 => {
                assert!(
                    body.contains(r#""busy""#) || body.contains(r#""unavailable""#),
                    "{body}"
                );
                self.unanswered += 1;
            }
            Err(DeviceError::Transport(_)) => {
                self.unanswered += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{}: {error}", self.device.id),
        }
    }

    async fn sync_until_quiet(&mut self) {
        self.sync().await;
        while !self.device.is_quiet() {
            self.sync().await;
        }
    }
}

/// Reads the whole history from the server: each version with its device and time.
async fn history(server: &Server) -> BTreeMap<u64, (String, String)> {
    let mut changes = BTreeMap::new();
    let mut before = String::new();
    loop {
        let path = format!("/api/v2/portfolios/shared/history?limit=100{before}");
        let (status, body) = server.get(&path).await;
        if status == 503 {
            continue;
        }
        assert_eq!(status, 200, "{body}");
        let page: serde_json::Value = serde_json::from_str(&body).unwrap();
        let page = page["changes"].as_array().unwrap();
        for change in page {
            let text = |name: &str| change[name].as_str().unwrap_or_default().to_owned();
            let version = change["version"].as_u64().unwrap();
            changes.insert(version, (text("device_id"), text("at")));
        }
        match changes.keys().next() {
            Some(first) if !page.is_empty() && *first > 1 => before = format!("&before={first}"),
            _ => return changes,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_survives_while_the_server_is_killed_and_dynamodb_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (api, dynamodb) = (free_port(), free_port());
    let proxy = Faults::start(&format!("http://127.0.0.1:{dynamodb}"), |_, _| fault()).await;
    let (api, dynamodb) = (api.to_string(), dynamodb.to_string());
    let data = folder.path().to_str().unwrap();
    let start = || {
        Server::start_on(
            &api,
            &dynamodb,
            &["--dynamodb-endpoint", &proxy, "--data", data, "--log", "json"],
        )
    };
    let mut server = start();
    let stop = Arc::new(AtomicBool::new(false));
    let working = (0..DEVICES).map(|number| {
        let device = Device::new(&format!("device-{number}"), &server.api, &server.token, "shared").unwrap();
        let worker = Worker {
            device,
            account: Account::default(),
            acknowledged: Vec::new(),
            unanswered: 0,
        };
        tokio::spawn(worker.work(Arc::clone(&stop)))
    });
    let working: Vec<_> = working.collect();
    for _ in 0..kills() {
        tokio::time::sleep(Duration::from_millis(rand::random_range(20..250))).await;
        server.program.signal("KILL");
        server.program.wait();
        server = start();
    }
    stop.store(true, Ordering::Relaxed);
    let mut workers = Vec::new();
    for task in working {
        workers.push(tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap());
    }
    for _ in 0..2 {
        for worker in &mut workers {
            tokio::time::timeout(PATIENCE, worker.sync_until_quiet()).await.unwrap();
        }
    }

    let head = workers[0].device.version;
    let document = workers[0].device.document.clone();
    let mut account = Account::default();
    let (mut acknowledged, mut unanswered) = (0, 0);
    let history = history(&server).await;
    for worker in workers {
        let device = &worker.device;
        assert_eq!((device.version, &device.document), (head, &document), "{}", device.id);
        for (base, version) in &worker.acknowledged {
            let mut since = history.range(base + 1..=*version);
            let found = since.any(|(_, (by, _))| *by == device.id);
            assert!(
                found,
                "{} was answered with {version}, but the history has none of its changes since {base}",
                device.id
            );
        }
        acknowledged += worker.acknowledged.len();
        unanswered += worker.unanswered;
        account.join(worker.account);
    }
    account.assert_every_edit(&document);
    // The versions have no gap, and their times grow strictly.
    assert!(history.keys().copied().eq(1..=head), "{:?} to {head}", history.keys());
    let times: Vec<_> = history.values().map(|(_, time)| time).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    let (status, body) = served(&server).await;
    assert_eq!((status, &body), (200, &document));
    server.stop();
    // Enough syncs were answered, and some were not: otherwise the checks above would prove little.
    assert!(
        acknowledged * 4 >= kills() && unanswered > 0,
        "{acknowledged} syncs were answered, {unanswered} were not"
    );
}

/// Fetches the document from the server, and repeats the request while DynamoDB is unavailable.
async fn served(server: &Server) -> (u16, Value) {
    loop {
        let (status, body) = server.get("/api/v2/portfolios/shared").await;
        if status != 503 {
            let body = coinolio_core::json::read(body.as_bytes()).unwrap();
            return (status, body.as_object().unwrap()["document"].clone());
        }
    }
}
