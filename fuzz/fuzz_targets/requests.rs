//! Sends generated requests and API Gateway events to the handlers, on a DynamoDB API in this process.
//!
//! Every answer must conform to `docs/openapi.yaml` and must not be a failure of the service, and the portfolio
//! must still be readable afterwards.
#![no_main]

use arbitrary::Arbitrary;
use coinolio_aws::http::{Arrival, Event, Payload};
use coinolio_fuzz::on_service;
use coinolio_tests::scenario::events;
use coinolio_tests::service::{Call, Service};
use lambda_http::Context;
use lambda_http::http::{HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Arbitrary, Debug)]
enum Input {
    /// The payload of an invocation.
    Payload(Vec<u8>),
    /// An event of `events/` with modified JSON.
    Event(u8, Vec<Tweak>),
    /// A sequence of requests.
    Requests(Vec<(u8, Vec<Change>)>),
}

#[derive(Arbitrary, Debug)]
enum Change {
    Body(Tweak),
    Text(String),
    Bytes(Vec<u8>),
    Gzipped(Vec<u8>),
    Query(String),
    Path(String),
    Id(String),
    Method(u8),
    Header(u8, String),
}

/// A modification of one value in a JSON document.
#[derive(Arbitrary, Debug)]
enum Tweak {
    Replace(u16, Scalar),
    Remove(u16),
    Rename(u16, String),
    Wrap(u16, u8),
    Copy(u16, u16),
}

#[derive(Arbitrary, Debug)]
enum Scalar {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Time(i32),
    Empty(bool),
}

const HEADERS: [&str; 7] = [
    "content-encoding",
    "accept-encoding",
    "if-match",
    "if-none-match",
    "content-type",
    "content-length",
    "authorization",
];

static EVENTS: LazyLock<Vec<String>> = LazyLock::new(|| events().into_iter().collect());
static USERS: AtomicU64 = AtomicU64::new(0);

fn event(index: u8) -> &'static str {
    &EVENTS[usize::from(index) % EVENTS.len()]
}

impl Scalar {
    fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => json!(value),
            Self::Integer(value) => json!(value),
            Self::Float(value) => json!(value),
            Self::Text(text) => json!(text),
            Self::Time(seconds) => json!(format!(
                "2026-01-{:02}T00:00:{:02}Z",
                seconds.rem_euclid(40),
                seconds.rem_euclid(70)
            )),
            Self::Empty(true) => json!({}),
            Self::Empty(false) => json!([]),
        }
    }
}

/// Collects the JSON pointers of all values in a document.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                pointers(
                    value,
                    &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                pointers(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

impl Tweak {
    fn apply(&self, document: &mut Value) {
        let mut all = Vec::new();
        pointers(document, "", &mut all);
        let pointer = |index: u16| all[usize::from(index) % all.len()].as_str();
        match self {
            Self::Replace(at, scalar) => {
                if let Some(value) = document.pointer_mut(pointer(*at)) {
                    *value = scalar.value();
                }
            }
            Self::Remove(at) | Self::Rename(at, _) => {
                let Some((parent, name)) = pointer(*at).rsplit_once('/') else {
                    return;
                };
                match document.pointer_mut(parent) {
                    Some(Value::Object(members)) => {
                        let value = members.remove(&name.replace("~1", "/").replace("~0", "~"));
                        if let (Self::Rename(_, name), Some(value)) = (self, value) {
                            members.insert(name.clone(), value);
                        }
                    }
                    Some(Value::Array(elements)) => {
                        if let Ok(index) = name.parse::<usize>() {
                            elements.remove(index);
                        }
                    }
                    _ => {}
                }
            }
            Self::Wrap(at, depth) => {
                if let Some(value) = document.pointer_mut(pointer(*at)) {
                    for _ in 0..*depth {
                        *value = json!([value.take()]);
                    }
                }
            }
            Self::Copy(from, to) => {
                let copied = document.pointer(pointer(*from)).cloned();
                if let (Some(copied), Some(value)) = (copied, document.pointer_mut(pointer(*to))) {
                    *value = copied;
                }
            }
        }
    }
}

fn changed(call: Call, change: &Change) -> Call {
    match change {
        Change::Body(tweak) => call.with_json(|body| tweak.apply(body)),
        Change::Text(text) => call.text(text),
        Change::Bytes(bytes) => call.bytes(bytes),
        Change::Gzipped(bytes) => call.gzipped(bytes),
        Change::Query(query) => call.query(query),
        Change::Path(path) => {
            let method = call.method();
            call.to(method, path)
        }
        Change::Id(id) => call.about(id),
        Change::Method(index) => {
            let methods = [
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::DELETE,
                Method::PATCH,
                Method::HEAD,
            ];
            let path = call.path();
            call.to(methods[usize::from(*index) % methods.len()].clone(), &path)
        }
        Change::Header(index, value) if HeaderValue::from_str(value).is_ok() => {
            call.header(HEADERS[usize::from(*index) % HEADERS.len()], value)
        }
        Change::Header(..) => call,
    }
}

/// Passes a payload to a function as the runtime would. A payload that is not a request is skipped.
async fn invoke(service: &Service, payload: Payload) {
    let Arrival::Event(event) = payload.arrival() else {
        return;
    };
    let method = event.request_context.http.method.clone();
    let path = event.raw_path.clone().unwrap_or_default();
    let mut context = Context::default();
    context.deadline = u64::MAX / 4;
    let event = Event::new(*event, context);
    let answer = service.handle(event).await;
    assert!(answer.status().as_u16() < 500, "{method} {path}: {}", answer.status());
}

async fn requests(service: &Service, requests: &[(u8, Vec<Change>)]) {
    let user = format!("user-{}", USERS.fetch_add(1, Ordering::Relaxed));
    let created = service.call(Call::of("v1-create").by(&user)).await;
    assert_eq!(created.status, 201);
    for (index, changes) in requests.iter().take(4) {
        let call = changes.iter().fold(Call::of(event(*index)).by(&user), changed);
        let answered = service.call(call).await;
        assert!(answered.status < 500, "{}", answered.text);
    }
    for (event, statuses) in [
        ("v1-read", &[200, 410][..]),
        ("v2-history", &[200]),
        ("v2-list", &[200]),
    ] {
        let answered = service.call(Call::of(event).by(&user)).await;
        assert!(statuses.contains(&answered.status), "{event}: {}", answered.text);
    }
}

fuzz_target!(|input: Input| {
    match &input {
        Input::Payload(bytes) => {
            if let Ok(payload) = serde_json::from_slice(bytes) {
                on_service(async |service| invoke(service, payload).await);
            }
        }
        Input::Event(index, tweaks) => {
            let mut document = Call::of(event(*index)).to_json();
            tweaks.iter().take(8).for_each(|tweak| tweak.apply(&mut document));
            if let Ok(payload) = serde_json::from_str(&document.to_string()) {
                on_service(async |service| invoke(service, payload).await);
            }
        }
        Input::Requests(list) => on_service(async |service| requests(service, list).await),
    }
});
