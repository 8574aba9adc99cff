//! What differs between two versions.

use super::base::Past;
use super::portfolios::report;
use super::report::{Answered, Outcome};
use crate::algebra::diff;
use crate::error::Error;
use crate::log::{ChangeLog, PortfolioKey, Version, document_at};
use crate::wire::v2::Comparison;

/// The operations that make the document at `to` of the one at `from`; version 0 is the empty document.
///
/// # Errors
/// Not found, also for a version that the log does not have; deleted.
pub async fn compare<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    from: Version,
    to: Version,
) -> Result<Answered<Comparison>, Error> {
    let older = [from, to].into_iter().filter(|version| *version > 0).min();
    let mut past = match older {
        Some(older) => Past::read(log, key, older).await?,
        None => Past::read_head(log, key).await?,
    };
    past.living_head()?;
    for version in [from, to].into_iter().filter(|version| *version > 0) {
        past.version(version).await?;
    }
    let mut window = past.into_window();
    let before = document_at(log, key, &mut window, from).await?;
    let after = document_at(log, key, &mut window, to).await?;
    let report = report(Outcome::Pulled, 0, 0, Some(&after));
    let answer = Comparison {
        portfolio_id: key.portfolio.clone(),
        from,
        to,
        changes: diff(&before, &after),
    };
    Ok(Answered { answer, report })
}
