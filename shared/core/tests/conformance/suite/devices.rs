//! The cases that every device store must pass.

use super::samples::UUID;
use coinolio_core::devices::{Acknowledged, Device, Profile, Sighting};
use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::log::Version;
use coinolio_core::store::{Devices, RankSource};
use coinolio_core::time::Timestamp;
use std::sync::Arc;
use tokio::task::JoinSet;

suite! {
    a_user_has_no_devices_at_first
    a_description_creates_a_device_and_replaces_its_whole_profile
    a_sighting_creates_a_device_and_leaves_its_profile_unchanged
    an_acknowledged_version_never_goes_back
    the_newest_version_of_concurrent_sightings_stays
    a_forgotten_device_is_gone_with_its_rank
    devices_are_listed_by_id_and_only_for_their_own_user
    a_sighting_has_room_for_as_many_portfolios_as_a_batch
}

fn user(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

fn device(text: &str) -> DeviceId {
    DeviceId::parse(text).unwrap()
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + millis)
}

fn sighting(at: i64, versions: &[(&str, Version)]) -> Sighting {
    let acknowledged = versions.iter();
    Sighting {
        at: time(at),
        acknowledged: acknowledged
            .map(|(portfolio, version)| (PortfolioId::parse(portfolio).unwrap(), *version))
            .collect(),
    }
}

fn acknowledged(device: &Device, portfolio: &str) -> Option<(Version, Timestamp)> {
    let acknowledged = device.acknowledged.get(&PortfolioId::parse(portfolio).unwrap());
    acknowledged.map(|Acknowledged { version, at }| (*version, *at))
}

fn ranked(rank: u8) -> Profile {
    Profile {
        rank: Some(rank),
        ..Profile::default()
    }
}

async fn a_user_has_no_devices_at_first(store: impl Devices) {
    let (user, phone) = (user("u"), device("phone"));
    assert_eq!(store.devices(&user).await.unwrap(), []);
    assert_eq!(store.device(&user, &phone).await.unwrap(), None);
    assert_eq!(store.device_eventually(&user, &phone).await.unwrap(), None);
    assert!(!store.forget(&user, &phone).await.unwrap());
    assert!(store.ranks(&user).await.unwrap().is_empty());
}

async fn a_description_creates_a_device_and_replaces_its_whole_profile(store: impl Devices) {
    let (user, phone) = (user("u"), device("phone"));
    let full = Profile {
        name: Some("Größe 💰".to_owned()),
        platform: Some("ios".to_owned()),
        rank: Some(100),
        app_version: Some("4.2.0".to_owned()),
    };
    let made = store.describe(&user, &phone, &full, time(1)).await.unwrap();
    assert!(made.created);
    let mut expected = Device::new(phone.clone(), time(1));
    expected.profile = full;
    assert_eq!(made.device, expected);
    assert_eq!(store.device(&user, &phone).await.unwrap(), Some(expected.clone()));
    assert!(store.record(&user, &phone, &sighting(2, &[("main", 3)])).await.unwrap());
    let again = store.describe(&user, &phone, &ranked(0), time(9)).await.unwrap();
    assert!(!again.created);
    assert_eq!(again.device.profile, ranked(0));
    assert_eq!((again.device.created, again.device.last_seen), (time(1), Some(time(2))));
    assert_eq!(acknowledged(&again.device, "main"), Some((3, time(2))));
    assert_eq!(store.device(&user, &phone).await.unwrap(), Some(again.device));
}

async fn a_sighting_creates_a_device_and_leaves_its_profile_unchanged(store: impl Devices) {
    let (user, phone) = (user("u"), device("phone"));
    assert!(store.record(&user, &phone, &sighting(5, &[])).await.unwrap());
    let made = store.device(&user, &phone).await.unwrap().unwrap();
    assert_eq!((made.created, made.last_seen), (time(5), Some(time(5))));
    assert_eq!(made.profile, Profile::default());
    store.describe(&user, &phone, &ranked(7), time(6)).await.unwrap();
    assert!(store.record(&user, &phone, &sighting(8, &[("main", 3)])).await.unwrap());
    let seen = store.device(&user, &phone).await.unwrap().unwrap();
    assert_eq!((seen.created, seen.last_seen), (time(5), Some(time(8))));
    assert_eq!(seen.profile, ranked(7));
    assert_eq!(acknowledged(&seen, "main"), Some((3, time(8))));
}

async fn an_acknowledged_version_never_goes_back(store: impl Devices) {
    let (user, phone) = (user("u"), device("phone"));
    assert!(store.record(&user, &phone, &sighting(1, &[("main", 3)])).await.unwrap());
    let before = store.device(&user, &phone).await.unwrap();
    let older = sighting(2, &[("main", 2), ("other", 9)]);
    assert!(!store.record(&user, &phone, &older).await.unwrap());
    assert_eq!(
        store.device(&user, &phone).await.unwrap(),
        before,
        "a sighting is recorded as a whole or not at all"
    );
    assert!(
        store
            .record(&user, &phone, &sighting(3, &[("main", 3), ("other", 1)]))
            .await
            .unwrap()
    );
    let after = store.device(&user, &phone).await.unwrap().unwrap();
    assert_eq!(
        (acknowledged(&after, "main"), acknowledged(&after, "other")),
        (Some((3, time(3))), Some((1, time(3))))
    );
}

async fn the_newest_version_of_concurrent_sightings_stays(store: impl Devices + 'static) {
    let store = Arc::new(store);
    let mut writers = JoinSet::new();
    for version in 1..=16 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let seen = sighting(1, &[("main", version)]);
            store.record(&user("u"), &device("phone"), &seen).await.unwrap()
        });
    }
    assert!(writers.join_all().await.contains(&true));
    let stored = store.device(&user("u"), &device("phone")).await.unwrap().unwrap();
    assert_eq!(acknowledged(&stored, "main"), Some((16, time(1))));
}

async fn a_forgotten_device_is_gone_with_its_rank(store: impl Devices) {
    let (user, phone) = (user("u"), device("phone"));
    store.describe(&user, &phone, &ranked(9), time(1)).await.unwrap();
    assert!(store.forget(&user, &phone).await.unwrap());
    assert!(!store.forget(&user, &phone).await.unwrap());
    assert_eq!(store.device(&user, &phone).await.unwrap(), None);
    assert!(store.record(&user, &phone, &sighting(5, &[])).await.unwrap());
    let anew = store.device(&user, &phone).await.unwrap().unwrap();
    assert_eq!((anew.created, anew.profile), (time(5), Profile::default()));
}

async fn devices_are_listed_by_id_and_only_for_their_own_user(store: impl Devices) {
    for (number, id) in (0..).zip(["b", "a", "B", "a.b", "10", "9", "a-b", "_"]) {
        store
            .describe(&user("u"), &device(id), &ranked(number), time(1))
            .await
            .unwrap();
    }
    store
        .describe(&user("u2"), &device("a"), &ranked(99), time(1))
        .await
        .unwrap();
    store.record(&user("u"), &device("z"), &sighting(1, &[])).await.unwrap();
    let devices = store.devices(&user("u")).await.unwrap();
    let ids: Vec<_> = devices.iter().map(|device| device.id.as_str()).collect();
    assert_eq!(ids, ["10", "9", "B", "_", "a", "a-b", "a.b", "b", "z"]);
    let ranks = store.ranks(&user("u")).await.unwrap();
    assert_eq!((ranks.len(), ranks.get(&device("a"))), (8, Some(&1)));
    assert!(!store.forget(&user("u2"), &device("b")).await.unwrap());
    assert_eq!(store.devices(&user("u2")).await.unwrap().len(), 1);
}

async fn a_sighting_has_room_for_as_many_portfolios_as_a_batch(store: impl Devices) {
    let (user, phone) = (user("u"), device(UUID));
    let ids: Vec<String> = (0..25).map(|n| format!("{n:02}-{}", &UUID[3..])).collect();
    for version in 1..=2 {
        let all: Vec<_> = ids.iter().map(|id| (id.as_str(), version)).collect();
        assert!(store.record(&user, &phone, &sighting(1, &all)).await.unwrap());
    }
    let stored = store.device_eventually(&user, &phone).await.unwrap().unwrap();
    assert_eq!(stored.acknowledged.len(), 25);
    assert!(ids.iter().all(|id| acknowledged(&stored, id) == Some((2, time(1)))));
}
