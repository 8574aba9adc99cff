//! Why a request may be refused.

use super::{Archive, Asked, Call};
use crate::violation::{Law, Violation, check};
use coinolio_core::Code;
use coinolio_core::log::Kind;

/// Holds a refusal against the log: its reason holds at some moment of the request, and nothing was changed.
pub(crate) fn refused(
    archive: &Archive,
    call: &Call,
    code: Code,
    detail: &str,
    is_calm: bool,
) -> Result<(), Violation> {
    let made = archive.records().iter().find(|record| record.by == call.number);
    // Whoever hears that the store is down knows nothing of what it did.
    if code != Code::Unavailable {
        check(made.is_none(), Law::OneEffect, || {
            format!(
                "a request was refused ({code:?}) and made version {}",
                made.map_or(0, |made| made.change.version)
            )
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
            Asked::SyncV2(sent) => !archive.is_certain(sent.base) && !sent.base_lost,
            Asked::Restore(version) | Asked::KeepMine(version, _) => archive
                .find(*version)
                .is_some_and(|record| record.is_removed || *version < archive.certain_from()),
            _ => false,
        },
        Code::AlreadyExists => matches!(call.asked, Asked::Create(_)) && !archive.records().is_empty(),
        Code::PreconditionFailed => match call.asked {
            Asked::Replace(_, Some(expected)) => during.iter().any(|record| record.change.version != expected),
            _ => false,
        },
        // The head, and a deletion, are not restored.
        Code::Invalid => matches!(call.asked, Asked::Restore(_)),
        _ => false,
    };
    check(holds, Law::Refusal, || format!("{code:?} without a reason: {detail}"))
}
