//! Checks a change: its effect on the document, and its conflicts.

use super::answer::member;
use super::basis::{Ground, Knowledge, Own, knowledge, with_base, without_base};
use super::undo::undone;
use super::{Archive, Asked, Call, Ledger, Record, Sent};
use crate::edit::MIXED;
use crate::model::{Marks, find, marks, rounded, seen, seen_in_opaque, shown, text};
use crate::violation::{Law, Violation, check};
use coinolio_core::algebra::{Conflict, Rule, Side, Token, Winner};
use coinolio_core::id::DeviceId;
use coinolio_core::json::Value;
use coinolio_core::log::Draft;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The ranks that the user gave to devices.
pub(crate) type KnownRanks = BTreeMap<DeviceId, u8>;

/// Records a change that the log has acknowledged, and checks the change against the request that made it.
pub(crate) fn appended(
    archive: &mut Archive,
    ledger: &mut Ledger,
    ranks: &KnownRanks,
    call: &Call,
    draft: &Draft,
) -> Result<(), Violation> {
    let before = archive.document();
    one_effect(archive, call, draft)?;
    archive.append(call, draft)?;
    let Some(record) = archive.head() else {
        return Ok(());
    };
    let change = &record.change;
    let count = u64::try_from(record.patch.conflicts.len()).unwrap_or_default();
    check(change.conflicts == count, Law::TrueConflict, || {
        format!(
            "version {} says it has {} conflicts, but has {count}",
            change.version, change.conflicts
        )
    })?;
    for edit in &record.patch.edits {
        check(edit.at.millis() <= call.received, Law::TrueConflict, || {
            format!(
                "version {} has an edit with a time later than its arrival",
                change.version
            )
        })?;
    }
    let mut reported = Marks::new();
    for conflict in &record.patch.conflicts {
        for side in [&conflict.client, &conflict.server] {
            reported.extend(side.value.iter().flat_map(marks));
        }
    }
    let gone = marks(&before).difference(&record.marks).copied().collect::<Marks>();
    match call.asked.sent() {
        Some(sent) => {
            let known = knowledge(archive, call, sent);
            let with = || with_base(archive, call, sent, record).filter(|_| !sent.counts_blindly());
            let grounds = match known {
                Knowledge::Known => vec![with()],
                Knowledge::Unknown => vec![Some(without_base(call, sent))],
                // While retention is removing the base, the sync may have been merged with or without it.
                Knowledge::Either => vec![with(), Some(without_base(call, sent))],
            };
            let mut judged = Ok(());
            for ground in grounds.into_iter().flatten() {
                let judge = Judge {
                    call,
                    sent,
                    record,
                    before: &before,
                    ground,
                    is_certain: known != Knowledge::Either,
                    archive,
                };
                judged = judge.change(ranks, &gone, &reported, ledger);
                if judged.is_ok() {
                    break;
                }
            }
            judged?;
            // A v1 phone that edits an opaque list rounds all numbers in the list, and the exact numbers are not
            // recoverable.
            let rounded = match sent.sync_id {
                Some(_) => Marks::new(),
                None => seen_in_opaque(&record.document),
            };
            if !sent.counts_blindly() {
                let is_missing = |mark: &&u32| {
                    !rounded.contains(mark)
                        && !reported.contains(mark)
                        && !ledger.was_removed_by(call.device.as_ref(), **mark)
                };
                let missing: Vec<_> = gone.iter().filter(is_missing).collect();
                check(missing.is_empty(), Law::NoLoss, || {
                    format!(
                        "version {} removes {missing:?}, which its device had not seen",
                        change.version
                    )
                })?;
            }
            ledger.undo(gone.intersection(&rounded).copied());
        }
        None => {
            undone(archive, call, record, &before)?;
            ledger.undo(gone.into_iter());
        }
    }
    Ok(())
}

/// Checks that a repeated sync or keep-mine makes no second change, as long as its first change is retained.
fn one_effect(archive: &Archive, call: &Call, draft: &Draft) -> Result<(), Violation> {
    let is_twin = |record: &&Record| match call.asked {
        Asked::SyncV2(_) | Asked::KeepMine(..) => record.change.sync_id == draft.sync_id,
        Asked::SyncV1(_) => record.change.device_id == call.device && record.request == call.request,
        _ => false,
    };
    let mut retained = archive.retained();
    let twin = retained.find(is_twin).map_or(0, |twin| twin.change.version);
    check(twin == 0, Law::OneEffect, || {
        format!(
            "a {} made version {twin}, and now also {}",
            call.asked.name(),
            draft.version
        )
    })
}

/// Checks law 2 of `docs/MERGE.md` for the sync's own edits: every value that the sync wrote is in the document or
/// in a conflict. `before` are the values that it had not written.
fn own_edits(record: &Record, sent: &Sent, before: &Marks, reported: &Marks) -> Result<(), Violation> {
    let after = seen(&sent.document);
    let version = record.change.version;
    let missing: Vec<_> = after
        .difference(before)
        .filter(|mark| !record.marks.contains(mark) && !reported.contains(mark))
        .collect();
    check(missing.is_empty(), Law::NoLoss, || {
        format!("version {version} does not have {missing:?}, which its device wrote")
    })?;
    Ok(())
}

/// Checks law 2 of `docs/MERGE.md` for deletions. A value that the sync deleted is gone or in a conflict. A value
/// that others deleted stays deleted or is in a conflict. `server` is the server's document before the sync.
fn deletions(record: &Record, sent: &Sent, base: &Value, server: &Value, reported: &Marks) -> Result<(), Violation> {
    let documents = [base, &sent.document, server, &record.document];
    let changes_kind = documents
        .iter()
        .any(|document| matches!(member(document, MIXED), Some(Value::List(_))));
    let without = |document: &Value| match document {
        // A merge treats a list of another kind as empty, so elements that were removed from the list come back.
        // Ignore the list.
        Value::Object(members) if changes_kind => {
            let others = members.iter().filter(|(name, _)| &***name != MIXED);
            Value::Object(others.map(|(name, member)| (name.clone(), member.clone())).collect())
        }
        document => document.clone(),
    };
    let (before, after) = (seen(&without(base)), seen(&without(&sent.document)));
    // Marks in the server's document count even if a phone has rounded them, because the rounded numbers can be
    // restored. In the result, a rounded number does not count, because it is not the deleted value.
    let (server, made) = (seen(&without(server)), marks(&without(&record.document)));
    let version = record.change.version;
    let stays = |mark: &&u32| made.contains(mark) && !reported.contains(mark);
    let remaining: Vec<_> = before.difference(&after).filter(stays).collect();
    check(remaining.is_empty(), Law::Deletion, || {
        format!("version {version} still has {remaining:?}, which its device deleted")
    })?;
    if sent.base_expired {
        // Without a base, a `set` at a path without a current value is accepted with everything that its value
        // contains.
        return Ok(());
    }
    let is_back = |mark: &&u32| !reported.contains(mark) && (before.contains(mark) || !after.contains(mark));
    let back: Vec<_> = made.difference(&server).filter(is_back).collect();
    check(back.is_empty(), Law::Deletion, || {
        format!("version {version} brings back {back:?}, which others deleted")
    })
}

struct Judge<'a> {
    call: &'a Call,
    sent: &'a Sent,
    record: &'a Record,
    before: &'a Arc<Value>,
    ground: Ground<'a>,
    /// False if the service may also have understood the sync in another way.
    is_certain: bool,
    archive: &'a Archive,
}

impl Judge<'_> {
    /// Returns true if the device considers the values equal. A v1 device is a JavaScript client, so it compares
    /// rounded numbers.
    fn alike(&self, one: Option<&Value>, other: Option<&Value>) -> bool {
        match self.sent.sync_id {
            Some(_) => one == other,
            None => one.map(rounded) == other.map(rounded),
        }
    }

    fn change(&self, ranks: &KnownRanks, gone: &Marks, reported: &Marks, ledger: &Ledger) -> Result<(), Violation> {
        for conflict in &self.record.patch.conflicts {
            self.conflict(conflict, ranks)?;
        }
        let (sent, version) = (self.sent, self.record.change.version);
        if sent.counts_blindly() {
            return Ok(());
        }
        if let (Own::Unanswered, Some(base), Some(answered)) =
            (self.ground.own, self.ground.base.as_deref(), self.ground.answered)
        {
            let (base, answered) = (marks(base), marks(answered));
            let unheard = |mark: &&u32| gone.contains(mark) && !reported.contains(mark);
            let unheard: Vec<_> = base.difference(&answered).filter(unheard).collect();
            check(unheard.is_empty(), Law::NoLoss, || {
                format!("version {version} removes {unheard:?}, which an unanswered sync of its device wrote")
            })?;
        }
        // The edits of an unanswered sync were judged with it, and others may have replaced them since.
        let edited = match (self.ground.own, self.ground.base.as_deref()) {
            (Own::Unanswered, Some(base)) => seen(base).union(&seen(&sent.before)).copied().collect(),
            _ => seen(&sent.before),
        };
        own_edits(self.record, sent, &edited, reported)?;
        let base = match (&self.ground.base, sent.base_expired) {
            (Some(base), _) => base,
            (None, true) => &sent.before,
            (None, false) => return Ok(()),
        };
        if self.is_certain && !ledger.lists_renamed {
            deletions(self.record, sent, base, self.before, reported)?;
        }
        Ok(())
    }

    /// Returns true if a change of `device` altered something at, in or around `path`.
    fn wrote(&self, device: &DeviceId, path: &[Token]) -> bool {
        let touches = |record: &&Record| {
            record.patch.edits.iter().any(|edit| {
                let tokens = edit.op.path().tokens();
                tokens.starts_with(path) || path.starts_with(tokens)
            })
        };
        let mut records = self.archive.records().iter();
        let earlier = |record: &&Record| record.change.version < self.record.change.version;
        let by_device = |record: &&Record| record.change.device_id.as_ref() == Some(device);
        records.any(|record| earlier(&record) && by_device(&record) && touches(&record))
    }

    fn conflict(&self, conflict: &Conflict, ranks: &KnownRanks) -> Result<(), Violation> {
        let path = conflict.path.tokens();
        let version = self.record.change.version;
        let is_true = |holds: bool, problem: &str| {
            check(holds, Law::TrueConflict, || {
                let side = |side: &Side| side.value.as_ref().map_or("nothing".to_owned(), text);
                format!(
                    "version {version} at {}: {problem} (client {}, server {})",
                    shown(path),
                    side(&conflict.client),
                    side(&conflict.server)
                )
            })
        };
        let (client, server) = (&conflict.client, &conflict.server);
        let is_conflict = if self.sent.counts_blindly() {
            client.value != server.value
        } else {
            !self.alike(client.value.as_ref(), server.value.as_ref())
        };
        is_true(is_conflict, "both sides have the same value")?;
        is_true(
            client.device_id == self.call.device,
            "the client's value has the wrong author",
        )?;
        let is_own = server.device_id == self.call.device;
        is_true(
            !is_own || self.ground.own != Own::None,
            "the server's value is the device's own edit",
        )?;
        is_true(
            server.device_id.as_ref().is_none_or(|device| self.wrote(device, path)),
            "the server's value has an author who never wrote there",
        )?;
        is_true(
            find(self.before, path) == server.value.as_ref(),
            "the server's document had another value",
        )?;
        if !self.sent.base_expired {
            is_true(
                self.alike(find(&self.sent.document, path), client.value.as_ref()),
                "the client's document had another value",
            )?;
        }
        if let Some(base) = self.ground.base.as_deref().map(|base| find(base, path)) {
            is_true(!self.alike(base, client.value.as_ref()), "the client changed nothing")?;
            // An unanswered change of the device is in the base, but its value is recorded if the sync replaces it.
            let is_unanswered = is_own && self.ground.own == Own::Unanswered;
            is_true(
                is_unanswered == (base == server.value.as_ref()),
                "the server changed nothing",
            )?;
        }
        let times = &self.ground.times;
        let (time, other) = (client.modified_at.millis(), server.modified_at.millis());
        if is_own && self.ground.own == Own::Unanswered {
            is_true(
                times.iter().any(|edited| time == other.max(*edited)),
                "the client's edit has the wrong time",
            )?;
        } else {
            is_true(times.contains(&time), "the client's edit has the wrong time")?;
        }
        let rank = |side: &Side| side.device_id.as_ref().and_then(|device| ranks.get(device));
        let decided = match (rank(client), rank(server)) {
            _ if is_own && self.ground.own == Own::Unanswered => (true, Rule::Newest),
            (Some(client), Some(server)) if client != server => (client > server, Rule::DeviceRank),
            _ if client.modified_at != server.modified_at => (client.modified_at > server.modified_at, Rule::Newest),
            _ => (false, Rule::ServerPreference),
        };
        is_true(
            (conflict.winner == Winner::Client, conflict.rule) == decided,
            "the rules decide differently",
        )?;
        let stands = match conflict.winner {
            Winner::Client => &client.value,
            Winner::Server => &server.value,
        };
        is_true(
            find(&self.record.document, path) == stands.as_ref(),
            "the document does not have the winning value",
        )
    }
}
