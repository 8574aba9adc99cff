//! Passes generated stored items to the decoder: directly as bytes, and in the table of a portfolio that is then
//! read and written.
//!
//! Bytes either fail to decode with an error, or survive another round of encoding and decoding. No item may make a
//! handler fail with a server error other than 503, which does not blame the client.
#![no_main]

use arbitrary::Arbitrary;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use coinolio_core::log::{Patch, Snapshot, SnapshotDraft};
use coinolio_fuzz::on_service;
use coinolio_tests::dynamodb::TABLE;
use coinolio_tests::service::{Call, Service};
use libfuzzer_sys::fuzz_target;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Arbitrary, Debug)]
enum Input {
    Patch(Vec<u8>),
    Snapshot(u64, Vec<u8>),
    /// Changes to a portfolio's items (item, attribute, new value), and the requests that follow.
    Items(Vec<(u8, u8, Attribute)>, Vec<u8>),
}

#[derive(Arbitrary, Debug)]
enum Attribute {
    Removed,
    Text(String),
    Number(i64),
    Binary(Vec<u8>),
    Flag(bool),
    Null,
    List(Vec<i8>),
    Map(String),
    /// The attribute's bytes or text with one byte changed.
    Flipped(u16, u8),
    /// The value of another attribute.
    Copied(u8),
}

static ITEMS: LazyLock<Vec<(&str, Item)>> = LazyLock::new(|| on_service(items));
static USERS: AtomicU64 = AtomicU64::new(0);

/// Requests that read the items or write on top of them.
const EVENTS: [&str; 17] = [
    "v1-list",
    "v1-read",
    "v1-sync-status",
    "v2-devices",
    "v2-device",
    "v2-read",
    "v2-read-version",
    "v2-history",
    "v2-compare",
    "v2-sync-status",
    "v2-keep-mine",
    "v2-restore",
    "v1-sync",
    "v2-sync",
    "v2-sync-all",
    "v2-describe-device",
    "v1-delete",
];

/// Texts that a user chooses. Their length is checked when they arrive; stored texts are shown as they are.
const WORDS: [&str; 3] = ["name", "platform", "app_version"];

type Item = HashMap<String, AttributeValue>;

fn names(item: &Item) -> Vec<String> {
    let mut names: Vec<_> = item
        .keys()
        .filter(|name| !matches!(name.as_str(), "pk" | "sk"))
        .cloned()
        .collect();
    names.sort();
    names
}

impl Attribute {
    fn put(&self, item: &mut Item, name: String) {
        let value = match self {
            Self::Removed => {
                item.remove(&name);
                return;
            }
            Self::Text(text) if WORDS.contains(&&*name) && !(1..=64).contains(&text.chars().count()) => return,
            Self::Text(text) => AttributeValue::S(text.clone()),
            Self::Number(number) => AttributeValue::N(number.to_string()),
            Self::Binary(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
            Self::Flag(flag) => AttributeValue::Bool(*flag),
            Self::Null => AttributeValue::Null(true),
            Self::List(numbers) => {
                AttributeValue::L(numbers.iter().map(|n| AttributeValue::N(n.to_string())).collect())
            }
            Self::Map(text) => AttributeValue::M(HashMap::from([("a".to_owned(), AttributeValue::S(text.clone()))])),
            Self::Flipped(at, mask) => match item.get(&name) {
                Some(AttributeValue::B(blob)) if !blob.as_ref().is_empty() => {
                    let mut bytes = blob.as_ref().to_vec();
                    let at = usize::from(*at) % bytes.len();
                    bytes[at] ^= mask;
                    AttributeValue::B(Blob::new(bytes))
                }
                Some(AttributeValue::S(text)) if !text.is_empty() => {
                    let at = usize::from(*at) % text.len();
                    let flip = |(index, char)| if index == at { char::from(*mask) } else { char };
                    AttributeValue::S(text.chars().enumerate().map(flip).collect())
                }
                _ => return,
            },
            Self::Copied(from) => {
                let names = names(item);
                match item.get(&names[usize::from(*from) % names.len()]) {
                    Some(value) => value.clone(),
                    None => return,
                }
            }
        };
        item.insert(name, value);
    }
}

/// Returns the items of a user who has gone through part of the scenario, each with the part of its partition key
/// that follows the user.
async fn items(service: &Service) -> Vec<(&'static str, Item)> {
    for event in [
        "v1-create",
        "v2-describe-device",
        "v1-replace",
        "v2-sync-gzip",
        "v1-sync",
        "v2-sync-tablet",
    ] {
        let answered = service.call(Call::of(event).by("user")).await;
        assert!(answered.status < 400, "{event}: {}", answered.text);
    }
    let mut items = Vec::new();
    for partition in ["", "#PORTFOLIO#main"] {
        let query = service.dynamo.client.query().table_name(TABLE);
        let query = query.key_condition_expression("pk = :pk");
        let found = query
            .expression_attribute_values(":pk", AttributeValue::S(format!("USER#user{partition}")))
            .send()
            .await;
        let found = found.expect("the items can be queried").items.unwrap_or_default();
        items.extend(found.into_iter().map(|item| (partition, item)));
    }
    assert!(items.len() <= 25, "one request cannot write {} items", items.len());
    items
}

/// Writes the items to the table; returns false if DynamoDB itself refuses one of them.
async fn put(service: &Service, items: Vec<Item>) -> bool {
    let puts = items.into_iter().map(|item| {
        let put = PutRequest::builder().set_item(Some(item)).build();
        WriteRequest::builder().put_request(put.expect("an item")).build()
    });
    let write = service.dynamo.client.batch_write_item();
    let written = write.request_items(TABLE, puts.collect()).send().await;
    written.is_ok_and(|written| written.unprocessed_items.unwrap_or_default().is_empty())
}

async fn modified(service: &Service, items: &[(&str, Item)], edits: &[(u8, u8, Attribute)], requests: &[u8]) {
    let user = format!("user-{}", USERS.fetch_add(1, Ordering::Relaxed));
    let of_user = |(partition, item): &(&str, Item)| {
        let mut item = item.clone();
        item.insert("pk".to_owned(), AttributeValue::S(format!("USER#{user}{partition}")));
        item
    };
    let mut items: Vec<Item> = items.iter().map(of_user).collect();
    let count = items.len();
    for (item, attribute, value) in edits.iter().take(4) {
        let item = &mut items[usize::from(*item) % count];
        let names = names(item);
        if !names.is_empty() {
            value.put(item, names[usize::from(*attribute) % names.len()].clone());
        }
    }
    if !put(service, items).await {
        return;
    }
    for request in requests.iter().take(4) {
        let event = EVENTS[usize::from(*request) % EVENTS.len()];
        let answered = service.call(Call::of(event).by(&user)).await;
        assert!(
            answered.status < 500 || answered.status == 503,
            "{event}: {}",
            answered.text
        );
    }
}

/// Returns the draft that is stored as `snapshot`.
fn draft_of(snapshot: &Snapshot) -> SnapshotDraft {
    let mark = snapshot.mark;
    SnapshotDraft {
        version: mark.version,
        document_bytes: mark.document_bytes,
        at_patch_bytes: mark.at_patch_bytes,
        at_stored_bytes: mark.at_stored_bytes,
        document: snapshot.document.clone(),
    }
}

fuzz_target!(|input: Input| {
    match &input {
        Input::Patch(bytes) => {
            if let Ok(patch) = Patch::decode(bytes) {
                assert_eq!(Patch::decode(&patch.encode()).as_ref(), Ok(&patch));
            }
        }
        Input::Snapshot(version, bytes) => {
            if let Ok(snapshot) = Snapshot::decode(*version, bytes, 0) {
                let again = Snapshot::decode(*version, &draft_of(&snapshot).encode(), 0);
                assert_eq!(again.as_ref(), Ok(&snapshot), "a snapshot must survive another round");
            }
        }
        Input::Items(edits, requests) => {
            let items = &*ITEMS;
            on_service(async |service| modified(service, items, edits, requests).await);
        }
    }
});
