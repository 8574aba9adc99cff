//! Checks the effect of a change on the document, and its conflicts.

use super::answer::member;
use super::undo::undone;
use super::{Archive, Asked, Call, Ledger, Record, Sent};
use crate::edit::MIXED;
use crate::model::{Marks, find, has_namesakes, marks, rounded, seen, seen_in_opaque, shown, text};
use crate::violation::{Law, Violation, check};
use coinolio_core::algebra::{Conflict, Rule, Side, Winner};
use coinolio_core::id::DeviceId;
use coinolio_core::json::Value;
use coinolio_core::log::Draft;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The ranks that the user gave to devices.
pub(crate) type KnownRanks = BTreeMap<DeviceId, u8>;

/// Records a change that the log has acknowledged, and checks it against the request that made it.
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
            let is_base_retained = match sent.sync_id {
                Some(_) => sent.base > 0 && archive.is_retained(sent.base),
                // A v1 client names its base by the time of the change that made it, so that change must still be
                // there.
                None => archive.find(sent.base).is_some_and(|record| !record.is_removed),
            };
            let is_stable = is_base_retained && archive.is_stable(sent.base);
            let judge = |base| Judge {
                call,
                sent,
                record,
                before: &before,
                base,
            };
            let base = if sent.base_expired || sent.counts_blindly {
                None
            } else if sent.base == 0 && sent.sync_id.is_some() {
                Some(&sent.before)
            } else {
                let base = archive.find(sent.base).filter(|_| is_base_retained);
                base.map(|base| &*base.document)
            };
            // While retention is removing the base, the sync may have been merged with it or without it.
            let without =
                |conflict: &_| (is_base_retained && !is_stable).then(|| judge(None).conflict(conflict, ranks));
            for conflict in &record.patch.conflicts {
                let judged = judge(base).conflict(conflict, ranks);
                judged.or_else(|violation| without(conflict).unwrap_or(Err(violation)))?;
            }
            // When a v1 phone edits an opaque list, it rounds its numbers, and their digits are gone for good.
            let rounded = match sent.sync_id {
                Some(_) => Marks::new(),
                None => seen_in_opaque(&record.document),
            };
            if !sent.counts_blindly {
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
            if !sent.counts_blindly {
                own_edits(record, sent, &reported)?;
            }
            if !sent.counts_blindly && (is_stable || sent.base_expired) && !ledger.lists_renamed {
                deletions(record, sent, &before, &reported)?;
            }
        }
        None => {
            undone(archive, call, record)?;
            ledger.undo(gone.into_iter());
        }
    }
    Ok(())
}

/// Checks that a sync or a keep-mine makes only one change, unless the one that it made is no longer retained.
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

/// Checks law 2 for the sync's own edits: every value that it wrote is in the document or in a conflict.
fn own_edits(record: &Record, sent: &Sent, reported: &Marks) -> Result<(), Violation> {
    let (before, after) = (seen(&sent.before), seen(&sent.document));
    let version = record.change.version;
    let missing: Vec<_> = after
        .difference(&before)
        .filter(|mark| !record.marks.contains(mark) && !reported.contains(mark))
        .collect();
    check(missing.is_empty(), Law::NoLoss, || {
        format!("version {version} does not have {missing:?}, which its device wrote")
    })?;
    Ok(())
}

/// Checks law 2 for deletions: a value that the sync deleted is gone or in a conflict, and a value that others
/// deleted stays deleted or is in a conflict. `server` is the server's document before the sync.
fn deletions(record: &Record, sent: &Sent, server: &Value, reported: &Marks) -> Result<(), Violation> {
    let documents = [&sent.before, &sent.document, server, &record.document];
    let changes_kind = documents
        .iter()
        .any(|document| matches!(member(document, MIXED), Some(Value::List(_))));
    let without = |document: &Value| match document {
        // A list of another kind counts as empty, so elements removed from it come back.
        Value::Object(members) if changes_kind => {
            let others = members.iter().filter(|(name, _)| &***name != MIXED);
            Value::Object(others.map(|(name, member)| (name.clone(), member.clone())).collect())
        }
        document => document.clone(),
    };
    let (before, after) = (seen(&without(&sent.before)), seen(&without(&sent.document)));
    // A number that a phone has rounded counts as present in the server's document, because it can still be
    // restored. In the result, the rounded form does not count: it is not the deleted value.
    let (server, made) = (seen(&without(server)), marks(&without(&record.document)));
    let version = record.change.version;
    let stays = |mark: &&u32| made.contains(mark) && !reported.contains(mark);
    let remaining: Vec<_> = before.difference(&after).filter(stays).collect();
    check(remaining.is_empty(), Law::Deletion, || {
        format!("version {version} still has {remaining:?}, which its device deleted")
    })?;
    if sent.base_expired {
        // Without a base, a set of a path that is now empty is accepted with everything inside it.
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
    /// The document of the base, if it is known.
    base: Option<&'a Value>,
}

impl Judge<'_> {
    /// Returns true if the device considers the values equal. A v1 device is a JavaScript client and compares them
    /// rounded.
    fn alike(&self, one: Option<&Value>, other: Option<&Value>) -> bool {
        match self.sent.sync_id {
            Some(_) => one == other,
            None => one.map(rounded) == other.map(rounded),
        }
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
        let is_conflict = if self.sent.counts_blindly {
            client.value != server.value
        } else {
            !self.alike(client.value.as_ref(), server.value.as_ref())
        };
        is_true(is_conflict, "both sides have the same value")?;
        is_true(
            client.device_id == self.call.device,
            "the client's value has the wrong author",
        )?;
        is_true(
            server.device_id != self.call.device,
            "the server's value is the device's own edit",
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
        if let Some(base) = self.base.map(|base| find(base, path)) {
            is_true(!self.alike(base, client.value.as_ref()), "the client changed nothing")?;
            is_true(base != server.value.as_ref(), "the server changed nothing")?;
        }
        is_true(
            self.sent.times.contains(&client.modified_at.millis()),
            "the client's edit has the wrong time",
        )?;
        let rank = |side: &Side| side.device_id.as_ref().and_then(|device| ranks.get(device));
        let decided = match (rank(client), rank(server)) {
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
        // If one of several elements with the same name is gone, the others have other numbers.
        let documents = [&**self.before, &self.sent.document];
        let is_numbered = documents.iter().any(|document| has_namesakes(document, path));
        is_true(
            is_numbered || find(&self.record.document, path) == stands.as_ref(),
            "the document does not have the winning value",
        )
    }
}
