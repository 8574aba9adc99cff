//! Checks the answers to syncs.

use super::basis::{Knowledge, knowledge};
use super::{Archive, Asked, Call, Record, Replacement, Sent};
use crate::model::{self, text};
use crate::violation::{Law, Violation, check};
use coinolio_core::algebra::{Op, Side, Winner};
use coinolio_core::json::{Object, Value};
use coinolio_core::log::Version;

/// Checks an answer against the log, and returns the document that the v2 device has after it.
pub(crate) fn answered_v2(archive: &Archive, call: &Call, sent: &Sent, answer: &Value) -> Result<Value, Violation> {
    let record = made(archive, call, answer)?;
    let mut replica = sent.document.clone();
    match (member(answer, "changes"), member(answer, "document")) {
        (Some(Value::List(changes)), None) => {
            for change in changes {
                let op = Op::from_json(change).map_err(|error| {
                    Violation::new(Law::Rebase, format!("{} is not an operation: {error}", text(change)))
                })?;
                model::apply(&mut replica, op.path().tokens(), &op);
            }
        }
        (None, Some(document)) => replica = document.clone(),
        _ => {
            return Err(Violation::new(
                Law::Rebase,
                "an answer must have exactly one of changes and document",
            ));
        }
    }
    agrees(&replica, record)?;
    reported(archive, call, sent, record, answer)?;
    Ok(replica)
}

/// Checks an answer against the log, and returns the document that the v1 device has after it, without the
/// service's members.
pub(crate) fn answered_v1(archive: &Archive, call: &Call, answer: &Value) -> Result<Value, Violation> {
    let record = made(archive, call, answer)?;
    let data = member(answer, "data").cloned().unwrap_or(Value::Null);
    let echo = member(&data, "metadata").and_then(|metadata| member(metadata, "base"));
    check(version(echo) == Some(record.change.version), Law::Rebase, || {
        format!("the data of version {} names another version", record.change.version)
    })?;
    let replica = without_service_members(data);
    agrees(&replica, record)?;
    if let Asked::Replace(Replacement { name: Some(name), .. }) = &call.asked {
        let answered = member(answer, "name").and_then(Value::as_str);
        check(answered == Some(name), Law::Undo, || {
            format!("a replacement asked for the name {name}, but its answer says {answered:?}")
        })?;
    }
    if let Asked::SyncV1(sent) = &call.asked {
        reported(archive, call, sent, record, answer)?;
    }
    Ok(replica)
}

/// Returns a document without the members of `metadata` that belong to the service.
pub(crate) fn without_service_members(mut document: Value) -> Value {
    if let Value::Object(members) = &mut document
        && let Some(Value::Object(metadata)) = members.get_mut("metadata")
    {
        for name in ["base", "device_id", "sync_version", "timestamp"] {
            metadata.remove(name);
        }
        if metadata.is_empty() {
            members.remove("metadata");
        }
    }
    document
}

/// Returns the change that made the answer's version. The version must not be lower than the newest version at the
/// time when the request arrived.
fn made<'a>(archive: &'a Archive, call: &Call, answer: &Value) -> Result<&'a Record, Violation> {
    let version = version(member(answer, "version")).unwrap_or_default();
    let Some(record) = archive.find(version) else {
        return Err(Violation::new(
            Law::Chain,
            format!("an answer has version {version}, which never existed"),
        ));
    };
    let newest = call.began_at.checked_sub(1).and_then(|at| archive.records().get(at));
    let least = newest.map_or(0, |record| record.change.version);
    check(version >= least, Law::Freshness, || {
        format!("an answer has version {version}, but {least} existed when its request arrived")
    })?;
    let at = member(answer, "last_sync_at")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let wanted = record.change.last_sync_at.to_string();
    check(at.as_ref() == Some(&wanted), Law::Rebase, || {
        format!("version {version} was made at {wanted}, but an answer says {at:?}")
    })?;
    Ok(record)
}

fn agrees(replica: &Value, record: &Record) -> Result<(), Violation> {
    check(*replica == *record.document, Law::Rebase, || {
        format!(
            "version {} is {}, but its device has {}",
            record.change.version,
            text(&record.document),
            text(replica)
        )
    })
}

/// The most conflicts that an answer reports, and their size.
const MOST: (usize, usize) = (100, 256 * 1024);

/// Checks that the answer reports the conflicts of this sync, and those since its base in which an edit of this device
/// lost: at each path the newest, in log order, and how many it omits.
///
/// If the base is unknown or retention is removing it, older conflicts may be missing.
fn reported(archive: &Archive, call: &Call, sent: &Sent, record: &Record, answer: &Value) -> Result<(), Violation> {
    let Some(Value::List(conflicts)) = member(answer, "conflicts") else {
        return Err(Violation::new(
            Law::ConflictsReported,
            "an answer has no member `conflicts`",
        ));
    };
    let conflict_id = |conflict| (version(member(conflict, "version")), version(member(conflict, "index")));
    let listed: Vec<_> = conflicts.iter().map(conflict_id).collect();
    let omitted = version(member(answer, "conflicts_omitted")).unwrap_or_default();
    let up_to = archive.records().iter();
    let up_to: Vec<&Record> = up_to
        .filter(|other| other.change.version <= record.change.version)
        .collect();
    let is_this_sync = |other: &&&Record| {
        let is_same = |first: &Sent| match &sent.sync_id {
            Some(sync_id) => first.sync_id.as_ref() == Some(sync_id),
            None => {
                first.sync_id.is_none()
                    && first.client_version == sent.client_version
                    && first.document == sent.document
            }
        };
        other.change.device_id == call.device && other.sent.as_deref().is_some_and(is_same)
    };
    let of_sync = up_to.iter().rev().find(is_this_sync).map(|own| own.change.version);
    let stable_from = archive.stable_from();
    let cutoffs: Vec<Version> = match (knowledge(archive, call, sent), &sent.sync_id) {
        (Knowledge::Known, _) if sent.base > 0 => vec![sent.base],
        (_, Some(_)) => {
            let older = up_to.iter().map(|other| other.change.version);
            let older = older.filter(|version| *version > sent.base && *version <= stable_from);
            std::iter::once(sent.base).chain(older).collect()
        }
        // Without a base, the server does not know which conflicts the device has been told of.
        (Knowledge::Unknown, None) => vec![Version::MAX],
        (_, None) => {
            let all = up_to.iter().map(|other| other.change.version);
            all.chain([0, Version::MAX]).collect()
        }
    };
    let mut wanted = Vec::new();
    let holds = cutoffs.iter().any(|cutoff| {
        let is_removed = of_sync.is_some_and(|version| version <= stable_from);
        let all = concerning(&up_to, *cutoff, of_sync, call);
        let without = is_removed.then(|| concerning(&up_to, *cutoff, None, call));
        std::iter::once(all).chain(without).any(|(newest, count)| {
            let is_all = newest.len() <= MOST.0 && size(&newest) <= MOST.1;
            wanted = newest
                .iter()
                .map(|(other, at)| (Some(other.change.version), Some(*at)))
                .collect();
            let are_right = if is_all {
                listed == wanted
            } else {
                listed.iter().all(|one| wanted.contains(one)) && listed.is_sorted() && listed.len() <= MOST.0
            };
            are_right && listed.len() as u64 + omitted == count
        })
    });
    check(holds, Law::ConflictsReported, || {
        format!(
            "an answer from version {} to {} reports the conflicts {listed:?} and omits {omitted}, but {wanted:?} \
             concern its device",
            sent.base, record.change.version
        )
    })?;
    for conflict in conflicts {
        let of = version(member(conflict, "version")).and_then(|version| archive.find(version));
        let index = version(member(conflict, "index")).and_then(|index| usize::try_from(index).ok());
        let recorded = of.zip(index).and_then(|(of, index)| of.patch.conflicts.get(index));
        let side = |name| member(conflict, name).and_then(|side| member(side, "value"));
        let is_recorded = recorded.is_some_and(|recorded| {
            side("client") == recorded.client.value.as_ref()
                && side("server") == recorded.server.value.as_ref()
                && member(conflict, "winner").and_then(Value::as_str) == Some(recorded.winner.as_str())
        });
        check(is_recorded, Law::ConflictsReported, || {
            format!("an answer reports {}, which was not recorded", text(conflict))
        })?;
    }
    Ok(())
}

/// Returns the conflicts that concern the device of `call`, at each path the newest, in log order; and how many concern
/// it, older ones at the same path included.
fn concerning<'a>(
    records: &[&'a Record],
    base: Version,
    of_sync: Option<Version>,
    call: &Call,
) -> (Vec<(&'a Record, u64)>, u64) {
    let (mut newest, mut paths, mut count) = (Vec::new(), Vec::new(), 0);
    for record in records.iter().rev() {
        let is_of_sync = of_sync == Some(record.change.version);
        if !is_of_sync && record.change.version <= base {
            continue;
        }
        for (at, conflict) in (0..).zip(&record.patch.conflicts) {
            let loser = match conflict.winner {
                Winner::Client => &conflict.server,
                Winner::Server => &conflict.client,
            };
            if !is_of_sync && loser.device_id != call.device {
                continue;
            }
            count += 1;
            if !paths.contains(&&conflict.path) {
                paths.push(&conflict.path);
                newest.push((*record, at));
            }
        }
    }
    newest.sort_by_key(|(record, at)| (record.change.version, *at));
    (newest, count)
}

/// Returns an upper bound of the size of conflicts.
fn size(conflicts: &[(&Record, u64)]) -> usize {
    let side = |side: &Side| side.value.as_ref().map_or(0, |value| value.to_json().len());
    let of = |record: &Record, at: u64| {
        let conflict = usize::try_from(at).ok().and_then(|at| record.patch.conflicts.get(at));
        conflict.map_or(0, |conflict| side(&conflict.client) + side(&conflict.server) + 1_000)
    };
    conflicts.iter().map(|(record, at)| of(record, *at)).sum()
}

/// Returns the member `name` of `value`, if `value` is an object that has it.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object().and_then(|members: &Object| members.get(name))
}

/// Reads a version in an answer.
pub(crate) fn version(value: Option<&Value>) -> Option<Version> {
    match value {
        Some(Value::Number(number)) => number.to_i64().and_then(|number| Version::try_from(number).ok()),
        _ => None,
    }
}
