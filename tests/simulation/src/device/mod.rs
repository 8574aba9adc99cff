//! A user's devices: what they store and send, and how they process answers.

mod outbox;
mod v1;
mod v2;

use crate::edit::{Edit, Plain};
use crate::model::{Kind, Mark, Marks, mark, number_mark, rounded, seen};
use crate::oracle::{Asked, Ledger, Sent};
use crate::plan::{App, DeviceSpec};
use crate::server::{Refused, Request};
use coinolio_core::algebra::Op;
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::Version;
use coinolio_core::time::Timestamp;

/// 2026-01-01T00:00:00Z, the start of every run.
pub(crate) const START: i64 = 1_767_225_600_000;

/// A clock with an error, which also drifts and jumps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    skew: i64,
    drift: i64,
}

impl Clock {
    /// Returns the clock's time `now` milliseconds after the start.
    fn time(self, now: i64) -> i64 {
        START + now + self.skew + now * self.drift / 1_000_000
    }
}

/// A request that a device sends, with the facts that the oracle needs to check it.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// The device's number for it; a repeated request has the same number.
    pub(crate) number: u64,
    pub(crate) request: Request,
    pub(crate) sent: Sent,
    /// Times of its edits and of its sending, by the device's clock.
    pub(crate) times: Vec<i64>,
    pub(crate) sent_at: i64,
}

impl Outgoing {
    /// Returns the purpose of the request; `sent` is the contents of the sync.
    pub(crate) const fn asked(&self, sent: Sent) -> Asked {
        match &self.request {
            Request::Create(_) => Asked::Create(sent),
            Request::SyncV1(_) => Asked::SyncV1(sent),
            _ => Asked::SyncV2(sent),
        }
    }

    /// Returns the contents of the sync, with the effective times of its edits if it arrives at `received`.
    pub(crate) fn arriving(&self, received: i64) -> Sent {
        let mut sent = self.sent.clone();
        let corrected = |time: &i64| (time + received - self.sent_at).min(received);
        sent.times = self.times.iter().map(corrected).collect();
        if sent.sync_id.is_none() {
            // The edits of a v1 client are dated with the time that it sends, uncorrected.
            sent.times = self.times.iter().map(|time| (*time).min(received)).collect();
        }
        if sent.times.is_empty() || sent.sync_id.is_some() {
            sent.times.insert(received);
        }
        sent
    }
}

/// The result of a request: the answer and the document that the device has afterwards, or the refusal.
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

/// Lengths of long values, in bytes: some patches with such a value are stored apart from their change.
const LONG: [usize; 4] = [400, 900, 2_000, 3_600];

/// Generates values that no edit has written before.
#[derive(Default)]
pub(crate) struct Pen {
    pub(crate) next: Mark,
    pub(crate) long: Mark,
}

impl Pen {
    /// Returns a new value, sometimes a number if `may_be_number`.
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
        // No edit touches this member. Without it, a sync that leaves no scalar would be refused as a wipe.
        let base = Value::Object(Object::from([("untouched".into(), Value::Bool(true))]));
        let document = if spec.has_document { base } else { Value::empty_object() };
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

    /// Returns true if this is a v1 device that is still waiting for the answer to its last request: v1 requests
    /// have no id, so the device sends them one at a time.
    pub(crate) fn is_waiting(&self, now: i64) -> bool {
        match &self.client {
            Client::V1(phone) => phone.is_waiting(now),
            Client::V2(_) => false,
        }
    }

    pub(crate) const fn is_v1(&self) -> bool {
        matches!(self.client, Client::V1(_))
    }

    /// Returns the document that the device shows.
    pub(crate) fn document(&self) -> &Value {
        match &self.client {
            Client::V1(phone) => &phone.document,
            Client::V2(phone) => &phone.document,
        }
    }

    /// Returns a document as the device can represent it.
    pub(crate) fn represented(&self, document: &Value) -> Value {
        match &self.client {
            Client::V1(_) => rounded(document),
            Client::V2(_) => document.clone(),
        }
    }

    /// Returns the version that its document is based on.
    pub(crate) const fn version(&self) -> Version {
        match &self.client {
            Client::V1(phone) => phone.base,
            Client::V2(phone) => phone.base_version,
        }
    }

    /// Returns true if it has edits that the service has not confirmed yet.
    pub(crate) fn has_edits(&self) -> bool {
        match &self.client {
            Client::V1(phone) => phone.document != phone.before,
            Client::V2(phone) => phone.has_edits(),
        }
    }

    /// Makes an edit and returns its operations.
    pub(crate) fn edit(&mut self, edit: &Edit, pen: &mut Pen, now: i64, ledger: &mut Ledger) -> Vec<Op> {
        let before = seen(self.document());
        let first = pen.next + 1;
        let is_exact = !self.is_v1();
        let ops = edit.ops(self.document(), &mut |plain| pen.value(is_exact && plain == Plain::Yes));
        let own: Marks = (first..=pen.next).collect();
        let time = self.clock.time(now);
        match &mut self.client {
            Client::V1(phone) => phone.edit(&ops),
            Client::V2(phone) => phone.edit(&ops, time),
        }
        ledger.lists_renamed |= edit.renames() || has_odd_lists(self.document());
        ledger.edited(&self.id, &before, &seen(self.document()), &own);
        ops
    }

    /// Returns the request that the device sends now.
    pub(crate) fn request(&mut self, now: i64) -> Outgoing {
        let time = self.clock.time(now);
        match &mut self.client {
            Client::V1(phone) => phone.request(now),
            Client::V2(phone) => phone.request(time),
        }
    }

    /// Returns true if the device is still waiting for the answer to the request with this number.
    pub(crate) fn awaits(&self, number: u64) -> bool {
        match &self.client {
            Client::V1(phone) => phone.awaits(number),
            Client::V2(phone) => phone.awaits(number),
        }
    }

    /// Processes an answer and the document that results from it, or a refusal.
    pub(crate) fn receive(&mut self, number: u64, outcome: &Outcome, now: i64, ledger: &mut Ledger) {
        if !self.awaits(number) {
            return;
        }
        let time = self.clock.time(now);
        match &mut self.client {
            Client::V1(phone) => phone.receive(outcome, time),
            Client::V2(phone) => {
                if let Some(base) = phone.receive(outcome) {
                    // Local edits made before the answer arrived now replace some of its values. Those count as
                    // seen.
                    ledger.edited(&self.id, &seen(&base), &seen(&phone.document), &Marks::new());
                }
            }
        }
    }
}

/// Returns true if so many elements of a list have no identity that the list has another kind than usual.
fn has_odd_lists(document: &Value) -> bool {
    let Some(Value::List(transactions)) = document.as_object().and_then(|members| members.get("txs")) else {
        return false;
    };
    !matches!(Kind::of(transactions), Kind::Empty | Kind::Keyed(_))
}

/// Returns a time as written in a request.
fn written(time: i64) -> Value {
    Value::from(Timestamp::from_millis(time).to_string().as_str())
}

/// Returns a version as written in a request.
fn number(version: Version) -> Value {
    Value::from(i64::try_from(version).unwrap_or(i64::MAX))
}
