//! Many devices at once.

use crate::account::Account;
use coinolio_local::device::{Answer, Device, DeviceError};
use coinolio_local::server::{Options, Server};
use std::time::Duration;

/// A timeout far longer than any step takes; a test that reaches it has hung.
const PATIENCE: Duration = Duration::from_secs(120);

/// Syncs, and repeats the sync while the server is busy. Any other refusal fails the test, 5xx above all.
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
async fn every_edit_survives_when_32_devices_edit_32_assets_at_once() {
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
    let (document, version) = raced[0].fetch().await.unwrap();
    let assets = document.as_object().unwrap()["assets"].as_object().unwrap();
    assert_eq!(assets.len(), 33, "the first asset and 32 edits must be in the document");
    assert_eq!(version, 33, "each edit must make one version");
    for mut device in raced {
        sync(&mut device).await;
        assert_eq!(device.document, document);
    }
    server.stop().await;
}

/// Makes 25 syncs of random edits to ten fields. About one sync in ten stays unanswered while edits go on.
async fn busy_day(device: &mut Device, account: &mut Account) {
    for _ in 0..25 {
        account.edit(device, rand::random_range(1..=3));
        if rand::random_bool(0.1) {
            match device.sync_and_drop_the_answer().await {
                Ok(()) | Err(DeviceError::Refused { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        } else {
            account.record(&sync(device).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_edit_is_accounted_for_when_8_devices_sync_the_same_ten_fields_25_times() {
    let server = Server::start(&Options::default()).await.unwrap();
    let days = devices(&server, "shared", 8).await.into_iter().map(|mut device| {
        tokio::spawn(async move {
            let mut account = Account::default();
            busy_day(&mut device, &mut account).await;
            (device, account)
        })
    });
    let days: Vec<_> = days.collect();
    let (mut devices, mut account) = (Vec::new(), Account::default());
    for day in days {
        let (device, own) = tokio::time::timeout(PATIENCE, day).await.unwrap().unwrap();
        devices.push(device);
        account.join(own);
    }
    // The first round sends everything that is unanswered or unsent; the second brings every device up to date.
    for _ in 0..2 {
        for device in &mut devices {
            account.record(&sync(device).await);
            while !device.is_quiet() {
                account.record(&sync(device).await);
            }
        }
    }

    let (document, version) = devices[0].fetch().await.unwrap();
    for device in &devices {
        assert_eq!(
            (&device.document, device.version),
            (&document, version),
            "{}",
            device.id
        );
    }
    account.assert_every_edit(&document);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_made_while_a_sync_is_unanswered_stand_and_list_the_values_they_overwrite() {
    let server = Server::start(&Options::default()).await.unwrap();
    let [mut phone, mut tablet] = <[Device; 2]>::try_from(devices(&server, "shared", 2).await)
        .ok()
        .unwrap();
    phone.set(&["settings", "hidden"], "no".into());
    phone.set(&["assets", "btc"], "1".into());
    sync(&mut phone).await;
    sync(&mut tablet).await;

    tablet.set(&["assets", "btc"], "3".into());
    sync(&mut tablet).await;
    phone.set(&["settings", "hidden"], "yes".into());
    phone.sync_and_drop_the_answer().await.unwrap();
    // Undo the unanswered edit.
    phone.set(&["settings", "hidden"], "no".into());
    phone.set(&["assets", "btc"], "2".into());
    let answer = sync(&mut phone).await;
    let replaced: Vec<_> = answer.replaced.iter().map(|op| op.path().dotted()).collect();
    assert_eq!(replaced, ["assets.btc"]);
    assert_eq!(phone.get(&["assets", "btc"]), Some(&"2".into()));
    sync(&mut phone).await;
    sync(&mut tablet).await;

    for device in [&phone, &tablet] {
        assert_eq!(device.get(&["settings", "hidden"]), Some(&"no".into()), "{}", device.id);
        assert_eq!(device.get(&["assets", "btc"]), Some(&"2".into()), "{}", device.id);
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
