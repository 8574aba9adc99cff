//! What the service must know about a sync: the version that the sync is based on, the device's own unanswered changes
//! since, and the times of the edits. It is written from docs/PROTOCOL.md.

use super::{Archive, Call, Naming, Record, Sent};
use crate::model;
use coinolio_core::json::Value;
use coinolio_core::log::{Kind, Version};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// How much older than a version a v1 client's time may be, if the client names the version by its number alone.
const CLOCK_ERROR: i64 = 300_000;

/// The time of an edit that is older than everything: the start of the year 0.
const EARLIEST: i64 = -62_167_219_200_000;

/// Whether the log has a sync's base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// It has the base.
    Known,
    /// It does not have the base, or cannot tell whether it has.
    Unknown,
    /// Retention removed the base during the request, or the client's numbers may equal those of another version.
    Either,
}

/// Returns whether the log has the base of `sent`.
pub(super) fn knowledge(archive: &Archive, call: &Call, sent: &Sent) -> Knowledge {
    if sent.base_expired {
        return Knowledge::Unknown;
    }
    if sent.base == 0 {
        return match (sent.naming, &sent.sync_id) {
            (Naming::Blind, _) => Knowledge::Either,
            (_, Some(_)) => Knowledge::Known,
            (_, None) => Knowledge::Unknown,
        };
    }
    let is_made = archive.find(sent.base).is_some_and(|record| !record.is_removed);
    let is_stable = archive.is_stable(sent.base);
    match sent.naming {
        // The change that made the version must still be there to compare its time.
        Naming::Time | Naming::CountedTime => match (sent.base <= call.retained_from, is_made && is_stable) {
            (_, true) => Knowledge::Known,
            (true, _) if sent.naming == Naming::Time => Knowledge::Unknown,
            _ => Knowledge::Either,
        },
        Naming::OwnClock if is_made && is_too_old(archive, sent) => Knowledge::Unknown,
        Naming::OwnClock if is_too_old(archive, sent) => Knowledge::Either,
        Naming::Number | Naming::OwnClock => match (sent.base < call.retained_from, is_stable) {
            (_, true) => Knowledge::Known,
            (true, _) => Knowledge::Unknown,
            _ => Knowledge::Either,
        },
        Naming::Blind => Knowledge::Either,
    }
}

/// Returns true if a client last synced before its base was made, by its own clock.
fn is_too_old(archive: &Archive, sent: &Sent) -> bool {
    let made = archive
        .find(sent.base)
        .map(|record| record.change.last_sync_at.millis());
    made.zip(sent.said)
        .is_some_and(|(made, said)| said < made - CLOCK_ERROR)
}

/// What the device's own changes since the base are to its sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// There are none, so no value of the device's own can be in conflict.
    None,
    /// They are unanswered and count into the base. Where the sync replaces their values, it wins.
    Unanswered,
    /// They are concurrent, as those of another device.
    Concurrent,
}

/// One way in which the service may understand a sync.
pub(super) struct Ground<'a> {
    /// The base's document with the unanswered changes, if the base is known.
    pub(super) base: Option<Cow<'a, Value>>,
    /// The base's document without the unanswered changes.
    pub(super) answered: Option<&'a Value>,
    pub(super) own: Own,
    /// The effective times that the edits may have.
    pub(super) times: BTreeSet<i64>,
}

/// Returns the ground of a sync whose base is known. `record` is the change that it made.
pub(super) fn with_base<'a>(archive: &'a Archive, call: &Call, sent: &'a Sent, record: &Record) -> Option<Ground<'a>> {
    let answered = match sent.base {
        0 => &sent.before,
        base => &*archive.find(base)?.document,
    };
    let since = archive.after(sent.base).iter();
    let since = since.filter(|other| other.change.version < record.change.version);
    let own: Vec<&Record> = since.filter(|other| is_sync_of(other, call)).collect();
    let mut ground = Ground {
        base: Some(Cow::Borrowed(answered)),
        answered: Some(answered),
        own: Own::Concurrent,
        times: sent.times.clone(),
    };
    if own.is_empty() {
        ground.own = Own::None;
    }
    if sent.sync_id.is_none() {
        // A time that is exactly a version's is an echo, and says nothing about the edits.
        let edited = match (sent.naming, sent.said) {
            (Naming::OwnClock, Some(said)) => said.min(call.received),
            _ => call.received,
        };
        ground.times = BTreeSet::from([edited]);
        let is_newer = own.iter().any(|other| other.base > sent.base);
        let unanswered: Vec<_> = own.iter().filter(|other| other.base == sent.base).collect();
        if !is_newer && !unanswered.is_empty() {
            let mut document = answered.clone();
            for other in unanswered {
                model::apply_all(&mut document, other.patch.edits.iter().map(|edit| &edit.op));
            }
            ground.base = Some(Cow::Owned(document));
            ground.own = Own::Unanswered;
        }
    }
    Some(ground)
}

/// Returns the ground of a sync whose base is unknown.
pub(super) fn without_base<'a>(call: &Call, sent: &Sent) -> Ground<'a> {
    let mut times = sent.times.clone();
    if sent.sync_id.is_none() {
        times = BTreeSet::from([sent.said.map_or(EARLIEST, |said| said.min(call.received))]);
        if sent.naming == Naming::Blind {
            times.insert(call.received);
        }
    }
    Ground {
        base: None,
        answered: None,
        own: Own::Concurrent,
        times,
    }
}

fn is_sync_of(record: &Record, call: &Call) -> bool {
    matches!(record.change.kind, Kind::Created | Kind::Synced) && record.change.device_id == call.device
}

/// Returns the base that a change must name; `None` if either is right.
pub(super) fn stored_base(knowledge: Knowledge, sent: &Sent) -> Option<Version> {
    match knowledge {
        Knowledge::Known => Some(sent.base),
        Knowledge::Unknown if !sent.base_expired => Some(0),
        Knowledge::Unknown | Knowledge::Either => None,
    }
}
