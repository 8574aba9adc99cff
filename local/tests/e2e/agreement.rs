//! Many devices at once (the issue's figures that are tests).

use coinolio_core::json::Value;
use coinolio_local::device::{Answer, Device, DeviceError};
use coinolio_local::server::{Options, Server};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Far longer than any of this takes: what needs it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Syncs, again and again while the server is busy; any other refusal fails the test, 5xx above all.
async fn sync(device: &mut Device) -> Answer {
    loop {
        match device.sync().await {
            Ok(answer) => return answer,
            Err(DeviceError::Refused { status, body }) if status == 409 && body.contains(r#""busy""#) => {
                let pause = rand::random_range(5..50);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            Err(error) => panic!("{}: {error}", device.id),
        }
    }
}

async fn devices(server: &Server, portfolio: &str, count: usize) -> Vec<Device> {
    let token = server.token("ann").unwrap();
    let new = |number| Device::new(&format!("device-{number}"), &server.url(), &token, portfolio).unwrap();
    (0..count).map(new).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_32_devices_that_edit_32_assets_at_once_every_edit_survives() {
    let server = Server::start(&Options::default()).await.unwrap();
    let mut devices = devices(&server, "shared", 32).await;
    devices[0].set(&["assets", "btc", "amount"], "1".into());
    sync(&mut devices[0]).await;
    for device in &mut devices[1..] {
        sync(device).await;
        assert_eq!(device.version, 1);
    }
    let racing = devices.into_iter().enumerate().map(|(number, mut device)| {
        tokio::spawn(async move {
            device.set(&["assets", &format!("coin-{number}"), "amount"], "7".into());
            sync(&mut device).await;
            device
        })
    });
    let racing: Vec<_> = racing.collect();
    let mut raced = Vec::new();
    for task in racing {
        raced.push(tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap());
    }
    let (document, version) = raced[0].servers().await.unwrap();
    let assets = document.as_object().unwrap()["assets"].as_object().unwrap();
    assert_eq!(assets.len(), 33, "32 of 32 edits and the first asset");
    assert_eq!(version, 33, "each edit is one version");
    for mut device in raced {
        sync(&mut device).await;
        assert_eq!(device.document, document);
    }
    server.stop().await;
}

/// An edit of the test below and what was shown in its place when it was made.
struct Made {
    value: String,
    over: Option<String>,
}

/// Makes 25 syncs of random edits to ten fields; some answers are lost, some edits made meanwhile.
async fn busy_day(device: &mut Device, conflicts: &mut HashMap<Vec<u8>, Value>) -> Vec<Made> {
    let mut made = Vec::new();
    for round in 0..25 {
        for number in 0..rand::random_range(1..=3) {
            let field = format!("field-{}", rand::random_range(0..10));
            let path = ["fields", field.as_str()];
            let value = format!("{} {round}.{number}", device.id);
            let over = device.get(&path).and_then(Value::as_str).map(str::to_owned);
            device.set(&path, value.as_str().into());
            made.push(Made { value, over });
        }
        if rand::random_bool(0.1) {
            match device.sync_and_lose_the_answer().await {
                Ok(()) | Err(DeviceError::Refused { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        } else {
            keep(&sync(device).await, conflicts);
        }
    }
    made
}

fn keep(answer: &Answer, conflicts: &mut HashMap<Vec<u8>, Value>) {
    for conflict in &answer.conflicts {
        conflicts.insert(conflict.to_json(), conflict.clone());
    }
}

fn loser(conflict: &Value) -> String {
    let conflict = conflict.as_object().unwrap();
    let side = if conflict["winner"].as_str() == Some("client") {
        "server"
    } else {
        "client"
    };
    conflict[side].as_object().unwrap()["value"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_8_devices_with_25_syncs_to_the_same_ten_fields_every_edit_is_accounted_for() {
    let server = Server::start(&Options::default()).await.unwrap();
    let days = devices(&server, "shared", 8).await.into_iter().map(|mut device| {
        tokio::spawn(async move {
            let mut conflicts = HashMap::new();
            let made = busy_day(&mut device, &mut conflicts).await;
            (device, made, conflicts)
        })
    });
    let days: Vec<_> = days.collect();
    let (mut devices, mut made, mut conflicts) = (Vec::new(), Vec::new(), HashMap::new());
    for day in days {
        let (device, edits, records) = tokio::time::timeout(PATIENCE, day).await.unwrap().unwrap();
        devices.push(device);
        made.extend(edits);
        conflicts.extend(records);
    }
    // Until quiet: what is unanswered or unsent first, then everybody hears of everything.
    for _ in 0..2 {
        for device in &mut devices {
            keep(&sync(device).await, &mut conflicts);
            while !device.is_settled() {
                keep(&sync(device).await, &mut conflicts);
            }
        }
    }

    let (document, version) = devices[0].servers().await.unwrap();
    for device in &devices {
        assert_eq!(
            (&device.document, device.version),
            (&document, version),
            "{}",
            device.id
        );
    }
    let fields = document.as_object().unwrap()["fields"].as_object().unwrap();
    let standing: HashSet<_> = fields.values().filter_map(Value::as_str).collect();
    // Who edits a field sees what it held: that value is replaced knowingly and not lost.
    let replaced: HashSet<_> = made.iter().filter_map(|edit| edit.over.as_deref()).collect();
    let mut lost: HashMap<String, usize> = HashMap::new();
    for conflict in conflicts.values() {
        *lost.entry(loser(conflict)).or_default() += 1;
    }
    for edit in &made {
        let value = edit.value.as_str();
        let records = lost.get(value).copied().unwrap_or(0);
        let stands = standing.contains(value);
        assert!(records <= 1, "{value} lost {records} times");
        assert!(!(stands && records == 1), "{value} stands and is said to have lost");
        assert!(stands || records == 1 || replaced.contains(value), "{value} is gone");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_status_answers_at_1_8_32_and_128_connections() {
    let server = Server::start(&Options::default()).await.unwrap();
    let mut phone = devices(&server, "shared", 1).await.remove(0);
    phone.set(&["a"], "1".into());
    sync(&mut phone).await;
    let url = format!(
        "{}/api/v2/portfolios/shared/sync-status?base_version=1&device_id=tablet",
        server.url()
    );
    let token = server.token("ann").unwrap();
    for connections in [1, 8, 32, 128] {
        let asking = (0..connections).map(|_| {
            let (url, token) = (url.clone(), token.clone());
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                for _ in 0..5 {
                    let response = client.get(&url).bearer_auth(&token).send().await.unwrap();
                    assert_eq!(response.status(), 200);
                    let status: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
                    assert_eq!(status["needs_sync"], false);
                }
            })
        });
        for task in asking.collect::<Vec<_>>() {
            tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
        }
    }
    server.stop().await;
}
