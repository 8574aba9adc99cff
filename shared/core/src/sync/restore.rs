//! Bringing the document of an earlier version back.

use super::base::Past;
use super::portfolios::{check_expected, name_of, report};
use super::report::{Answered, Outcome};
use super::undo::Undo;
use super::{Backoff, wait};
use crate::error::{Code, Error};
use crate::log::{Appended, ChangeLog, Kind, PortfolioKey, Version, document_at};
use crate::time::Timestamp;
use crate::wire::v2::{PortfolioHead, RestoreRequest};
use futures_util::future::try_join;

/// Appends a change that brings the document back to what it was at the requested version: what was written since
/// stays in the log. A portfolio that was deleted is there again.
///
/// Where `expected` is there, the head must be one of those versions. A living head that holds that document
/// already is answered as it is.
///
/// # Errors
/// Not found, also for a version that the log does not have; invalid (422) for the head of a living portfolio, and
/// for a version that is a deletion; precondition failed; busy where `backoff` ends before a race is won.
pub async fn restore<L: ChangeLog, B: Backoff>(
    log: &L,
    backoff: &mut B,
    key: &PortfolioKey,
    request: RestoreRequest,
    expected: Option<&[Version]>,
    received: Timestamp,
) -> Result<Answered<PortfolioHead>, Error> {
    let RestoreRequest { version, device_id } = request;
    let undo = Undo::restore(version, device_id, received)?;
    let (entry, mut past) = try_join(log.entry(key), Past::read(log, key, version)).await?;
    if past.head().is_none() {
        return Err(Error::new(Code::NotFound, "there is no such portfolio"));
    }
    let restored = past.version(version).await?;
    if restored.kind == Kind::Deleted {
        return Err(Error::invalid(format!(
            "version {version} is the portfolio's deletion; restore version {}, which it deleted",
            restored.parent
        )));
    }
    let mut window = past.into_window();
    let wanted = document_at(log, key, &mut window, version).await?;
    let mut retries = 0;
    let (head, stored) = loop {
        let Some(head) = window.head().cloned() else {
            return Err(Error::new(Code::NotFound, "there is no such portfolio"));
        };
        check_expected(expected, &head)?;
        if head.version == version {
            return Err(Error::invalid(format!(
                "version {version} is the portfolio's newest: there is nothing to restore"
            )));
        }
        let held = document_at(log, key, &mut window, head.version).await?;
        if held == wanted && head.kind != Kind::Deleted {
            break (head, 0);
        }
        match undo.append(log, key, &window, &head, &held, &wanted).await? {
            (Appended::Written, change) => break (change.clone(), change.patch_bytes),
            // An earlier attempt had succeeded without our hearing of it.
            (Appended::Taken(taken), change) if undo.made(&taken) => break (*taken, change.patch_bytes),
            (Appended::Taken(_), _) => {}
        }
        wait(backoff).await?;
        retries += 1;
        window.extend(log.since(key, head.version).await?);
    };
    Ok(Answered {
        answer: PortfolioHead::new(key.portfolio.clone(), name_of(entry, key), head),
        report: report(Outcome::Accepted, retries, stored, Some(&wanted)),
    })
}
