//! What a sync's answer must tell.

use super::{Archive, Call, Record, Sent};
use crate::model::{self, text};
use crate::violation::{Law, Violation, check};
use coinolio_core::algebra::Op;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::Version;

/// The document that a v2 device holds after an answer, which is held against the log.
pub(crate) fn answered_v2(archive: &Archive, call: &Call, sent: &Sent, answer: &Value) -> Result<Value, Violation> {
    let record = made(archive, call, answer)?;
    let mut held = sent.document.clone();
    match (member(answer, "changes"), member(answer, "document")) {
        (Some(Value::List(changes)), None) => {
            for change in changes {
                let op = Op::from_json(change).map_err(|error| {
                    Violation::new(Law::Rebase, format!("{} is no operation: {error}", text(change)))
                })?;
                model::apply(&mut held, op.path().tokens(), &op);
            }
        }
        (None, Some(document)) => held = document.clone(),
        _ => {
            return Err(Violation::new(
                Law::Rebase,
                "an answer has exactly one of changes and document",
            ));
        }
    }
    agrees(&held, record)?;
    told(archive, sent, record, answer)?;
    Ok(held)
}

/// The document that a v1 device holds after an answer, without the service's members; it is held against the log.
pub(crate) fn answered_v1(archive: &Archive, call: &Call, answer: &Value) -> Result<Value, Violation> {
    let record = made(archive, call, answer)?;
    let data = member(answer, "data").cloned().unwrap_or(Value::Null);
    let echo = member(&data, "metadata").and_then(|metadata| member(metadata, "base"));
    check(version(echo) == Some(record.change.version), Law::Rebase, || {
        format!(
            "the data of version {} says that it is another's",
            record.change.version
        )
    })?;
    let held = without_service_members(data);
    agrees(&held, record)?;
    // A creation and a replacement answer with the portfolio, which has no conflicts.
    if let Some(Value::List(conflicts)) = member(answer, "conflicts") {
        let own = archive.records().iter().find(|record| record.by == call.number);
        let own = own.filter(|own| own.change.version == record.change.version);
        let told = conflicts
            .iter()
            .filter(|conflict| version(member(conflict, "version")) == Some(record.change.version));
        let (told, wanted) = (told.count(), own.map_or(0, |own| own.patch.conflicts.len()));
        check(own.is_none() || told == wanted, Law::ConflictsTold, || {
            format!(
                "version {} recorded {wanted} conflicts, and its answer tells {told}",
                record.change.version
            )
        })?;
    }
    Ok(held)
}

/// A document without the members of `metadata` that are the service's.
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

/// The change that made the version of an answer: not older than the newest when the request came.
fn made<'a>(archive: &'a Archive, call: &Call, answer: &Value) -> Result<&'a Record, Violation> {
    let version = version(member(answer, "version")).unwrap_or_default();
    let Some(record) = archive.find(version) else {
        return Err(Violation::new(
            Law::Chain,
            format!("an answer is of version {version}, which never was"),
        ));
    };
    let newest = call.began_at.checked_sub(1).and_then(|at| archive.records().get(at));
    let least = newest.map_or(0, |record| record.change.version);
    check(version >= least, Law::Freshness, || {
        format!("an answer is of version {version}, and {least} was there when its request came")
    })?;
    let at = member(answer, "last_sync_at")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let wanted = record.change.last_sync_at.to_string();
    check(at.as_ref() == Some(&wanted), Law::Rebase, || {
        format!("version {version} is of {wanted}, and an answer says {at:?}")
    })?;
    Ok(record)
}

fn agrees(held: &Value, record: &Record) -> Result<(), Violation> {
    check(*held == *record.document, Law::Rebase, || {
        format!(
            "version {} is {}, and its device holds {}",
            record.change.version,
            text(&record.document),
            text(held)
        )
    })
}

/// Every conflict since the base is told, in the log's order; those that are no longer kept may be left out where
/// the base is not kept either.
fn told(archive: &Archive, sent: &Sent, record: &Record, answer: &Value) -> Result<(), Violation> {
    let of = |records: &[Record]| -> Vec<Version> {
        let up_to = records
            .iter()
            .filter(|other| other.change.version <= record.change.version);
        up_to
            .flat_map(|other| other.patch.conflicts.iter().map(|_| other.change.version))
            .collect()
    };
    let all = of(archive.after(sent.base));
    let least = of(archive.after(sent.base.max(archive.certain_from())));
    let Some(Value::List(conflicts)) = member(answer, "conflicts") else {
        return Err(Violation::new(Law::ConflictsTold, "an answer has no conflicts member"));
    };
    let told: Vec<Version> = conflicts
        .iter()
        .map(|conflict| version(member(conflict, "version")).unwrap_or_default())
        .collect();
    let may_lack = sent.base == 0 || sent.base_lost;
    let is_told = if may_lack {
        all.ends_with(&told) && told.ends_with(&least)
    } else {
        told == all
    };
    check(is_told, Law::ConflictsTold, || {
        format!(
            "an answer from {} to {} tells the conflicts of {told:?}, and {all:?} have them",
            sent.base, record.change.version
        )
    })
}

/// A member of an object.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object().and_then(|members: &Object| members.get(name))
}

/// A version in an answer.
pub(crate) fn version(value: Option<&Value>) -> Option<Version> {
    match value {
        Some(Value::Number(number)) => number.to_i64().and_then(|number| Version::try_from(number).ok()),
        _ => None,
    }
}
