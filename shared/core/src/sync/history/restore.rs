//! Restoring the document of an earlier version.

use super::undo::{Undo, check_base, read_from};
use crate::error::Error;
use crate::json::Value;
use crate::log::{Change, Kind, Version};
use crate::portfolio::{Portfolio, Window};
use crate::store::Store;
use crate::sync::append::{Backoff, End, Plan, Writer, append};
use crate::sync::precondition::check_expected;
use crate::sync::report::{Answered, Report};
use crate::time::Timestamp;
use crate::wire::v2::{Delta, PortfolioSummary, RestoreRequest, UndoResponse};
use futures_util::future::try_join;
use std::sync::Arc;

impl<S: Store> Portfolio<'_, S> {
    /// Restores the document of the requested version by appending a change. All later changes stay in the log, and a
    /// deleted portfolio exists again.
    ///
    /// If there are `expected` versions, the head must be one of them. If the portfolio is not deleted and its head
    /// already has that document, nothing is appended. If the request has a base, the answer has the delta from there to
    /// the head.
    ///
    /// # Errors
    /// Not found, also for a version that the portfolio never had; base expired for one that retention has removed;
    /// base unknown (409) for a base that the portfolio never had; invalid (422) for the newest version and for a version
    /// that is a deletion; precondition failed; busy if
    /// `backoff` gives up before an append succeeds.
    pub async fn restore<B: Backoff>(
        self,
        backoff: &mut B,
        request: RestoreRequest,
        expected: Option<&[Version]>,
        received: Timestamp,
    ) -> Result<Answered<UndoResponse>, Error> {
        let RestoreRequest { version, base, .. } = request;
        let read = Window::read_since(self, read_from(version, base));
        let (name, mut window) = try_join(self.name(), read).await?;
        window.any_head()?;
        check_base(&window, base).await?;
        let restored = window.change_of(version).await?;
        if restored.kind == Kind::Deleted {
            return Err(Error::invalid(format!(
                "version {version} is the portfolio's deletion; restore version {}, which it deleted",
                restored.parent
            )));
        }
        let wanted = window.document_at(version).await?;
        let mut restoration = Restoration {
            undo: Undo::restore(request, received)?,
            version,
            wanted,
            expected,
        };
        let (delta, patch_bytes) = match append(&mut window, backoff, &mut restoration, received).await? {
            End::Written(delta) | End::OwnEarlier(delta) => (delta, window.any_head()?.patch_bytes),
            End::Done(delta) => (delta, 0),
        };
        Ok(Answered {
            answer: UndoResponse {
                portfolio: PortfolioSummary::new(self.key, name, window.any_head()?),
                delta,
            },
            report: Report {
                patch_bytes,
                ..Report::of_read(&restoration.wanted)
            },
        })
    }
}

struct Restoration<'a> {
    undo: Undo,
    version: Version,
    wanted: Arc<Value>,
    expected: Option<&'a [Version]>,
}

impl<S: Store> Writer<S> for Restoration<'_> {
    type Context = Option<Delta>;
    type Done = Option<Delta>;

    async fn plan(&mut self, window: &mut Window<'_, S>) -> Result<Plan<Option<Delta>, Option<Delta>>, Error> {
        let head = window.any_head()?;
        check_expected(self.expected, head)?;
        let (version, kind) = (head.version, head.kind);
        if version == self.version {
            return Err(Error::invalid(format!(
                "version {version} is the portfolio's newest: there is nothing to restore"
            )));
        }
        let current = window.document_at(version).await?;
        let patch = self.undo.patch(&current, &self.wanted);
        let delta = self.undo.delta(window, &patch, &self.wanted).await?;
        if patch.edits.is_empty() && kind != Kind::Deleted {
            return Ok(Plan::Done(delta));
        }
        Ok(Plan::Append(self.undo.proposal(patch, Arc::clone(&self.wanted)), delta))
    }

    fn made(&self, change: &Change) -> bool {
        self.undo.made(change)
    }
}
