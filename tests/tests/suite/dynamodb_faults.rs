//! The store when DynamoDB fails, and when stored items have been altered.

use crate::conformance::samples::{
    append, bare, create, entry, key, made, noise, noisy_patch, small_patch, snapshot, synced, value,
};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_aws::config::emulator_client;
use coinolio_aws::dynamodb::{DynamoLog, Meter};
use coinolio_core::algebra::{Op, Path, Token};
use coinolio_core::devices::Sighting;
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::PortfolioKey;
use coinolio_core::store::{Appended, ChangeLog, Devices, Directory, Snapshots, StoreError};
use coinolio_core::time::Timestamp;
use coinolio_core::{Code, Error};
use coinolio_tests::dynamodb::{Dynamo, TABLE};
use coinolio_tests::faults::Fault;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

type Item = HashMap<String, AttributeValue>;

const PK: &str = "USER#u#PORTFOLIO#p";
const CHANGE: &str = "CHANGE#00000000000000000001";

fn p() -> PortfolioKey {
    key("u", "p")
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: &str) -> AttributeValue {
    AttributeValue::N(value.to_owned())
}

fn binary(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

async fn items_below(dynamo: &Dynamo, prefix: &str) -> Vec<Item> {
    items_of(dynamo, PK, prefix).await
}

async fn items_of(dynamo: &Dynamo, partition: &str, prefix: &str) -> Vec<Item> {
    let mut pages = dynamo
        .client
        .query()
        .table_name(TABLE)
        .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
        .expression_attribute_values(":pk", text(partition))
        .expression_attribute_values(":sk", text(prefix))
        .into_paginator()
        .items()
        .send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.unwrap());
    }
    items
}

async fn put(dynamo: &Dynamo, item: Item) {
    dynamo
        .client
        .put_item()
        .table_name(TABLE)
        .set_item(Some(item))
        .send()
        .await
        .unwrap();
}

async fn delete(dynamo: &Dynamo, item: &Item) {
    let delete = dynamo.client.delete_item().table_name(TABLE);
    let delete = delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
    delete.send().await.unwrap();
}

/// Asserts that `error` names the item at `sk`, and that its code blames the service and not the client.
fn assert_names(error: StoreError, sk: &str, case: &str) {
    match &error {
        StoreError::Corrupt { item, .. } => assert_eq!(*item, format!("{PK} {sk}"), "{case}"),
        other => panic!("{case}: {other}"),
    }
    assert_eq!(Error::from(error).code, Code::Unavailable);
}

#[tokio::test]
async fn an_altered_change_is_an_error_that_names_it_and_is_never_read_as_another_change() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    create(&log, &p()).await;
    append(&log, &p(), &synced(1, 2, small_patch())).await;
    let whole = items_below(&dynamo, CHANGE).await.remove(0);
    let mut flipped = whole["patch"].as_b().unwrap().as_ref().to_vec();
    flipped[40] ^= 1;
    let alterations = [
        ("format", Some(number("2"))),
        ("format", None),
        ("version", Some(text("2"))),
        ("version", Some(number("1"))),
        ("version", Some(number("-3"))),
        ("version", Some(number("2.5"))),
        ("version", Some(number("9007199254740992"))),
        ("parent", Some(number("0"))),
        ("kind", Some(text("renamed"))),
        ("at", None),
        ("device", Some(text("a device"))),
        ("sync", Some(number("1"))),
        ("print", Some(binary(vec![1; 31]))),
        ("id", Some(text("../../x"))),
        ("snap", None),
        ("snap_bytes", None),
        ("snap_at", None),
        ("patch_bytes", None),
        ("stored_bytes", None),
        ("stored_bytes", Some(number("-1"))),
        ("patch", Some(binary(flipped))),
        (
            "patch",
            Some(binary(Vec::from("{\"format\":1,\"edits\":[],\"conflicts\":[]}"))),
        ),
        ("patch", None),
        ("sum", None),
        ("size", Some(number("100"))),
        ("size", Some(number("99999999999999"))),
    ];
    for (name, altered) in alterations {
        let case = format!("{name} = {altered:?}");
        let mut item = whole.clone();
        item.remove(name);
        item.extend(altered.map(|value| (name.to_owned(), value)));
        if name == "id" {
            // The id matters only if the patch is stored apart, in chunks that the id names.
            item.insert("apart".to_owned(), AttributeValue::Bool(true));
        }
        put(&dynamo, item).await;
        assert_names(log.since(&p(), 0).await.unwrap_err(), CHANGE, &case);
        assert_names(log.newest(&p(), 1).await.unwrap_err(), CHANGE, &case);
        if name != "version" || case.contains("Some") {
            let lost = log.append(&p(), &synced(1, 2, small_patch())).await;
            assert_names(lost.unwrap_err(), CHANGE, &case);
        }
    }
    put(&dynamo, whole).await;
    assert_eq!(log.since(&p(), 0).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_patch_of_a_newer_format_is_refused_although_its_checksum_matches() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    create(&log, &p()).await;
    let stored = br#"{"format":2,"edits":[],"conflicts":[]}"#.to_vec();
    append(&log, &p(), &synced(1, 2, small_patch())).await;
    let mut item = items_below(&dynamo, CHANGE).await.remove(0);
    item.insert("sum".to_owned(), binary(Sha256::digest(&stored).to_vec()));
    item.insert("patch".to_owned(), binary(stored));
    put(&dynamo, item).await;
    let error = log.since(&p(), 0).await.unwrap_err();
    assert!(error.to_string().contains("format 2 is newer"), "{error}");
    assert_names(error, CHANGE, "newer patch");
}

#[tokio::test]
async fn a_big_patch_with_a_missing_or_altered_chunk_is_an_error_that_names_it() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    create(&log, &p()).await;
    let new = synced(1, 2, noisy_patch(1_200_000, 1));
    append(&log, &p(), &new).await;
    let head = log.newest(&p(), 1).await.unwrap().remove(0);
    assert_eq!((head.patch.clone(), bare(&head)), (None, made(&new)));
    let chunks = items_below(&dynamo, "PATCH#").await;
    assert!(chunks.len() >= 3, "{} chunks", chunks.len());
    for chunk in &chunks {
        let sk = chunk["sk"].as_s().unwrap();
        delete(&dynamo, chunk).await;
        assert_names(log.patch(&p(), &head).await.unwrap_err(), sk, "missing");
        let mut spoilt = chunk.clone();
        let mut data = chunk["data"].as_b().unwrap().as_ref().to_vec();
        data[1000] ^= 0x10;
        spoilt.insert("data".to_owned(), binary(data));
        put(&dynamo, spoilt).await;
        assert_names(log.patch(&p(), &head).await.unwrap_err(), sk, "a flipped bit");
        let mut newer = chunk.clone();
        newer.insert("format".to_owned(), number("2"));
        put(&dynamo, newer).await;
        assert_names(log.patch(&p(), &head).await.unwrap_err(), sk, "newer");
        put(&dynamo, chunk.clone()).await;
    }
    assert!(log.patch(&p(), &head).await.unwrap() == new.patch);
}

#[tokio::test]
async fn an_unreadable_snapshot_is_treated_as_absent() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    let noisy = |seed| Value::Object(Object::from([("n".into(), Value::from(&*noise(1_200_000, seed)))]));
    let older = snapshot(3, value("{\"older\":true}"));
    log.write_snapshot(&p(), &older).await.unwrap();
    let newer = snapshot(5, noisy(1));
    log.write_snapshot(&p(), &newer).await.unwrap();
    let chunks = items_below(&dynamo, "SNAPSHOT#00000000000000000005").await;
    assert!(chunks.len() >= 3, "{} chunks", chunks.len());
    let read = async || {
        let read = log.snapshot_before(&p(), 7).await.unwrap().unwrap();
        (read.mark.version, read.document)
    };
    for chunk in &chunks {
        let case = chunk["sk"].as_s().unwrap();
        delete(&dynamo, chunk).await;
        assert!(read().await == (3, older.document.clone()), "{case} is missing");
        for (name, altered) in [
            ("data", binary(chunk["data"].as_b().unwrap().as_ref()[..1000].to_vec())),
            ("sum", binary(vec![0; 32])),
            ("whole", binary(vec![0; 32])),
            ("format", number("2")),
            ("format", text("1")),
        ] {
            let mut spoilt = chunk.clone();
            spoilt.insert(name.to_owned(), altered);
            put(&dynamo, spoilt).await;
            assert!(read().await == (3, older.document.clone()), "{name} of {case}");
        }
        put(&dynamo, chunk.clone()).await;
        assert!(read().await == (5, newer.document.clone()));
    }
    for chunk in items_below(&dynamo, "SNAPSHOT#").await {
        let mut spoilt = chunk;
        spoilt.insert("count".to_owned(), number("0"));
        put(&dynamo, spoilt).await;
    }
    assert_eq!(log.snapshot_before(&p(), 7).await.unwrap(), None);
}

#[tokio::test]
async fn an_altered_directory_entry_is_an_error_that_names_it() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    create(&log, &p()).await;
    let altered = HashMap::from([
        ("pk".to_owned(), text("USER#u")),
        ("sk".to_owned(), text("PORTFOLIO#p")),
        ("format".to_owned(), number("1")),
        ("name".to_owned(), number("1")),
    ]);
    let mut marked = altered.clone();
    marked.insert("name".to_owned(), text("main"));
    marked.insert("created".to_owned(), number("1"));
    put(&dynamo, marked.clone()).await;
    assert!(log.entry(&p()).await.unwrap().is_some(), "an entry needs no mark");
    let mut ahead = marked.clone();
    ahead.insert("kept_from".to_owned(), number("9007199254740992"));
    marked.insert("snap".to_owned(), number("3"));
    for altered in [altered, ahead, marked] {
        put(&dynamo, altered).await;
        for error in [
            log.entries(&p().user).await.map(drop).unwrap_err(),
            log.entry(&p()).await.map(drop).unwrap_err(),
        ] {
            assert!(error.to_string().contains("USER#u PORTFOLIO#p"), "{error}");
        }
    }
}

#[tokio::test]
async fn an_altered_device_is_an_error_that_names_it() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    let (user, phone) = (&p().user, DeviceId::parse("phone").unwrap());
    let acknowledged = vec![(p().portfolio, 2)];
    let at = Timestamp::from_millis(1);
    assert!(log.record(user, &phone, &Sighting { at, acknowledged }).await.unwrap());
    let whole = items_of(&dynamo, "USER#u", "DEVICE#").await.remove(0);
    let acknowledgement = |version| {
        AttributeValue::M(HashMap::from([
            ("version".to_owned(), number(version)),
            ("at".to_owned(), number("1")),
        ]))
    };
    for (name, altered) in [
        ("format", number("2")),
        ("created", text("1")),
        ("last_seen", number("1.5")),
        ("name", number("1")),
        ("rank", number("101")),
        ("ack#p", number("2")),
        ("ack#p", acknowledgement("-1")),
        ("ack#p", acknowledgement("9007199254740992")),
        ("ack#no id", acknowledgement("2")),
    ] {
        let mut item = whole.clone();
        item.insert(name.to_owned(), altered);
        put(&dynamo, item).await;
        for error in [
            log.devices(user).await.map(drop).unwrap_err(),
            log.device(user, &phone).await.map(drop).unwrap_err(),
        ] {
            assert!(error.to_string().contains("USER#u DEVICE#phone"), "{name}: {error}");
        }
    }
    put(&dynamo, whole).await;
    assert_eq!(log.devices(user).await.unwrap().len(), 1);
}

#[tokio::test]
async fn throttling_and_outages_are_unavailable_after_the_sdks_retries() {
    let dynamo = Dynamo::start().await;
    create(&dynamo.log(), &p()).await;
    for (status, code) in [
        (400, "ProvisionedThroughputExceededException"),
        (400, "ThrottlingException"),
        (400, "RequestLimitExceeded"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
    ] {
        let meter = Meter::default();
        let log = dynamo.failing_log(move |_, _| Fault::Answer(status, code)).await;
        let log = log.with_meter(meter.clone());
        let errors = [
            log.since(&p(), 0).await.map(drop).unwrap_err(),
            log.append(&p(), &synced(1, 2, small_patch()))
                .await
                .map(drop)
                .unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, StoreError::Unavailable(_)), "{code}: {error}");
            assert_eq!(Error::from(error).code, Code::Unavailable);
        }
        assert!(
            meter.usage().requests >= 6,
            "{code}: each attempt counts: {:?}",
            meter.usage()
        );
    }
    assert_eq!(dynamo.log().since(&p(), 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_endpoint_without_a_listener_is_unavailable_and_a_missing_table_is_refused() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let log = DynamoLog::new(emulator_client(&format!("http://{closed}")), TABLE);
    let error = log.newest(&p(), 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let dynamo = Dynamo::start().await;
    let error = DynamoLog::new(dynamo.client, "other")
        .newest(&p(), 1)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    assert!(error.to_string().contains("ResourceNotFoundException"), "{error}");
}

#[tokio::test]
async fn a_throttled_request_succeeds_if_a_retry_does() {
    let dynamo = Dynamo::start().await;
    create(&dynamo.log(), &p()).await;
    let once = |_: &str, count| match count {
        0 => Fault::Answer(400, "ThrottlingException"),
        _ => Fault::Serve,
    };
    let log = dynamo.failing_log(once).await;
    append(&log, &p(), &synced(1, 2, small_patch())).await;
    assert_eq!(log.since(&p(), 0).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_unanswered_append_is_written_once_with_its_big_patch() {
    let dynamo = Dynamo::start().await;
    create(&dynamo.log(), &p()).await;
    for (parent, patch) in [(1, small_patch()), (2, noisy_patch(800_000, 1))] {
        let lose_first = |operation: &str, count| match (operation, count) {
            ("PutItem", 0) => Fault::LoseAnswer,
            _ => Fault::Serve,
        };
        // The SDK repeats the write and its condition fails. If the stored change is its own, that is a success.
        let log = dynamo.failing_log(lose_first).await;
        let new = synced(parent, parent + 1, patch);
        append(&log, &p(), &new).await;
        let head = dynamo.log().newest(&p(), 1).await.unwrap().remove(0);
        assert_eq!(bare(&head), made(&new));
        assert!(dynamo.log().patch(&p(), &head).await.unwrap() == new.patch);
    }
}

#[tokio::test]
async fn an_unanswered_creation_is_written_once() {
    let dynamo = Dynamo::start().await;
    let lose_first = |operation: &str, count| match (operation, count) {
        ("TransactWriteItems", 0) => Fault::LoseAnswer,
        _ => Fault::Serve,
    };
    let log = dynamo.failing_log(lose_first).await;
    let first = synced(0, 1, noisy_patch(800_000, 1));
    let created = log.create(&p(), &entry(&p(), "main"), &first).await.unwrap();
    assert_eq!(created, Appended::Written);
    let head = log.newest(&p(), 1).await.unwrap().remove(0);
    assert!(log.patch(&p(), &head).await.unwrap() == first.patch);
}

#[tokio::test]
async fn a_change_is_not_written_if_its_chunks_cannot_be_written() {
    let dynamo = Dynamo::start().await;
    create(&dynamo.log(), &p()).await;
    let no_batches = |operation: &str, _| match operation {
        "BatchWriteItem" => Fault::Answer(500, "InternalServerError"),
        _ => Fault::Serve,
    };
    let log = dynamo.failing_log(no_batches).await;
    let new = synced(1, 2, noisy_patch(800_000, 1));
    let error = log.append(&p(), &new).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(log.since(&p(), 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_portfolio_without_its_first_change_is_not_created_again() {
    let dynamo = Dynamo::start().await;
    let log = dynamo.log();
    create(&log, &p()).await;
    append(&log, &p(), &synced(1, 2, small_patch())).await;
    delete(&dynamo, &items_below(&dynamo, "CHANGE#").await[0]).await;
    let first = synced(0, 1, small_patch());
    let outcome = log.create(&p(), &entry(&p(), "x"), &first).await.unwrap();
    let Appended::Occupied(there) = outcome else {
        panic!("the portfolio was created a second time");
    };
    assert_eq!((there.parent, there.version), (1, 2));
    delete(&dynamo, &items_below(&dynamo, "CHANGE#").await[0]).await;
    let error = log.create(&p(), &entry(&p(), "x"), &first).await.unwrap_err();
    assert!(error.to_string().contains("USER#u PORTFOLIO#p"), "{error}");
}

#[tokio::test]
async fn an_error_never_contains_portfolio_data() {
    let dynamo = Dynamo::start().await;
    create(&dynamo.log(), &p()).await;
    let log = dynamo
        .failing_log(|_, _| Fault::Answer(400, "ValidationException"))
        .await;
    let mut patch = small_patch();
    let path = Path::from(vec![Token::Member("secret".into())]);
    let value = value("\"confidential\"");
    patch.edits[0].op = Op::Set {
        path,
        value,
        after: None,
    };
    let error = log.append(&p(), &synced(1, 2, patch)).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    let text = format!("{error} {error:?}");
    assert!(
        !text.contains("confidential") && text.contains("ValidationException"),
        "{text}"
    );
}
