//! Checks the answers to syncs.

use super::{Archive, Asked, Call, Record, Replacement, Sent};
use crate::model::{self, text};
use crate::violation::{Law, Violation, check};
use coinolio_core::algebra::Op;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::Version;

/// Returns the document that a v2 device has after an answer, and checks it against the log.
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
    reported(archive, sent, record, answer)?;
    Ok(replica)
}

/// Returns the document that a v1 device has after an answer, without the service's members, and checks it against
/// the log.
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
    // The answer to a creation or a replacement is the portfolio, which has no conflicts.
    if let Some(Value::List(conflicts)) = member(answer, "conflicts") {
        let own = archive.records().iter().find(|record| record.by == call.number);
        let own = own.filter(|own| own.change.version == record.change.version);
        let reported = conflicts
            .iter()
            .filter(|conflict| version(member(conflict, "version")) == Some(record.change.version));
        let (reported, wanted) = (reported.count(), own.map_or(0, |own| own.patch.conflicts.len()));
        check(own.is_none() || reported == wanted, Law::ConflictsReported, || {
            format!(
                "version {} recorded {wanted} conflicts, but its answer reports {reported}",
                record.change.version
            )
        })?;
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

/// Returns the change that made an answer's version, which must be at least the newest version when the request
/// arrived.
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

/// Checks that the answer reports every conflict since the base, in log order. If the base has expired, conflicts
/// that are no longer stored may be missing.
fn reported(archive: &Archive, sent: &Sent, record: &Record, answer: &Value) -> Result<(), Violation> {
    let of = |records: &[Record]| -> Vec<Version> {
        let up_to = records
            .iter()
            .filter(|other| other.change.version <= record.change.version);
        up_to
            .flat_map(|other| other.patch.conflicts.iter().map(|_| other.change.version))
            .collect()
    };
    let all = of(archive.after(sent.base));
    let least = of(archive.after(sent.base.max(archive.stable_from())));
    let Some(Value::List(conflicts)) = member(answer, "conflicts") else {
        return Err(Violation::new(
            Law::ConflictsReported,
            "an answer has no member `conflicts`",
        ));
    };
    let reported: Vec<Version> = conflicts
        .iter()
        .map(|conflict| version(member(conflict, "version")).unwrap_or_default())
        .collect();
    let may_lack = sent.base == 0 || sent.base_expired;
    let are_reported = if may_lack {
        all.ends_with(&reported) && reported.ends_with(&least)
    } else {
        reported == all
    };
    check(are_reported, Law::ConflictsReported, || {
        format!(
            "an answer from version {} to {} reports the conflicts of {reported:?}, but {all:?} have some",
            sent.base, record.change.version
        )
    })
}

/// Returns a member of an object.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object().and_then(|members: &Object| members.get(name))
}

/// Returns a version that an answer contains.
pub(crate) fn version(value: Option<&Value>) -> Option<Version> {
    match value {
        Some(Value::Number(number)) => number.to_i64().and_then(|number| Version::try_from(number).ok()),
        _ => None,
    }
}
