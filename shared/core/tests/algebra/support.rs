//! Documents, patches and merges from their JSON.

use coinolio_core::algebra::{Authors, Conflict, Device, Merged, Op, Path, Ranks, Side, Stamp, apply, diff, merge};
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Value, read};
use coinolio_core::time::Timestamp;
use serde::Serialize;

pub(crate) fn json(text: &str) -> Value {
    read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn text(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap()
}

pub(crate) fn op(text: &str) -> Op {
    Op::from_json(&json(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn ops(text: &str) -> Vec<Op> {
    let Value::List(list) = json(text) else {
        panic!("{text} is no list")
    };
    list.iter()
        .map(|op| Op::from_json(op).unwrap_or_else(|error| panic!("{text}: {error}")))
        .collect()
}

pub(crate) fn path(text: &str) -> Path {
    Path::from_json(&json(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn patched<'a>(document: &Value, ops: impl IntoIterator<Item = &'a Op>) -> Value {
    let mut document = document.clone();
    apply(&mut document, ops);
    document
}

pub(crate) fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).unwrap()
}

pub(crate) fn ms(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// What no recorded change altered: nobody's, and long ago.
pub(crate) fn unknown() -> Stamp {
    Stamp {
        device_id: None,
        at: ms(-1_000),
    }
}

/// One operation of a side's history.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) op: Op,
    pub(crate) device: Option<DeviceId>,
    pub(crate) at: Timestamp,
}

/// A document, and how it came to be what it is.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    pub(crate) document: Value,
    pub(crate) authors: Authors,
    pub(crate) steps: Vec<Step>,
}

impl Copy {
    pub(crate) fn of(base: &Value) -> Self {
        Self {
            document: base.clone(),
            authors: Authors::new(unknown()),
            steps: Vec::new(),
        }
    }

    /// One change: operations with their effective times.
    pub(crate) fn change(&mut self, device: Option<&DeviceId>, edits: &[(Op, Timestamp)]) {
        let timed = edits.iter().map(|(op, at)| (op, *at));
        self.authors.record(&mut self.document, device, timed);
        self.steps.extend(edits.iter().map(|(op, at)| Step {
            op: op.clone(),
            device: device.cloned(),
            at: *at,
        }));
    }

    /// One change that makes `to` of the document, all of it at one time.
    pub(crate) fn become_at(mut self, to: &Value, by: &str, at: i64) -> Self {
        let edits: Vec<_> = diff(&self.document, to).into_iter().map(|op| (op, ms(at))).collect();
        self.change(Some(&device(by)), &edits);
        assert_eq!(self.document, *to, "recording applies");
        // Where only the notation of a number differs, nothing was recorded.
        self.document = to.clone();
        self
    }

    pub(crate) fn device(&self) -> Device<'_> {
        Device {
            document: &self.document,
            authors: &self.authors,
        }
    }
}

/// The server's change is the tablet's, the client is the phone; no device has a rank.
pub(crate) fn merge_at(base: &Value, server: (&Value, i64), client: (&Value, i64)) -> Merged {
    let server = Copy::of(base).become_at(server.0, "tablet", server.1);
    let client = Copy::of(base).become_at(client.0, "phone", client.1);
    let own = device("phone");
    merge(base, server.device(), client.device(), Some(&own), &Ranks::new())
}

/// As [`merge_at`], of JSON texts, with the client's edits the newer ones.
pub(crate) fn merge_texts(base: &str, server: &str, client: &str) -> Merged {
    merge_at(&json(base), (&json(server), 1), (&json(client), 2))
}

fn side(side: &Side) -> String {
    side.value.as_ref().map_or_else(|| "deleted".into(), text)
}

/// `["path"] client=… server=…: winner, rule`.
pub(crate) fn line(conflict: &Conflict) -> String {
    format!(
        "{} client={} server={}: {}, {}",
        text(&conflict.path),
        side(&conflict.client),
        side(&conflict.server),
        conflict.winner.as_str(),
        conflict.rule.as_str()
    )
}

pub(crate) fn lines(conflicts: &[Conflict]) -> Vec<String> {
    conflicts.iter().map(line).collect()
}

/// The value with the lists whose order is no part of a law in one order.
///
/// A merged list may turn opaque where both sides gave elements the same second identity, so every list
/// of objects is sorted, whatever its kind.
pub(crate) fn unordered(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(members.iter().map(|(k, v)| (k.clone(), unordered(v))).collect()),
        Value::List(elements) => {
            let mut elements: Vec<_> = elements.iter().map(unordered).collect();
            let sortable = elements.iter().all(|e| matches!(e, Value::Object(_)))
                || elements.iter().all(|e| matches!(e, Value::String(_)));
            if sortable {
                elements.sort_by_cached_key(sort_key);
            }
            Value::List(elements)
        }
        other => other.clone(),
    }
}

/// The same for equal values, whatever their numbers' notation.
fn sort_key(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{:?}", number.to_f64() + 0.0),
        Value::List(elements) => format!("[{}]", elements.iter().map(sort_key).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let members: Vec<_> = members.iter().map(|(k, v)| format!("{k:?}:{}", sort_key(v))).collect();
            format!("{{{}}}", members.join(","))
        }
        other => text(other),
    }
}
