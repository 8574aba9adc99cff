//! Checks the changes made by an undo, a replacement or a deletion.

use super::{Archive, Asked, Call, Record, Replacement};
use crate::model::{find, has_namesakes, rounded, shown, text};
use crate::violation::{Law, Violation, check};
use coinolio_core::algebra::Winner;
use coinolio_core::log::Kind;

/// Checks the change `record`, which was not made by a device's sync, against its request.
pub(super) fn undone(archive: &Archive, call: &Call, record: &Record) -> Result<(), Violation> {
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
            let losing = match conflict.winner {
                Winner::Client => &conflict.server.value,
                Winner::Server => &conflict.client.value,
            };
            let path = conflict.path.tokens();
            // If one of several elements with the same name is gone, the others have other numbers.
            let is_numbered = path.iter().any(|token| token.nth() > 0) || has_namesakes(&record.document, path);
            is_made(
                is_numbered || find(&record.document, path) == losing.as_ref(),
                &shown(path),
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
