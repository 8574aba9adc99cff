//! What a change may do to the document, and what its conflicts must tell.

use super::answer::member;
use super::undo::undone;
use super::{Archive, Asked, Call, Ledger, Record, Sent};
use crate::edit::MIXED;
use crate::model::{Marks, find, marks, rounded, seen, seen_in_opaque, shown, text};
use crate::violation::{Law, Violation, check};
use coinolio_core::algebra::{Conflict, Rule, Side, Winner};
use coinolio_core::id::DeviceId;
use coinolio_core::json::Value;
use coinolio_core::log::NewChange;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The ranks that the user gave to devices.
pub(crate) type KnownRanks = BTreeMap<DeviceId, u8>;

/// Takes a change that the log has acknowledged, and holds it against what its request asked for.
pub(crate) fn appended(
    archive: &mut Archive,
    ledger: &mut Ledger,
    ranks: &KnownRanks,
    call: &Call,
    new: &NewChange,
) -> Result<(), Violation> {
    let before = archive.document();
    one_effect(archive, call, new)?;
    archive.append(call, new)?;
    let Some(record) = archive.head() else {
        return Ok(());
    };
    let change = &record.change;
    let count = u64::try_from(record.patch.conflicts.len()).unwrap_or_default();
    check(change.conflicts == count, Law::TrueConflict, || {
        format!(
            "version {} counts {} conflicts and has {count}",
            change.version, change.conflicts
        )
    })?;
    for edit in &record.patch.edits {
        check(edit.at.millis() <= call.received, Law::TrueConflict, || {
            format!("version {} dates an edit later than its arrival", change.version)
        })?;
    }
    let mut told = Marks::new();
    for conflict in &record.patch.conflicts {
        for side in [&conflict.client, &conflict.server] {
            told.extend(side.value.iter().flat_map(marks));
        }
    }
    let gone = marks(&before).difference(&record.marks).copied().collect::<Marks>();
    match call.asked.sent() {
        Some(sent) => {
            let is_base_kept = match sent.sync_id {
                Some(_) => sent.base > 0 && archive.is_kept(sent.base),
                // The time that a v1 client sends back is that of its base's own change.
                None => archive.find(sent.base).is_some_and(|record| !record.is_removed),
            };
            let is_certain = is_base_kept && archive.is_certain(sent.base);
            let judge = |base| Judge {
                call,
                sent,
                record,
                before: &before,
                base,
            };
            let base = if sent.base_lost || sent.counts_blindly {
                None
            } else if sent.base == 0 && sent.sync_id.is_some() {
                Some(&sent.before)
            } else {
                let base = archive.find(sent.base).filter(|_| is_base_kept);
                base.map(|base| &*base.document)
            };
            // While retention removes a base, a sync may be the last to have it or the first that has none.
            let without = |conflict: &_| (is_base_kept && !is_certain).then(|| judge(None).conflict(conflict, ranks));
            for conflict in &record.patch.conflicts {
                let judged = judge(base).conflict(conflict, ranks);
                judged.or_else(|violation| without(conflict).unwrap_or(Err(violation)))?;
            }
            // What a phone rounds in an opaque list loses its digits for good.
            let rounded = match sent.sync_id {
                Some(_) => Marks::new(),
                None => seen_in_opaque(&record.document),
            };
            if !sent.counts_blindly {
                let is_lost = |mark: &&u32| {
                    !rounded.contains(mark) && !told.contains(mark) && !ledger.took_away(call.device.as_ref(), **mark)
                };
                let lost: Vec<_> = gone.iter().filter(is_lost).collect();
                check(lost.is_empty(), Law::NoLoss, || {
                    format!(
                        "version {} takes {lost:?} away, which its device has not seen",
                        change.version
                    )
                })?;
            }
            ledger.undo(gone.intersection(&rounded).copied());
            if !sent.counts_blindly {
                own_edits(record, sent, &told)?;
            }
            if !sent.counts_blindly && (is_certain || sent.base_lost) && !ledger.lists_renamed {
                deletions(record, sent, &before, &told)?;
            }
        }
        None => {
            undone(archive, call, record)?;
            ledger.undo(gone.into_iter());
        }
    }
    Ok(())
}

/// A sync and a keep-mine make one change, unless the one that they made is no longer kept.
fn one_effect(archive: &Archive, call: &Call, new: &NewChange) -> Result<(), Violation> {
    let is_twin = |record: &&Record| match call.asked {
        Asked::SyncV2(_) | Asked::KeepMine(..) => record.change.sync_id == new.change.sync_id,
        Asked::SyncV1(_) => record.change.device_id == call.device && record.request == call.request,
        _ => false,
    };
    let mut kept = archive.kept();
    let twin = kept.find(is_twin).map_or(0, |twin| twin.change.version);
    check(twin == 0, Law::OneEffect, || {
        format!(
            "a {} made version {twin} and now {}",
            call.asked.name(),
            new.change.version
        )
    })
}

/// Law 2 for what one sync wrote: it is in the document or in a conflict.
fn own_edits(record: &Record, sent: &Sent, told: &Marks) -> Result<(), Violation> {
    let (before, after) = (seen(&sent.before), seen(&sent.document));
    let version = record.change.version;
    let lost: Vec<_> = after
        .difference(&before)
        .filter(|mark| !record.marks.contains(mark) && !told.contains(mark))
        .collect();
    check(lost.is_empty(), Law::NoLoss, || {
        format!("version {version} has not got {lost:?}, which its device wrote")
    })?;
    Ok(())
}

/// Law 2 for deletions: what the sync took away is gone or in a conflict, and what others had taken away stays so or is
/// in one; `held` is the server's document before.
fn deletions(record: &Record, sent: &Sent, held: &Value, told: &Marks) -> Result<(), Violation> {
    let documents = [&sent.before, &sent.document, held, &record.document];
    let changes_kind = documents
        .iter()
        .any(|document| matches!(member(document, MIXED), Some(Value::List(_))));
    let without = |document: &Value| match document {
        // A list of another kind counts as empty, and what was taken out of it comes back.
        Value::Object(members) if changes_kind => {
            let others = members.iter().filter(|(name, _)| &***name != MIXED);
            Value::Object(others.map(|(name, member)| (name.clone(), member.clone())).collect())
        }
        document => document.clone(),
    };
    let (before, after) = (seen(&without(&sent.before)), seen(&without(&sent.document)));
    // A number that some phone has rounded is there as far as it can be brought back, and is not what was taken away.
    let (held, made) = (seen(&without(held)), marks(&without(&record.document)));
    let version = record.change.version;
    let stays = |mark: &&u32| made.contains(mark) && !told.contains(mark);
    let kept: Vec<_> = before.difference(&after).filter(stays).collect();
    check(kept.is_empty(), Law::Deletion, || {
        format!("version {version} still has {kept:?}, which its device took away")
    })?;
    if sent.base_lost {
        // What is set where nothing is any more is taken, with all that it holds.
        return Ok(());
    }
    let is_back = |mark: &&u32| !told.contains(mark) && (before.contains(mark) || !after.contains(mark));
    let back: Vec<_> = made.difference(&held).filter(is_back).collect();
    check(back.is_empty(), Law::Deletion, || {
        format!("version {version} brings {back:?} back, which others took away")
    })
}

struct Judge<'a> {
    call: &'a Call,
    sent: &'a Sent,
    record: &'a Record,
    before: &'a Arc<Value>,
    /// The document of the base, where it is known.
    base: Option<&'a Value>,
}

impl Judge<'_> {
    /// True where two values are the same to the device: to one of v1, a JavaScript client, as it rounds them.
    fn alike(&self, one: Option<&Value>, other: Option<&Value>) -> bool {
        match self.sent.sync_id {
            Some(_) => one == other,
            None => one.map(rounded) == other.map(rounded),
        }
    }

    fn conflict(&self, conflict: &Conflict, ranks: &KnownRanks) -> Result<(), Violation> {
        let place = conflict.path.tokens();
        let version = self.record.change.version;
        let is_true = |holds: bool, what: &str| {
            check(holds, Law::TrueConflict, || {
                let side = |side: &Side| side.value.as_ref().map_or("nothing".to_owned(), text);
                format!(
                    "version {version} at {}: {what} (client {}, server {})",
                    shown(place),
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
        is_true(is_conflict, "both sides hold the same")?;
        is_true(
            client.device_id == self.call.device,
            "the client's side has another author",
        )?;
        is_true(
            server.device_id != self.call.device,
            "a device's own edit is no conflict",
        )?;
        is_true(
            find(self.before, place) == server.value.as_ref(),
            "the server held something else",
        )?;
        if !self.sent.base_lost {
            is_true(
                self.alike(find(&self.sent.document, place), client.value.as_ref()),
                "the client held something else",
            )?;
        }
        if let Some(base) = self.base.map(|base| find(base, place)) {
            is_true(!self.alike(base, client.value.as_ref()), "the client changed nothing")?;
            is_true(base != server.value.as_ref(), "the server changed nothing")?;
        }
        is_true(
            self.sent.times.contains(&client.modified_at.millis()),
            "the client's edit has another time",
        )?;
        let rank = |side: &Side| side.device_id.as_ref().and_then(|device| ranks.get(device));
        let decided = match (rank(client), rank(server)) {
            (Some(client), Some(server)) if client != server => (client > server, Rule::DeviceRank),
            _ if client.modified_at != server.modified_at => (client.modified_at > server.modified_at, Rule::Newest),
            _ => (false, Rule::ServerPreference),
        };
        is_true(
            (conflict.winner == Winner::Client, conflict.rule) == decided,
            "the rules decide otherwise",
        )?;
        let stands = match conflict.winner {
            Winner::Client => &client.value,
            Winner::Server => &server.value,
        };
        is_true(
            find(&self.record.document, place) == stands.as_ref(),
            "the winner does not stand",
        )
    }
}
