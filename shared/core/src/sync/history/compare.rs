//! The difference between two versions.

use crate::algebra::diff;
use crate::error::Error;
use crate::log::Version;
use crate::portfolio::{Portfolio, Window};
use crate::store::Store;
use crate::sync::report::{Answered, Report};
use crate::wire::v2::Comparison;

impl<S: Store> Portfolio<'_, S> {
    /// Returns the operations that turn the document at `from` into the one at `to`; version 0 is the empty document.
    ///
    /// # Errors
    /// Not found, also for a version that the portfolio never had; deleted; base expired for a version that retention
    /// has removed.
    pub async fn compare(self, from: Version, to: Version) -> Result<Answered<Comparison>, Error> {
        let older = [from, to].into_iter().filter(|version| *version > 0).min();
        let mut window = match older {
            Some(older) => Window::read_since(self, older).await?,
            None => Window::read_newest(self, 1).await?,
        };
        window.living_head()?;
        for version in [from, to].into_iter().filter(|version| *version > 0) {
            window.change_of(version).await?;
        }
        let before = window.document_at(from).await?;
        let after = window.document_at(to).await?;
        Ok(Answered {
            report: Report::of_read(&after),
            answer: Comparison {
                portfolio_id: self.key.portfolio.clone(),
                from,
                to,
                changes: diff(&before, &after),
            },
        })
    }
}
