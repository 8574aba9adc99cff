//! Bringing back what lost in a conflict.

use super::base::Past;
use super::portfolios::{name_of, report};
use super::report::{Answered, Outcome};
use super::undo::Undo;
use super::{Backoff, wait};
use crate::algebra::{Conflict, Op, Winner, apply};
use crate::error::{Code, Error};
use crate::log::{Appended, Change, ChangeLog, PortfolioKey, Version, document_at, patch_of};
use crate::time::Timestamp;
use crate::wire::v2::{KeepMineRequest, PortfolioHead};
use futures_util::future::try_join;
use std::sync::Arc;

/// Which conflict's lost value to bring back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The version that recorded the conflict.
    pub version: Version,
    /// The conflict's number among those of that version, from 0.
    pub index: u64,
}

/// Appends a change that puts the value that lost in a conflict in its place again, or deletes the place where what
/// lost was a deletion.
///
/// Once and no more: a repetition, by whomever and however late, is found in the log since the conflict's version,
/// and answered with the head. So the change is appended also where the head holds the value already: else a late
/// repetition would find nothing, and undo what was written meanwhile.
///
/// # Errors
/// Not found, also for a version that the log does not have and for a conflict that it did not record; deleted; too
/// large (413) where the document has grown since; busy where `backoff` ends before a race is won.
pub async fn keep_mine<L: ChangeLog, B: Backoff>(
    log: &L,
    backoff: &mut B,
    key: &PortfolioKey,
    lost: Lost,
    request: KeepMineRequest,
    received: Timestamp,
) -> Result<Answered<PortfolioHead>, Error> {
    let Lost { version, index } = lost;
    let undo = Undo::keep_mine(version, index, request.device_id, received)?;
    let (entry, mut past) = try_join(log.entry(key), Past::read(log, key, version)).await?;
    past.living_head()?;
    let recorded_by = past.version(version).await?;
    let op = bringing_back(&conflict(log, key, &recorded_by, index).await?);
    let mut window = past.into_window();
    let mut report = report(Outcome::Accepted, 0, 0, None);
    let head = loop {
        let head = window.living_head()?.clone();
        if window.after(version).iter().any(|change| undo.made(change)) {
            report.repeated = true;
            break head;
        }
        let held = document_at(log, key, &mut window, head.version).await?;
        let mut made = Arc::unwrap_or_clone(Arc::clone(&held));
        apply(&mut made, [&op]);
        match undo.append(log, key, &window, &head, &held, &made).await? {
            (Appended::Written, change) => {
                report.patch_bytes = change.patch_bytes;
                break change;
            }
            // An earlier attempt of this request, or the same request sent twice at once.
            (Appended::Taken(taken), _) if undo.made(&taken) => {
                window.extend(vec![*taken]);
                continue;
            }
            (Appended::Taken(_), _) => {}
        }
        wait(backoff).await?;
        report.optimistic_retries += 1;
        window.extend(log.since(key, head.version).await?);
    };
    Ok(Answered {
        answer: PortfolioHead::new(key.portfolio.clone(), name_of(entry, key), head),
        report,
    })
}

async fn conflict<L: ChangeLog>(log: &L, key: &PortfolioKey, change: &Change, index: u64) -> Result<Conflict, Error> {
    let version = change.version;
    let none = || {
        Error::new(
            Code::NotFound,
            format!("version {version} recorded no conflict of index {index}"),
        )
    };
    if index >= change.conflicts {
        return Err(none());
    }
    let mut conflicts = patch_of(log, key, change).await?.conflicts.into_iter();
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    conflicts.nth(index).ok_or_else(none)
}

/// The operation that gives the loser's side of a conflict its place.
fn bringing_back(conflict: &Conflict) -> Op {
    let path = conflict.path.clone();
    let lost = match conflict.winner {
        Winner::Client => &conflict.server,
        Winner::Server => &conflict.client,
    };
    match lost.value.clone() {
        Some(value) => Op::Set {
            path,
            value,
            after: None,
        },
        None => Op::Delete { path },
    }
}
