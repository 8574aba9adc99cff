//! Building documents, patches and merges from JSON.

use coinolio_core::algebra::{Authored, Authors, Conflict, Merged, Op, Path, Ranks, Side, Stamp, apply, diff, merge};
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
        panic!("{text} is not a list")
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

/// The stamp of values that no recorded change altered: no author, and long ago.
pub(crate) fn unknown() -> Stamp {
    Stamp {
        device_id: None,
        at: ms(-1_000),
    }
}

/// One operation of a history.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The number of the change that the operation is part of.
    pub(crate) change: usize,
    pub(crate) op: Op,
    pub(crate) device: Option<DeviceId>,
    pub(crate) at: Timestamp,
}

/// A document and the operations that led to it.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) document: Value,
    pub(crate) authors: Authors,
    pub(crate) steps: Vec<Step>,
}

impl History {
    pub(crate) fn of(base: &Value) -> Self {
        Self {
            document: base.clone(),
            authors: Authors::new(unknown()),
            steps: Vec::new(),
        }
    }

    /// Records a change: operations with their effective times.
    pub(crate) fn change(&mut self, device: Option<&DeviceId>, edits: &[(Op, Timestamp)]) {
        let timed = edits.iter().map(|(op, at)| (op, *at));
        self.authors.record(&mut self.document, device, timed);
        let change = self.steps.last().map_or(0, |step| step.change + 1);
        self.steps.extend(edits.iter().map(|(op, at)| Step {
            change,
            op: op.clone(),
            device: device.cloned(),
            at: *at,
        }));
    }

    /// Records one change that turns the document into `to`, with the same time for all operations.
    pub(crate) fn become_at(mut self, to: &Value, by: &str, at: i64) -> Self {
        let edits: Vec<_> = diff(&self.document, to).into_iter().map(|op| (op, ms(at))).collect();
        self.change(Some(&device(by)), &edits);
        assert_eq!(self.document, *to, "recording applies the operations");
        // If only the notation of a number differs, there was nothing to record.
        self.document = to.clone();
        self
    }

    pub(crate) fn authored(&self) -> Authored<'_> {
        Authored {
            document: &self.document,
            authors: &self.authors,
        }
    }
}

/// Merges a change of the tablet on the server with a change of the phone, the client; no device has a rank.
pub(crate) fn merge_at(base: &Value, server: (&Value, i64), client: (&Value, i64)) -> Merged {
    let server = History::of(base).become_at(server.0, "tablet", server.1);
    let client = History::of(base).become_at(client.0, "phone", client.1);
    let own = device("phone");
    merge(base, server.authored(), client.authored(), Some(&own), &Ranks::new())
}

/// Merges JSON texts as [`merge_at`] does; the client's edits are newer.
pub(crate) fn merge_texts(base: &str, server: &str, client: &str) -> Merged {
    merge_at(&json(base), (&json(server), 1), (&json(client), 2))
}

fn side(side: &Side) -> String {
    side.value.as_ref().map_or_else(|| "deleted".into(), text)
}

/// Shows a conflict as `["path"] client=… server=…: winner, rule`.
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

/// Sorts the lists of a value whose order does not matter to a law.
///
/// A merged list may become opaque if both sides gave elements the same second identity, so lists of objects are sorted
/// whatever their kind.
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

/// Returns the same key for equal values, whatever the notation of their numbers.
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
