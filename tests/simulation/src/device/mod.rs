//! A user's devices: what they hold, what they send, and what they make of an answer.

mod outbox;
mod v1;
mod v2;

use crate::edit::{Edit, Plain};
use crate::model::{Mark, Marks, mark, number_mark, rounded, seen};
use crate::oracle::{Asked, Ledger, Sent};
use crate::plan::{App, DeviceSpec};
use crate::server::{Refused, Request};
use coinolio_core::algebra::Op;
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::Version;
use coinolio_core::time::Timestamp;

/// 2026-01-01T00:00:00Z: the start of every run.
pub(crate) const START: i64 = 1_767_225_600_000;

/// A clock that is off, goes wrong and jumps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    skew: i64,
    drift: i64,
}

impl Clock {
    /// The time that the clock shows `now` milliseconds after the start.
    fn time(self, now: i64) -> i64 {
        START + now + self.skew + now * self.drift / 1_000_000
    }
}

/// A request on its way, and what the oracle is to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// The device's number for it; that of a repetition is the same.
    pub(crate) number: u64,
    pub(crate) request: Request,
    pub(crate) sent: Sent,
    /// When its edits were made and when it is sent, by the device's clock.
    pub(crate) times: Vec<i64>,
    pub(crate) sent_at: i64,
}

impl Outgoing {
    /// What the request asks for; `sent` is what the device sent.
    pub(crate) const fn asked(&self, sent: Sent) -> Asked {
        match &self.request {
            Request::Create(_) => Asked::Create(sent),
            Request::SyncV1(_) => Asked::SyncV1(sent),
            _ => Asked::SyncV2(sent),
        }
    }

    /// What was sent, for a request that arrives at `received`.
    pub(crate) fn arriving(&self, received: i64) -> Sent {
        let mut sent = self.sent.clone();
        let corrected = |time: &i64| (time + received - self.sent_at).min(received);
        sent.times = self.times.iter().map(corrected).collect();
        if sent.sync_id.is_none() {
            // A v1 client's edits have the time that it sends, uncorrected.
            sent.times = self.times.iter().map(|time| (*time).min(received)).collect();
        }
        if sent.times.is_empty() || sent.sync_id.is_some() {
            sent.times.insert(received);
        }
        sent
    }
}

/// What becomes of a request.
pub(crate) type Outcome = Result<(Value, Value), Refused>;

enum Client {
    V1(v1::Phone),
    V2(v2::Phone),
}

/// A device.
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    clock: Clock,
    client: Client,
}

/// How long the long values are, in bytes: some patches with one are kept apart from their change.
const LONG: [usize; 4] = [400, 900, 2_000, 3_600];

/// Writes values that nobody has written.
#[derive(Default)]
pub(crate) struct Pen {
    pub(crate) next: Mark,
    pub(crate) long: Mark,
}

impl Pen {
    /// A value of its own, sometimes a number where it may be one.
    fn value(&mut self, may_be_number: bool) -> Value {
        self.next += 1;
        let number = self.next;
        if may_be_number && number.is_multiple_of(3) {
            return number_mark(number);
        }
        let is_long = self.long > 0 && number.is_multiple_of(self.long);
        mark(number, if is_long { LONG[number as usize % LONG.len()] } else { 0 })
    }
}

impl Device {
    pub(crate) fn new(id: DeviceId, spec: &DeviceSpec) -> Self {
        // What nobody edits: a document that holds no scalar any more would be refused as a wipe.
        let kept = Value::Object(Object::from([("kept".into(), Value::Bool(true))]));
        let document = if spec.has_document { kept } else { Value::empty_object() };
        Self {
            clock: Clock {
                skew: spec.skew,
                drift: spec.drift,
            },
            client: if spec.app.is_v2() {
                Client::V2(v2::Phone::new(&id, spec.app == App::Outbox, &document))
            } else {
                Client::V1(v1::Phone::new(&id, spec.app, document))
            },
            id,
        }
    }

    pub(crate) fn clock_jumps(&mut self, by: i64) {
        self.clock.skew += by;
    }

    /// True for a v1 device that still waits for the answer to its last request: its requests have no id, so that it
    /// sends them one after the other.
    pub(crate) fn is_patient(&self, now: i64) -> bool {
        match &self.client {
            Client::V1(phone) => phone.is_patient(now),
            Client::V2(_) => false,
        }
    }

    pub(crate) const fn is_v1(&self) -> bool {
        matches!(self.client, Client::V1(_))
    }

    /// The document that the device shows.
    pub(crate) fn document(&self) -> &Value {
        match &self.client {
            Client::V1(phone) => &phone.document,
            Client::V2(phone) => &phone.document,
        }
    }

    /// A document as the device can hold it.
    pub(crate) fn holding(&self, document: &Value) -> Value {
        match &self.client {
            Client::V1(_) => rounded(document),
            Client::V2(_) => document.clone(),
        }
    }

    /// The version that it holds.
    pub(crate) const fn version(&self) -> Version {
        match &self.client {
            Client::V1(phone) => phone.base,
            Client::V2(phone) => phone.base_version,
        }
    }

    /// True where it has edits that it has not heard to be taken.
    pub(crate) fn has_edits(&self) -> bool {
        match &self.client {
            Client::V1(phone) => phone.document != phone.before,
            Client::V2(phone) => phone.has_edits(),
        }
    }

    /// Makes an edit, and gives its operations.
    pub(crate) fn edit(&mut self, edit: &Edit, pen: &mut Pen, now: i64, ledger: &mut Ledger) -> Vec<Op> {
        let before = seen(self.document());
        let first = pen.next + 1;
        let is_exact = !self.is_v1();
        let ops = edit.ops(self.document(), &mut |place| pen.value(is_exact && place == Plain::Yes));
        let own: Marks = (first..=pen.next).collect();
        let time = self.clock.time(now);
        match &mut self.client {
            Client::V1(phone) => phone.edit(&ops),
            Client::V2(phone) => phone.edit(&ops, time),
        }
        ledger.lists_renamed |= edit.renames();
        ledger.edited(&self.id, &before, &seen(self.document()), &own);
        ops
    }

    /// The request that the device sends now.
    pub(crate) fn request(&mut self, now: i64) -> Outgoing {
        let time = self.clock.time(now);
        match &mut self.client {
            Client::V1(phone) => phone.request(now),
            Client::V2(phone) => phone.request(time),
        }
    }

    /// True while the device still waits for the request of this number.
    pub(crate) fn awaits(&self, number: u64) -> bool {
        match &self.client {
            Client::V1(phone) => phone.awaits(number),
            Client::V2(phone) => phone.awaits(number),
        }
    }

    /// Takes an answer, with the document that it leads to, or a refusal.
    pub(crate) fn hear(&mut self, number: u64, outcome: &Outcome, now: i64, ledger: &mut Ledger) {
        if !self.awaits(number) {
            return;
        }
        let time = self.clock.time(now);
        match &mut self.client {
            Client::V1(phone) => phone.hear(outcome, time),
            Client::V2(phone) => {
                if let Some(held) = phone.hear(outcome) {
                    // What the answer brought, and the edits made meanwhile replace, the device's base held.
                    ledger.edited(&self.id, &seen(&held), &seen(&phone.document), &Marks::new());
                }
            }
        }
    }
}

/// A time as it stands in a request.
fn written(time: i64) -> Value {
    Value::from(Timestamp::from_millis(time).to_string().as_str())
}

/// A version as it stands in a request.
fn number(version: Version) -> Value {
    Value::from(i64::try_from(version).unwrap_or(i64::MAX))
}
