//! Deleting a portfolio.

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

impl<S: Store> Portfolio<'_, S> {
    /// Deletes the portfolio by appending a change of kind [`Kind::Deleted`]; the log stays.
    ///
    /// If there are `expected` versions, the head must be one of them.
    ///
    /// # Errors
    /// Not found; deleted; precondition failed; busy when `backoff` gives up before an append succeeds.
    pub async fn delete<B: Backoff>(
        self,
        backoff: &mut B,
        expected: Option<&[Version]>,
        received: Timestamp,
    ) -> Result<Answered<()>, Error> {
        let mut window = Window::read_newest(self, 1).await?;
        let mut deletion = Deletion {
            expected,
            fingerprint: fingerprint("delete", &Value::Null, received),
        };
        append(&mut window, backoff, &mut deletion, received).await?;
        Ok(Answered {
            answer: (),
            report: Report::default(),
        })
    }
}

struct Deletion<'a> {
    expected: Option<&'a [Version]>,
    fingerprint: Fingerprint,
}

impl<S: Store> Writer<S> for Deletion<'_> {
    type Context = ();
    type Done = ();

    async fn plan(&mut self, window: &mut Window<'_, S>) -> Result<Plan<(), ()>, Error> {
        check_expected(self.expected, window.living_head()?)?;
        let proposal = Proposal::new(Kind::Deleted, self.fingerprint, Patch::default());
        Ok(Plan::Append(proposal, ()))
    }

    fn made(&self, change: &Change) -> bool {
        change.fingerprint == Some(self.fingerprint)
    }
}
