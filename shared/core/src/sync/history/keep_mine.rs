//! Bringing back a value of a conflict.

use super::undo::Undo;
use crate::algebra::{Authored, Authors, Conflict, Merged, Op, Ranks, Side, Stamp, Winner, apply, merge};
use crate::error::{Code, Error};
use crate::json::Value;
use crate::log::{Change, Patch, Version};
use crate::portfolio::{Portfolio, Replay, Window};
use crate::store::Store;
use crate::sync::append::{Backoff, End, Plan, Writer, append};
use crate::sync::report::{Answered, Report};
use crate::time::Timestamp;
use crate::wire::v2::{KeepMineRequest, PortfolioSummary};
use futures_util::future::try_join;

/// Identifies a conflict of a portfolio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConflictId {
    /// The version that recorded the conflict.
    pub version: Version,
    /// The conflict's index among those of that version, from 0.
    pub index: u64,
}

impl<S: Store> Portfolio<'_, S> {
    /// Brings a value of a conflict back by appending a change: the value of the side that the request names. If it
    /// names none, the value of the side whose device asks, or the losing value if that device is on neither side or on
    /// both.
    ///
    /// The value is merged into the head's, on top of the conflict's other value. So everything that was added since
    /// stays, and only the differences of the two values are edited. If the head has another value for such a
    /// difference, the value that is brought back wins; the other is recorded as a conflict, unless the head is the
    /// request's base, so that the user has seen it.
    ///
    /// This has one effect for each value of a conflict. If any device repeats the request, however late, its change is
    /// found in the log since the conflict's version, and the head is answered. For the same reason the change is
    /// appended even if the head already has the value: otherwise a late repetition would find no change, and would
    /// undo later edits.
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
        let (name, mut window) = try_join(self.name(), Window::read_since(self, version)).await?;
        window.living_head()?;
        let recorded_by = window.change_of(version).await?;
        let conflict = self.conflict(&recorded_by, index).await?;
        let chosen = chosen_side(&conflict, &request);
        let mut keep_mine = KeepMine {
            undo: Undo::keep_mine(version, index, chosen, conflict.winner, &request, received)?,
            version,
            base: request.base_version,
            conflict,
            chosen,
        };
        let report = match append(&mut window, backoff, &mut keep_mine, received).await? {
            End::Written(()) => {
                let head = window.any_head()?;
                Report {
                    conflicts: head.conflicts,
                    patch_bytes: head.patch_bytes,
                    ..Report::default()
                }
            }
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

/// Returns the side whose value `request` brings back.
fn chosen_side(conflict: &Conflict, request: &KeepMineRequest) -> Winner {
    let is_side = |side: &Side| side.device_id.is_some() && side.device_id == request.device_id;
    let asking = match (is_side(&conflict.client), is_side(&conflict.server)) {
        (true, false) => Some(Winner::Client),
        (false, true) => Some(Winner::Server),
        _ => None,
    };
    let losing = match conflict.winner {
        Winner::Client => Winner::Server,
        Winner::Server => Winner::Client,
    };
    request.value.or(asking).unwrap_or(losing)
}

struct KeepMine {
    undo: Undo,
    /// The version that recorded the conflict.
    version: Version,
    /// The version that the asking device has, if it says so.
    base: Option<Version>,
    conflict: Conflict,
    /// The side whose value is brought back.
    chosen: Winner,
}

impl<S: Store> Writer<S> for KeepMine {
    type Context = ();
    type Done = ();

    async fn plan(&mut self, window: &mut Window<'_, S>) -> Result<Plan<(), ()>, Error> {
        let head = window.living_head()?.clone();
        if window.after(self.version).iter().any(|change| self.undo.made(change)) {
            return Ok(Plan::Done(()));
        }
        let current = window.document_at(head.version).await?;
        let unknown = Authors::new(Stamp {
            device_id: None,
            at: head.last_sync_at,
        });
        let mut merged = self.merge(&head, &current, &unknown);
        if self.base == Some(head.version) {
            merged.conflicts.clear();
        } else if !merged.conflicts.is_empty() {
            // Only now is it worth reading who wrote the values that lose.
            let since = Replay::since(window, self.version).await?;
            merged = self.merge(&head, &current, &since.authors);
        }
        let patch = Patch {
            conflicts: merged.conflicts,
            ..self.undo.patch(&current, &merged.document)
        };
        Ok(Plan::Append(self.undo.proposal(patch, merged.document.into()), ()))
    }

    fn made(&self, change: &Change) -> bool {
        self.undo.made(change)
    }
}

impl KeepMine {
    /// Merges the chosen value into `current`, the document of `head`, on top of the conflict's other value.
    fn merge(&self, head: &Change, current: &Value, authors: &Authors) -> Merged {
        let (chosen, other) = match self.chosen {
            Winner::Client => (&self.conflict.client, &self.conflict.server),
            Winner::Server => (&self.conflict.server, &self.conflict.client),
        };
        let client = Authored {
            document: &self.with_value_of(current, chosen),
            // Later than every edit, so that the chosen value wins.
            authors: &Authors::new(Stamp {
                device_id: self.undo.device_id().cloned(),
                at: Timestamp::after(head.last_sync_at, self.undo.received()),
            }),
        };
        let server = Authored {
            document: current,
            authors,
        };
        merge(&self.with_value_of(current, other), server, client, None, &Ranks::new())
    }

    /// Returns `document` with the value that `side` has at the conflict's path.
    fn with_value_of(&self, document: &Value, side: &Side) -> Value {
        let path = self.conflict.path.clone();
        let op = match side.value.clone() {
            Some(value) => Op::Set {
                path,
                value,
                after: None,
            },
            None => Op::Delete { path },
        };
        let mut document = document.clone();
        apply(&mut document, [&op]);
        document
    }
}
