//! Checks the change that an undo, a replacement or a deletion made.

use super::{Archive, Asked, Call, Record, Replacement};
use crate::model::{Marks, apply, find, marks, rounded, shown, text};
use crate::violation::{Law, Violation, check};
use coinolio_core::algebra::{Op, Path, Rule, Token, Winner};
use coinolio_core::json::Value;
use coinolio_core::log::Kind;

/// Checks the change `record` against its request, which was not a device's sync. `before` is the document that it
/// altered.
pub(super) fn undone(archive: &Archive, call: &Call, record: &Record, before: &Value) -> Result<(), Violation> {
    let version = record.change.version;
    let is_made = |holds: bool, how: &str| {
        check(holds, Law::Undo, || {
            format!(
                "version {version}, made by a {}: {how}: {}",
                call.asked.name(),
                text(&record.document)
            )
        })
    };
    match &call.asked {
        Asked::Restore(restored) => {
            let wanted = archive.find(*restored);
            let is_restored = wanted.is_some_and(|wanted| wanted.document == record.document);
            is_made(
                is_restored && record.change.kind == Kind::Restored,
                "not the restored version",
            )
        }
        Asked::KeepMine(recorded_by, index) => {
            let conflicts = archive.find(*recorded_by).map(|record| &record.patch.conflicts);
            let conflict = conflicts.and_then(|all| all.get(usize::try_from(*index).unwrap_or(usize::MAX)));
            let Some(conflict) = conflict else {
                return is_made(false, "there is no such conflict");
            };
            let (winning, losing) = match conflict.winner {
                Winner::Client => (&conflict.client.value, &conflict.server.value),
                Winner::Server => (&conflict.server.value, &conflict.client.value),
            };
            kept(
                conflict.path.tokens(),
                [winning.as_ref(), losing.as_ref()],
                record,
                before,
            )
        }
        Asked::Replace(Replacement { document, expected, .. }) => {
            is_made(
                expected.is_none_or(|expected| record.change.parent == expected),
                "not made on the expected version",
            )?;
            is_made(
                rounded(&record.document) == rounded(document),
                "not the requested document",
            )
        }
        Asked::Delete => is_made(
            record.patch.edits.is_empty() && record.change.kind == Kind::Deleted,
            "it is not an empty deletion",
        ),
        _ => is_made(false, "it must not make a version"),
    }
}

/// Checks a keep-mine at `path`, which merges `losing` into the head's value, on top of `winning`.
fn kept(path: &[Token], values: [Option<&Value>; 2], record: &Record, before: &Value) -> Result<(), Violation> {
    let [winning, losing] = values;
    let version = record.change.version;
    let is_kept = |holds: bool, how: &str| {
        check(holds, Law::Undo, || {
            format!(
                "version {version}, made by a keep-mine at {}: {how}: {} became {}",
                shown(path),
                text(before),
                text(&record.document)
            )
        })
    };
    let (was, is) = (find(before, path), find(&record.document, path));
    let is_whole = |value: Option<&Value>| !matches!(value, Some(Value::Object(_) | Value::List(_)));
    // Nothing can have been added inside a value that is not there any more, or is still the winning one.
    if is_whole(losing) || was == winning || was == losing {
        is_kept(is == losing, "not the losing value")?;
    }
    let of = |value: Option<&Value>| value.map(marks).unwrap_or_default();
    let (mine, other, now) = (of(losing), of(winning), of(is));
    let reported: Marks = record
        .patch
        .conflicts
        .iter()
        .flat_map(|conflict| of(conflict.server.value.as_ref()))
        .collect();
    is_kept(
        mine.difference(&other).all(|mark| now.contains(mark)),
        "a value is not back",
    )?;
    let mut replaced = other.difference(&mine);
    is_kept(
        replaced.all(|mark| !now.contains(mark)),
        "a value that won is still there",
    )?;
    let added: Marks = of(was).difference(&other).copied().collect();
    let stays = |mark: &u32| now.contains(mark) || reported.contains(mark);
    is_kept(added.iter().all(stays), "a value that was added since is gone unheard")?;
    for conflict in &record.patch.conflicts {
        let is_true = conflict.winner == Winner::Client
            && conflict.rule == Rule::Newest
            && (conflict.path.tokens().starts_with(path) || path.starts_with(conflict.path.tokens()))
            && find(&record.document, conflict.path.tokens()) == conflict.client.value.as_ref()
            && find(before, conflict.path.tokens()) == conflict.server.value.as_ref();
        is_kept(is_true, "a conflict is wrong")?;
    }
    let without = |document: &Value| {
        let mut document = document.clone();
        let path = path.iter().fold(Path::ROOT, |path, token| path.child(token.clone()));
        let op = Op::Delete { path };
        apply(&mut document, op.path().tokens(), &op);
        marks(&document)
    };
    let (was, is) = (without(before), without(&record.document));
    // A value of another kind on the way to the path is replaced.
    let is_same = was.difference(&is).all(|mark| reported.contains(mark)) && is.is_subset(&was);
    is_kept(is_same, "something else was altered")
}
