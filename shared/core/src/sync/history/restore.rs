//! Restoring the document of an earlier version.

use super::undo::Undo;
use crate::error::Error;
use crate::json::Value;
use crate::log::{Change, Kind, Version};
use crate::portfolio::{Portfolio, Window};
use crate::store::Store;
use crate::sync::append::{Backoff, End, Plan, Writer, append};
use crate::sync::precondition::check_expected;
use crate::sync::report::{Answered, Report};
use crate::time::Timestamp;
use crate::wire::v2::{PortfolioSummary, RestoreRequest};
use futures_util::future::try_join;
use std::sync::Arc;

impl<S: Store> Portfolio<'_, S> {
    /// Restores the document of the requested version by appending a change. All later changes stay in the log, and a
    /// deleted portfolio exists again.
    ///
    /// If there are `expected` versions, the head must be one of them. If the portfolio is not deleted and its head
    /// already has that document, nothing is appended.
    ///
    /// # Errors
    /// Not found, also for a version that the portfolio never had; base expired for one that retention has removed;
    /// invalid (422) for the newest version and for a version that is a deletion; precondition failed; busy if
    /// `backoff` gives up before an append succeeds.
    pub async fn restore<B: Backoff>(
        self,
        backoff: &mut B,
        request: RestoreRequest,
        expected: Option<&[Version]>,
        received: Timestamp,
    ) -> Result<Answered<PortfolioSummary>, Error> {
        let RestoreRequest { version, device_id } = request;
        let undo = Undo::restore(version, device_id, received)?;
        let (name, mut window) = try_join(self.name(), Window::read_since(self, version)).await?;
        window.any_head()?;
        let restored = window.change_of(version).await?;
        if restored.kind == Kind::Deleted {
            return Err(Error::invalid(format!(
                "version {version} is the portfolio's deletion; restore version {}, which it deleted",
                restored.parent
            )));
        }
        let wanted = window.document_at(version).await?;
        let mut restoration = Restoration {
            undo,
            version,
            wanted,
            expected,
        };
        let patch_bytes = match append(&mut window, backoff, &mut restoration, received).await? {
            End::Written(()) | End::OwnEarlier(()) => window.any_head()?.patch_bytes,
            End::Done(()) => 0,
        };
        Ok(Answered {
            answer: PortfolioSummary::new(self.key, name, window.any_head()?),
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
    type Context = ();
    type Done = ();

    async fn plan(&mut self, window: &mut Window<'_, S>) -> Result<Plan<(), ()>, Error> {
        let head = window.any_head()?;
        check_expected(self.expected, head)?;
        let (version, kind) = (head.version, head.kind);
        if version == self.version {
            return Err(Error::invalid(format!(
                "version {version} is the portfolio's newest: there is nothing to restore"
            )));
        }
        let current = window.document_at(version).await?;
        if current == self.wanted && kind != Kind::Deleted {
            return Ok(Plan::Done(()));
        }
        let patch = self.undo.patch(&current, &self.wanted);
        Ok(Plan::Append(self.undo.proposal(patch, Arc::clone(&self.wanted)), ()))
    }

    fn made(&self, change: &Change) -> bool {
        self.undo.made(change)
    }
}
