//! `/api/v2/devices`, and conflicts that device ranks decide.

use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_aws::registrar::{Registrar, Syncing};
use coinolio_aws::routes::ROUTES;
use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::store::Devices;
use coinolio_core::time::Timestamp;
use coinolio_tests::dynamodb::TABLE;
use coinolio_tests::faults::Fault;
use coinolio_tests::service::{Call, Service};
use lambda_http::http::Method;
use serde_json::{Value, json};

fn edit(device: &str, sync_id: &str, value: &str, modified_at: &str) -> Call {
    let (device, sync_id, value, at) = (json!(device), json!(sync_id), json!(value), json!(modified_at));
    Call::of("v2-sync").with(move |body| {
        body["device_id"] = device;
        body["sync_id"] = sync_id;
        body["changes"] =
            json!([{"op": "set", "path": ["assets", "btc", "amount"], "value": value, "modified_at": at}]);
    })
}

fn rank(device: &str, rank: impl Into<Value>) -> Call {
    let rank = rank.into();
    Call::of("v2-describe-device")
        .to(Method::PUT, &format!("/api/v2/devices/{device}"))
        .with(move |body| *body = json!({ "rank": rank }))
}

async fn ok(service: &Service, call: Call) -> Value {
    let answered = service.call(call).await;
    assert!((200..300).contains(&answered.status), "{}", answered.text);
    answered.json()
}

#[tokio::test]
async fn a_device_is_registered_by_its_first_sync_in_either_protocol() {
    let service = Service::with_portfolio().await;
    assert_eq!(
        ok(&service, Call::of("v2-devices")).await,
        json!({ "devices": [] }),
        "a creation is not a sync"
    );
    ok(&service, Call::of("v1-sync")).await;
    ok(&service, edit("tablet", "t-1", "2", "2025-12-31T23:59:00Z")).await;
    let pull = Call::of("v2-sync").with(|body| {
        body["device_id"] = json!("watch");
        body["changes"] = json!([]);
    });
    ok(&service, pull).await;
    let listed = ok(&service, Call::of("v2-devices")).await;
    let ids: Vec<_> = listed["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|device| &device["device_id"])
        .collect();
    assert_eq!(ids, ["phone", "tablet", "watch"]);
    for device in listed["devices"].as_array().unwrap() {
        assert_eq!(device["acknowledged"], json!({ "main": 1 }), "{device}");
        assert_eq!(device["created"], device["last_seen"], "{device}");
        assert_eq!(device["rank"], Value::Null);
    }
}

#[tokio::test]
async fn a_refused_sync_registers_no_device() {
    let service = Service::with_portfolio().await;
    let unknown = Call::of("v2-sync").with(|body| body["base_version"] = json!(9));
    service.assert_refused(unknown, 409, "base_unknown").await;
    service
        .assert_refused(Call::of("v2-sync").about("none"), 404, "not_found")
        .await;
    assert_eq!(ok(&service, Call::of("v2-devices")).await, json!({ "devices": [] }));
}

#[tokio::test]
async fn a_description_survives_syncs_until_it_is_replaced_or_its_device_is_forgotten() {
    let service = Service::with_portfolio().await;
    let made = service.call(Call::of("v2-describe-device")).await;
    assert_eq!(
        (made.status, made.header("location")),
        (201, Some("/api/v2/devices/phone"))
    );
    ok(&service, Call::of("v2-sync")).await;
    let seen = ok(&service, Call::of("v2-device")).await;
    assert_eq!((&seen["name"], &seen["rank"]), (&json!("Ada's phone"), &json!(50)));
    assert_eq!(seen["acknowledged"], json!({ "main": 1 }));
    let replaced = service.call(rank("phone", 3)).await;
    assert_eq!((replaced.status, &replaced.json()["name"]), (200, &Value::Null));
    assert_eq!(replaced.json()["last_seen"], seen["last_seen"]);
    assert_eq!(service.call(Call::of("v2-forget-device")).await.status, 204);
    service.assert_refused(Call::of("v2-device"), 404, "not_found").await;
    service
        .assert_refused(Call::of("v2-forget-device"), 404, "not_found")
        .await;
}

#[tokio::test]
async fn a_device_with_an_unreadable_item_is_refused_before_anything_is_written() {
    let service = Service::start().await;
    ok(&service, Call::of("v2-describe-device")).await;
    let whole = service.items().await.remove(0);
    let spoilt = [
        ("rank", AttributeValue::N("101".to_owned())),
        ("created", AttributeValue::S("yesterday".to_owned())),
        ("last_seen", AttributeValue::Bool(true)),
        ("ack#main", AttributeValue::N("1".to_owned())),
        ("format", AttributeValue::N("2".to_owned())),
    ];
    for (name, value) in spoilt {
        let mut item = whole.clone();
        item.insert(name.to_owned(), value);
        let put = service.dynamo.client.put_item().table_name(TABLE);
        put.set_item(Some(item)).send().await.unwrap();
        // This compares the whole table before and after.
        service.assert_refused(rank("phone", 3), 503, "unavailable").await;
        service.assert_refused(Call::of("v2-device"), 503, "unavailable").await;
    }
}

#[tokio::test]
async fn a_failed_registration_does_not_fail_the_sync() {
    let service = Service::with_portfolio().await;
    for (failing, base) in [("GetItem", 1), ("UpdateItem", 2)] {
        let fail = move |operation: &str, _: usize| match operation == failing {
            true => Fault::Answer(400, "ValidationException"),
            false => Fault::Serve,
        };
        let broken = service.on(service.dynamo.failing_log(fail).await);
        let sync_id = format!("sync-{base}");
        let sync =
            edit("tablet", &sync_id, "7", "2026-01-01T00:00:00Z").with(move |body| body["base_version"] = json!(base));
        assert_eq!(ok(&broken, sync).await["version"], base + 1, "{failing}");
        let parts = json!([{"portfolio_id": "main", "sync_id": "pull", "base_version": base + 1, "changes": []}]);
        let batch = Call::of("v2-sync-all").with(move |body| body["portfolios"] = parts);
        assert_eq!(ok(&broken, batch).await["results"][0]["status"], 200, "{failing}");
        assert_eq!(ok(&service, Call::of("v2-devices")).await, json!({ "devices": [] }));
    }
    // The next execution environment registers the device.
    ok(
        &service,
        edit("tablet", "sync-3", "8", "2026-01-01T00:00:00Z").with(|body| body["base_version"] = json!(3)),
    )
    .await;
    assert_eq!(
        ok(&service, Call::of("v2-devices")).await["devices"][0]["device_id"],
        "tablet"
    );
}

#[tokio::test]
async fn a_sighting_is_written_again_15_minutes_after_the_last_and_not_before() {
    let service = Service::start().await;
    let (log, meter) = service.dynamo.metered_log();
    let (user, device) = (UserId::parse("ann").unwrap(), DeviceId::parse("phone").unwrap());
    let portfolios = [PortfolioId::parse("main").unwrap()];
    let registrar = Registrar::default();
    let mut registered = Vec::new();
    for minutes_and_millis in [(0, 0), (1, 0), (14, 59_999), (15, 0), (29, 59_999), (30, 0)] {
        let (minutes, millis) = minutes_and_millis;
        let received = Timestamp::from_millis(1_767_225_600_000 + minutes * 60_000 + millis);
        let syncing = Syncing {
            user: &user,
            device: &device,
            received,
        };
        let before = meter.usage().write_units;
        let version = u64::try_from(minutes).unwrap();
        let shown = |(): &()| vec![(portfolios[0].clone(), Some(version))];
        registrar.beside(&log, syncing, &portfolios, async {}, shown).await;
        if meter.usage().write_units > before {
            registered.push(minutes);
            let kept = log.device(&user, &device).await.unwrap().unwrap();
            assert_eq!(kept.last_seen, Some(received));
            assert_eq!(kept.acknowledged[&portfolios[0]].version, version);
        }
    }
    assert_eq!(registered, [0, 15, 30]);
}

#[tokio::test]
async fn another_users_device_is_not_found() {
    let service = Service::start().await;
    ok(&service, Call::of("v2-describe-device")).await;
    for event in ["v2-device", "v2-forget-device"] {
        service
            .assert_refused(Call::of(event).by("eve"), 404, "not_found")
            .await;
    }
    assert_eq!(
        ok(&service, Call::of("v2-devices").by("eve")).await,
        json!({ "devices": [] })
    );
    // Eve's device with the same id is another device.
    let hers = service.call(Call::of("v2-describe-device").by("eve")).await;
    assert_eq!(hers.status, 201);
    assert_eq!(ok(&service, Call::of("v2-device")).await["rank"], 50);
}

#[tokio::test]
async fn a_bad_rank_or_description_changes_nothing() {
    let service = Service::start().await;
    ok(&service, Call::of("v2-describe-device")).await;
    for bad in [json!(101), json!(-1), json!(1.5), json!("1"), json!(true), json!([])] {
        let refused = service.assert_refused(rank("phone", bad), 400, "malformed").await;
        assert_eq!(refused.json()["detail"], "rank must be a whole number from 0 to 100");
    }
    for body in [
        "[]".to_owned(),
        "null".to_owned(),
        "1".to_owned(),
        String::new(),
        "{".to_owned(),
        json!({ "name": "" }).to_string(),
        json!({ "name": "n".repeat(201) }).to_string(),
        json!({ "platform": "p".repeat(65) }).to_string(),
        json!({ "app_version": 4 }).to_string(),
    ] {
        service
            .assert_refused(Call::of("v2-describe-device").text(body), 400, "malformed")
            .await;
    }
    let twice = Call::of("v2-describe-device").text(r#"{"rank":1,"rank":2}"#);
    service.assert_refused(twice, 422, "invalid").await;
}

#[tokio::test]
async fn a_bad_id_in_the_path_is_malformed() {
    let service = Service::start().await;
    let long = "a".repeat(65);
    let routes = ROUTES.iter().filter(|route| route.template.ends_with("{device_id}"));
    for route in routes {
        for id in [
            "a%23b", "a#b", "..%2Fb", "%2e%2e", "..", "a%20b", "%", "%ff", "%00", "é", &long,
        ] {
            let call = Call::of("v2-describe-device").to(route.method.clone(), &format!("/api/v2/devices/{id}"));
            service.assert_refused(call, 400, "malformed").await;
        }
    }
}

/// Makes a conflict: two devices edit one value. The tablet, whose edit is newer, syncs first, then the phone. Returns
/// the winner, the rule and the resulting value.
async fn conflict(service: &Service, protocol: &str) -> (Value, Value, Value) {
    ok(service, edit("tablet", "t-1", "2", "2025-12-31T23:59:59Z")).await;
    let answer = match protocol {
        "v1" => {
            let phone = Call::of("v1-sync").with(|body| {
                body["client_version"] = json!(1);
                body["last_sync_at"] = json!("2025-12-31T23:00:00.000Z");
                body["client_data"]["assets"]["btc"]["amount"] = json!("9");
            });
            ok(service, phone).await
        }
        _ => ok(service, edit("phone", "p-1", "9", "2025-12-31T23:00:00Z")).await,
    };
    let conflicts = answer["conflicts"].as_array().unwrap();
    let found = conflicts
        .iter()
        .find(|conflict| conflict["path"] == json!(["assets", "btc", "amount"]));
    let conflict = found.unwrap_or_else(|| panic!("{answer}")).clone();
    let read = ok(service, Call::of("v2-read")).await;
    (
        conflict["winner"].clone(),
        conflict["rule"].clone(),
        read["document"]["assets"]["btc"]["amount"].clone(),
    )
}

#[tokio::test]
async fn a_higher_rank_wins_over_a_newer_edit_in_either_protocol() {
    for protocol in ["v1", "v2"] {
        let service = Service::with_portfolio().await;
        ok(&service, rank("phone", 2)).await;
        ok(&service, rank("tablet", 1)).await;
        let decided = conflict(&service, protocol).await;
        assert_eq!(
            decided,
            (json!("client"), json!("device_rank"), json!("9")),
            "{protocol}"
        );
    }
}

#[tokio::test]
async fn the_newer_edit_wins_if_ranks_are_equal_or_missing() {
    let newest = (json!("server"), json!("newest"), json!("2"));
    for protocol in ["v1", "v2"] {
        for ranks in [
            &[("phone", 5), ("tablet", 5)][..],
            &[("phone", 100)],
            &[("phone", 9), ("watch", 1)],
            &[],
        ] {
            let service = Service::with_portfolio().await;
            for (device, number) in ranks {
                ok(&service, rank(device, *number)).await;
            }
            assert_eq!(conflict(&service, protocol).await, newest, "{protocol} {ranks:?}");
        }
    }
}

#[tokio::test]
async fn a_conflict_is_decided_by_the_ranks_at_the_time_of_the_sync() {
    let service = Service::with_portfolio().await;
    ok(&service, rank("phone", 1)).await;
    ok(&service, rank("tablet", 2)).await;
    ok(&service, edit("tablet", "t-1", "2", "2025-12-31T23:59:59Z")).await;
    ok(&service, rank("phone", 3)).await;
    let answer = ok(&service, edit("phone", "p-1", "9", "2025-12-31T23:00:00Z")).await;
    assert_eq!(answer["conflicts"][0]["rule"], "device_rank");
    assert_eq!(answer["conflicts"][0]["winner"], "client");
    // The decision stands: a repetition is answered from the log.
    ok(&service, rank("phone", 0)).await;
    let again = ok(&service, edit("phone", "p-1", "9", "2025-12-31T23:00:00Z")).await;
    assert_eq!(again["conflicts"], answer["conflicts"]);
}
