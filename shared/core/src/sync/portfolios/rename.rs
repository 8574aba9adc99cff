//! Renaming a portfolio.

use super::fingerprint;
use crate::error::Error;
use crate::json::Value;
use crate::log::{Change, Fingerprint, Kind, Patch, Version};
use crate::portfolio::{Portfolio, Window};
use crate::store::Store;
use crate::sync::append::{Backoff, Plan, Proposal, Writer, append};
use crate::sync::precondition::check_expected;
use crate::sync::report::{Answered, Report};
use crate::time::Timestamp;
use crate::wire::v2::{PortfolioSummary, RenameRequest};
use futures_util::future::try_join;

impl<S: Store> Portfolio<'_, S> {
    /// Renames the portfolio by appending a change of kind [`Kind::Renamed`] without operations, so that every device
    /// learns the name at its next sync. Appends nothing if the portfolio has that name already.
    ///
    /// If there are `expected` versions, the head must be one of them.
    ///
    /// # Errors
    /// Not found; deleted; precondition failed; busy when `backoff` gives up before an append succeeds.
    pub async fn rename<B: Backoff>(
        self,
        backoff: &mut B,
        request: RenameRequest,
        expected: Option<&[Version]>,
        received: Timestamp,
    ) -> Result<Answered<PortfolioSummary>, Error> {
        let (current, mut window) = try_join(self.name(), Window::read_newest(self, 1)).await?;
        let name = request.name.clone();
        let mut renaming = Renaming {
            fingerprint: fingerprint("rename", &Value::from(&*name), received),
            is_new: name != current,
            request,
            expected,
        };
        append(&mut window, backoff, &mut renaming, received).await?;
        Ok(Answered {
            answer: PortfolioSummary::new(self.key, name, window.living_head()?),
            report: Report::default(),
        })
    }
}

struct Renaming<'a> {
    request: RenameRequest,
    /// True if the portfolio has another name.
    is_new: bool,
    expected: Option<&'a [Version]>,
    fingerprint: Fingerprint,
}

impl<S: Store> Writer<S> for Renaming<'_> {
    type Context = ();
    type Done = ();

    async fn plan(&mut self, window: &mut Window<'_, S>) -> Result<Plan<(), ()>, Error> {
        check_expected(self.expected, window.living_head()?)?;
        if !self.is_new {
            return Ok(Plan::Done(()));
        }
        let proposal = Proposal {
            device_id: self.request.device_id.clone(),
            name: Some(self.request.name.clone()),
            ..Proposal::new(Kind::Renamed, self.fingerprint, Patch::default())
        };
        Ok(Plan::Append(proposal, ()))
    }

    fn made(&self, change: &Change) -> bool {
        change.fingerprint == Some(self.fingerprint)
    }
}
