//! Checks refusals.

use super::{Archive, Asked, Call, Replacement};
use crate::violation::{Law, Violation, check};
use coinolio_core::Code;
use coinolio_core::log::Kind;

/// Checks a refusal against the log: its reason was valid at some moment of the request, and the request changed
/// nothing.
pub(crate) fn refused(
    archive: &Archive,
    call: &Call,
    code: Code,
    detail: &str,
    is_calm: bool,
) -> Result<(), Violation> {
    let made = archive.records().iter().find(|record| record.by == call.number);
    // `unavailable` does not say whether the change was written.
    if code != Code::Unavailable {
        check(made.is_none(), Law::OneEffect, || {
            format!(
                "a request was refused ({code:?}), but made version {}",
                made.map_or(0, |made| made.change.version)
            )
        })?;
        check(!archive.was_renamed_by(call.number), Law::OneEffect, || {
            format!("a request was refused ({code:?}), but renamed the portfolio")
        })?;
    }
    let during = archive
        .records()
        .get(call.began_at.saturating_sub(1)..)
        .unwrap_or_default();
    let was_deleted = during.iter().any(|record| record.change.kind == Kind::Deleted);
    let holds = match code {
        Code::Unavailable | Code::Busy => !is_calm,
        Code::Deleted => was_deleted,
        Code::NotFound => match &call.asked {
            Asked::SyncV1(_) | Asked::SyncV2(_) | Asked::Delete | Asked::Replace(..) => call.began_at == 0,
            Asked::Restore(_) | Asked::KeepMine(..) => call.began_at == 0,
            Asked::Create(_) | Asked::Compact(..) => false,
        },
        Code::BaseExpired => match &call.asked {
            Asked::SyncV2(sent) => !archive.is_stable(sent.base) && !sent.base_expired,
            Asked::Restore(version) | Asked::KeepMine(version, _) => archive
                .find(*version)
                .is_some_and(|record| record.is_removed || *version < archive.stable_from()),
            _ => false,
        },
        Code::AlreadyExists => matches!(call.asked, Asked::Create(_)) && !archive.records().is_empty(),
        Code::PreconditionFailed => match &call.asked {
            Asked::Replace(Replacement {
                expected: Some(expected),
                ..
            }) => during.iter().any(|record| record.change.version != *expected),
            _ => false,
        },
        // Neither the head nor a deletion can be restored.
        Code::Invalid => matches!(call.asked, Asked::Restore(_)),
        _ => false,
    };
    check(holds, Law::Refusal, || format!("{code:?} for no reason: {detail}"))
}
