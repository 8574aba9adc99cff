//! Bringing back the losing value of a conflict.

use super::undo::Undo;
use crate::algebra::{Conflict, Op, Winner, apply};
use crate::error::{Code, Error};
use crate::log::{Change, Version};
use crate::portfolio::{Portfolio, Window};
use crate::store::Store;
use crate::sync::append::{Backoff, End, Plan, Writer, append};
use crate::sync::report::{Answered, Report};
use crate::time::Timestamp;
use crate::wire::v2::{KeepMineRequest, PortfolioSummary};
use futures_util::future::try_join;
use std::sync::Arc;

/// Identifies a conflict of a portfolio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConflictId {
    /// The version that recorded the conflict.
    pub version: Version,
    /// The conflict's index among those of that version, from 0.
    pub index: u64,
}

impl<S: Store> Portfolio<'_, S> {
    /// Brings the losing value of a conflict back by appending a change: sets the value at the conflict's path, or
    /// deletes the path if the losing side had deleted the value.
    ///
    /// This has an effect only once. If any device repeats the request, however late, its change is found in the log
    /// since the conflict's version, and the head is answered. For the same reason the change is appended even if the
    /// head already has the value: otherwise a late repetition would find no change, and would undo later edits.
    ///
    /// # Errors
    /// Not found, also for a version that the portfolio never had and for a conflict that the version did not record;
    /// base expired for a version that retention has removed; deleted; too large (413) if the document would exceed
    /// its limit; busy when `backoff` gives up before an append succeeds.
    pub async fn keep_mine<B: Backoff>(
        self,
        backoff: &mut B,
        conflict: ConflictId,
        request: KeepMineRequest,
        received: Timestamp,
    ) -> Result<Answered<PortfolioSummary>, Error> {
        let ConflictId { version, index } = conflict;
        let undo = Undo::keep_mine(version, index, request.device_id, received)?;
        let (name, mut window) = try_join(self.name(), Window::read_since(self, version)).await?;
        window.living_head()?;
        let recorded_by = window.change_of(version).await?;
        let op = bringing_back(&self.conflict(&recorded_by, index).await?);
        let mut keep_mine = KeepMine { undo, version, op };
        let report = match append(&mut window, backoff, &mut keep_mine, received).await? {
            End::Written(()) => Report {
                patch_bytes: window.any_head()?.patch_bytes,
                ..Report::default()
            },
            End::OwnEarlier(()) | End::Done(()) => Report {
                repeated: true,
                ..Report::default()
            },
        };
        Ok(Answered {
            answer: PortfolioSummary::new(self.key, name, window.living_head()?),
            report,
        })
    }

    /// Returns the conflict with this index among those that `change` recorded.
    async fn conflict(self, change: &Change, index: u64) -> Result<Conflict, Error> {
        let version = change.version;
        let none = || {
            Error::new(
                Code::NotFound,
                format!("version {version} recorded no conflict with index {index}"),
            )
        };
        if index >= change.conflicts {
            return Err(none());
        }
        let mut conflicts = self.patch_of(change).await?.conflicts.into_iter();
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        conflicts.nth(index).ok_or_else(none)
    }
}

struct KeepMine {
    undo: Undo,
    /// The version that recorded the conflict.
    version: Version,
    op: Op,
}

impl<S: Store> Writer<S> for KeepMine {
    type Context = ();
    type Done = ();

    async fn plan(&mut self, window: &mut Window<'_, S>) -> Result<Plan<(), ()>, Error> {
        let head = window.living_head()?.version;
        if window.after(self.version).iter().any(|change| self.undo.made(change)) {
            return Ok(Plan::Done(()));
        }
        let current = window.document_at(head).await?;
        let mut wanted = Arc::clone(&current);
        apply(Arc::make_mut(&mut wanted), [&self.op]);
        Ok(Plan::Append(self.undo.proposal(&current, &wanted), ()))
    }

    fn made(&self, change: &Change) -> bool {
        self.undo.made(change)
    }
}

/// Returns the operation that brings the losing side's value back at the conflict's path.
fn bringing_back(conflict: &Conflict) -> Op {
    let path = conflict.path.clone();
    let loser = match conflict.winner {
        Winner::Client => &conflict.server,
        Winner::Server => &conflict.client,
    };
    match loser.value.clone() {
        Some(value) => Op::Set {
            path,
            value,
            after: None,
        },
        None => Op::Delete { path },
    }
}
