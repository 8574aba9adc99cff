//! A v2 device, which stores what docs/PROTOCOL.md prescribes.

use super::{Outcome, Outgoing, number, outbox, written};
use crate::model::{apply_all, difference};
use crate::oracle::{Sent, member, version};
use crate::server::Request;
use coinolio_core::Code;
use coinolio_core::algebra::Op;
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::Version;
use std::collections::BTreeSet;

/// An unanswered sync.
struct Unanswered {
    number: u64,
    sync_id: String,
    changes: Vec<(Op, i64)>,
    /// The base with these changes applied.
    document: Value,
    base_expired: bool,
}

pub(super) struct Phone {
    device: DeviceId,
    /// Whether it stores its operations in an outbox; otherwise it compares documents.
    has_outbox: bool,
    pub(super) base_version: Version,
    base: Value,
    pub(super) document: Value,
    /// The edits since the unanswered sync, or since the base. A device that compares documents uses only their
    /// times.
    edits: Vec<(Op, i64)>,
    unanswered: Option<Unanswered>,
    syncs: u64,
}

impl Phone {
    pub(super) fn new(device: &DeviceId, has_outbox: bool, document: &Value) -> Self {
        let base = Value::empty_object();
        let edits = difference(&base, document).into_iter().map(|op| (op, super::START));
        Self {
            device: device.clone(),
            has_outbox,
            base_version: 0,
            document: document.clone(),
            edits: edits.collect(),
            base,
            unanswered: None,
            syncs: 0,
        }
    }

    /// Returns the document that the edits were made on.
    fn origin(&self) -> &Value {
        self.unanswered
            .as_ref()
            .map_or(&self.base, |unanswered| &unanswered.document)
    }

    pub(super) fn has_edits(&self) -> bool {
        self.document != *self.origin() || self.unanswered.is_some()
    }

    pub(super) fn edit(&mut self, ops: &[Op], time: i64) {
        for op in ops {
            if self.has_outbox {
                outbox::add(&mut self.edits, op.clone(), time);
            } else {
                self.edits.push((op.clone(), time));
            }
        }
        if self.has_outbox {
            let mut document = self.origin().clone();
            apply_all(&mut document, self.edits.iter().map(|(op, _)| op));
            self.document = document;
        } else {
            apply_all(&mut self.document, ops);
        }
    }

    /// Returns the edits since `origin`, as they are sent.
    fn pending(&self, origin: &Value) -> Vec<(Op, i64)> {
        if self.has_outbox {
            return self.edits.clone();
        }
        let ops = difference(origin, &self.document).into_iter();
        let dated = ops.map(|op| {
            let tokens = op.path().tokens();
            let touches = |(edit, _): &&(Op, i64)| {
                let other = edit.path().tokens();
                tokens.starts_with(other) || other.starts_with(tokens)
            };
            let newest = self.edits.iter().rev().find(touches).or(self.edits.last());
            let time = newest.map_or(super::START, |(_, time)| *time);
            (op, time)
        });
        dated.collect()
    }

    /// Creates a sync of all edits.
    fn new_sync(&mut self) -> Unanswered {
        self.syncs += 1;
        let changes = self.pending(&self.base);
        let mut document = self.base.clone();
        apply_all(&mut document, changes.iter().map(|(op, _)| op));
        assert_eq!(
            document, self.document,
            "the edits must turn the base into the document"
        );
        self.edits.clear();
        Unanswered {
            number: self.syncs,
            sync_id: format!("{}-{}", self.device, self.syncs),
            changes,
            document,
            base_expired: false,
        }
    }

    pub(super) fn request(&mut self, sent_at: i64) -> Outgoing {
        let unanswered = match self.unanswered.take() {
            Some(unanswered) => unanswered,
            None => self.new_sync(),
        };
        let unanswered = self.unanswered.insert(unanswered);
        let changes = unanswered.changes.iter().map(|(op, time)| change(op, *time));
        let mut body = Object::from([
            ("device_id".into(), Value::from(self.device.as_str())),
            ("sync_id".into(), Value::from(unanswered.sync_id.as_str())),
            ("base_version".into(), number(self.base_version)),
            ("sent_at".into(), written(sent_at)),
            ("changes".into(), Value::List(changes.collect())),
        ]);
        if self.base_version == 0 {
            body.insert("name".into(), Value::from("Main"));
        }
        if unanswered.base_expired {
            body.insert("base_lost".into(), Value::Bool(true));
        }
        Outgoing {
            number: unanswered.number,
            request: Request::SyncV2(Value::Object(body)),
            sent: Sent {
                base: self.base_version,
                before: self.base.clone(),
                document: unanswered.document.clone(),
                base_expired: unanswered.base_expired,
                times: BTreeSet::new(),
                sync_id: Some(unanswered.sync_id.clone()),
                has_effect: !unanswered.changes.is_empty() || self.base_version == 0,
                counts_blindly: false,
            },
            times: unanswered.changes.iter().map(|(_, time)| *time).collect(),
            sent_at,
        }
    }

    pub(super) fn awaits(&self, number: u64) -> bool {
        self.unanswered
            .as_ref()
            .is_some_and(|unanswered| unanswered.number == number)
    }

    /// Processes the answer to the unanswered sync. Returns the device's new base, if there is one.
    pub(super) fn receive(&mut self, outcome: &Outcome) -> Option<Value> {
        let unanswered = self.unanswered.as_mut()?;
        match outcome {
            Ok((answer, replica)) => {
                let pending = if self.has_outbox {
                    self.edits.clone()
                } else {
                    let ops = difference(&unanswered.document, &self.document);
                    ops.into_iter().map(|op| (op, 0)).collect()
                };
                self.base_version = version(member(answer, "version"))?;
                self.base = replica.clone();
                self.document = replica.clone();
                apply_all(&mut self.document, pending.iter().map(|(op, _)| op));
                self.unanswered = None;
                Some(replica.clone())
            }
            Err(refused) => {
                unanswered.base_expired |= refused.code == Code::BaseExpired;
                None
            }
        }
    }
}

/// Returns the token of an element as written in a request.
fn named(name: &str, value: &Value, nth: u32) -> Value {
    let nth = (nth > 0).then(|| ("nth".into(), Value::from(i64::from(nth))));
    let name = (name.into(), value.clone());
    Value::Object(std::iter::once(name).chain(nth).collect())
}

/// Returns an operation as written in a request.
fn change(op: &Op, time: i64) -> Value {
    use coinolio_core::algebra::{Position, Token};
    let token = |token: &Token| match token {
        Token::Member(name) => Value::String(name.clone()),
        Token::Element(field, identity, nth) => named(field.as_str(), identity, *nth),
        Token::Value(value, nth) => named("value", value, *nth),
    };
    let position = |position: &Position| match position {
        Position::Front => Value::Null,
        Position::After(after) => token(after),
    };
    let (name, value, after) = match op {
        Op::Set { value, after, .. } => ("set", Some(value), after.as_ref()),
        Op::Delete { .. } => ("delete", None, None),
        Op::Move { after, .. } => ("move", None, Some(after)),
    };
    let path = op.path().tokens().iter().map(token).collect();
    let mut members = Object::from([
        ("op".into(), Value::from(name)),
        ("path".into(), Value::List(path)),
        ("modified_at".into(), written(time)),
    ]);
    members.extend(value.map(|value| ("value".into(), value.clone())));
    members.extend(after.map(|after| ("after".into(), position(after))));
    Value::Object(members)
}
