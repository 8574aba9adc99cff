//! The v2 sync: a device sends its edits (docs/PROTOCOL.md).
//!
//! A sync is a pull, a creation, edits on top of the head, a merge with later changes, or a repetition of an earlier
//! sync.

mod base_expired;
mod delta;
mod fingerprint;
mod merge;
mod rejoin;
mod reused;

use super::append::{Backoff, End, NewDocument, Plan, Proposal, Writer, append};
use super::limits;
use super::ranked::KnownRanks;
use super::report::{Answered, Report};
use super::wipe::removes_almost_everything;
use crate::algebra::{Op, apply, diff};
use crate::error::{Code, Error};
use crate::json::Value;
use crate::log::{Change, Fingerprint, Kind, Patch, Version, json_size};
use crate::portfolio::{Claim, Portfolio, Replay, Window};
use crate::store::{RankSource, Store};
use crate::time::Timestamp;
use crate::wire::Outcome;
use crate::wire::v2::{Delta, SyncRequest, SyncResponse};
use fingerprint::fingerprint;
use merge::Sides;
use reused::is_reused;

/// From how many deletions on, a sync's effect on the whole document is looked at.
const MANY_DELETIONS: usize = 20;

impl<S: Store + RankSource> Portfolio<'_, S> {
    /// Syncs a device that speaks v2.
    ///
    /// A pull takes one read of the log; edits on top of the head take one read and one append; a creation takes one
    /// read and one write. Documents are read only for edits on top of an older version, and the devices' ranks only
    /// for conflicts between two known devices. Everything that an answer needs is read before the append, so a
    /// request that gets an error has changed nothing.
    ///
    /// # Errors
    /// 404 without such a portfolio, unless the request creates it; 410 if it was deleted; 410 `base_expired` for a
    /// base that retention has removed, unless the request has `"base_lost": true`; 409 `base_unknown` for a base
    /// that the portfolio never had, or had at another time; 409 `wipe_refused` for edits that remove almost
    /// everything, unless the request has `"allow_wipe": true`; 422 if the log since the base has another sync with
    /// this `sync_id`; 413 for a document over its limit; 409 `busy` when `backoff` gives up; 503 if the store fails.
    pub async fn sync_v2<B: Backoff>(
        self,
        backoff: &mut B,
        request: &SyncRequest,
        received: Timestamp,
    ) -> Result<Answered<SyncResponse>, Error> {
        if let Some(rejoin) = &request.rejoin {
            limits::check_depth(&rejoin.document, "document")?;
            limits::check_size(json_size(&rejoin.document))?;
        }
        let mut window = Window::read_since(self, request.first_version())
            .await?
            .for_device(&request.device_id);
        let mut sync = Sync {
            request,
            received,
            fingerprint: fingerprint(request),
            claim: None,
            sides: None,
            server: None,
            ranks: KnownRanks::default(),
            report: Report {
                base: Some(request.base_version).filter(|base| *base > 0),
                ..Report::default()
            },
        };
        let result = match append(&mut window, backoff, &mut sync, received).await? {
            End::Written(result) => {
                let head = window.any_head()?;
                sync.report.conflicts = head.conflicts;
                sync.report.patch_bytes = head.patch_bytes;
                result
            }
            End::OwnEarlier(_) => sync.answer_earlier(&mut window).await?,
            End::Done(result) => result,
        };
        sync.answer(&mut window, result).await
    }
}

/// The result of a sync: the outcome, and what the device must apply.
struct Synced {
    outcome: Outcome,
    delta: Delta,
}

/// The plan of a sync.
type SyncPlan = Plan<Synced, Synced>;

struct Sync<'a> {
    request: &'a SyncRequest,
    received: Timestamp,
    fingerprint: Fingerprint,
    /// Whether the log has the base: found out by the first attempt.
    claim: Option<Claim>,
    /// Made by the first attempt that merges; later attempts only add the new changes.
    sides: Option<Sides>,
    /// Takes the place of `sides` in a rejoin and if the base has expired: the head's document, and its authors as far
    /// as the log has them.
    server: Option<Replay>,
    ranks: KnownRanks,
    report: Report,
}

impl<S: Store + RankSource> Writer<S> for Sync<'_> {
    type Context = Synced;
    type Done = Synced;

    async fn plan(&mut self, window: &mut Window<'_, S>) -> Result<SyncPlan, Error> {
        if window.head().is_none() && self.creates() {
            return Ok(self.create());
        }
        if let Some(rejoin) = &self.request.rejoin {
            return self.plan_rejoin(rejoin, window).await;
        }
        let head = window.living_head()?.version;
        match self.check_base(window).await? {
            Claim::Present => {}
            Claim::Expired => return self.plan_without_base(window).await,
            Claim::Unknown => {
                return Err(Error::new(
                    Code::BaseUnknown,
                    "the portfolio has no such base_version, or one that was made at another time; send the whole \
                     document with \"rejoin\": true, or read the portfolio anew",
                ));
            }
        }
        match self.plan_with_base(window, head).await {
            // Retention is removing the base at this moment: it counts as expired.
            Err(error) if error.code == Code::BaseExpired => {
                self.claim = Some(Claim::Expired);
                self.plan_without_base(window).await
            }
            planned => planned,
        }
    }

    fn made(&self, change: &Change) -> bool {
        change.sync_id.as_ref() == Some(&self.request.sync_id)
    }

    fn measured(&mut self, document_bytes: u64) {
        self.report.document_bytes = Some(document_bytes);
    }
}

impl Sync<'_> {
    /// True if the request may create the portfolio: it has base 0, and edits or at least a name.
    fn creates(&self) -> bool {
        let request = self.request;
        request.rejoin.is_none() && request.base_version == 0 && (!request.changes.is_empty() || request.name.is_some())
    }

    /// Tells whether the log has the base, and the version on which the edits were made if that is an older one.
    async fn check_base<S: Store>(&mut self, window: &Window<'_, S>) -> Result<Claim, Error> {
        if let Some(claim) = self.claim {
            return Ok(claim);
        }
        let mut claim = window.check(self.request.base_version, self.request.base_at).await?;
        let edited_on = self.request.first_version();
        if claim == Claim::Present && edited_on < self.request.base_version {
            claim = window.check(edited_on, None).await?;
        }
        self.claim = Some(claim);
        Ok(claim)
    }

    /// Plans a sync whose base is in the log.
    async fn plan_with_base<S: Store + RankSource>(
        &mut self,
        window: &mut Window<'_, S>,
        head: Version,
    ) -> Result<SyncPlan, Error> {
        let base = self.request.base_version;
        if let Some((parent, version)) = self.earlier_success(window)? {
            return Ok(Plan::Done(self.repeat(window, parent, version).await?));
        }
        match (self.request.changes.is_empty(), head == base) {
            (true, true) => Ok(Plan::Done(unchanged(Outcome::UpToDate))),
            (true, false) => {
                let delta = self.delta_since(window, base).await?;
                let outcome = Outcome::Pulled;
                Ok(Plan::Done(Synced { outcome, delta }))
            }
            (false, true) if self.edited_on(window) == base => self.accept(window).await,
            (false, _) => self.merge(window).await,
        }
    }

    /// Returns the parent and version of the change that an earlier sending of this request made.
    fn earlier_success<S: Store>(&self, window: &Window<'_, S>) -> Result<Option<(Version, Version)>, Error> {
        let since = window.after(self.request.base_version);
        match since
            .iter()
            .find(|change| change.sync_id.as_ref() == Some(&self.request.sync_id))
        {
            Some(change) if change.fingerprint == Some(self.fingerprint) => Ok(Some((change.parent, change.version))),
            Some(_) => Err(Error::invalid(
                "sync_id was used for a sync with another device_id, base or changes; each sync needs its own",
            )),
            None => Ok(None),
        }
    }

    /// Creates the portfolio from the unchanged edits.
    fn create(&self) -> SyncPlan {
        let proposal = Proposal {
            name: self.request.name.clone(),
            ..self.proposal(Kind::Created, self.request.patch(self.received))
        };
        Plan::Append(proposal, unchanged(Outcome::Accepted))
    }

    /// Stores the edits unchanged, because nothing has been written since their base.
    async fn accept<S: Store>(&mut self, window: &mut Window<'_, S>) -> Result<SyncPlan, Error> {
        let patch = self.request.patch(self.received);
        let mut document = NewDocument::NotMade;
        if self.may_be_wipe() {
            let base = window.document_at(self.request.base_version).await?;
            let mut edited = Value::clone(&base);
            apply(&mut edited, patch.edits.iter().map(|edit| &edit.op));
            self.refuse_wipe(&base, &edited)?;
            let document_bytes = json_size(&edited);
            self.report.document_bytes = Some(document_bytes);
            document = NewDocument::Measured(document_bytes);
        }
        let proposal = Proposal {
            document,
            ..self.proposal(Kind::Synced, patch)
        };
        Ok(Plan::Append(proposal, unchanged(Outcome::Accepted)))
    }

    /// True if the edits may remove almost everything: only then is the document read to find out.
    fn may_be_wipe(&self) -> bool {
        let ops = || self.request.changes.iter().map(|edit| &edit.op);
        let is_deletion = |op: &Op| matches!(op, Op::Delete { .. });
        let empties_a_member = |op: &Op| match op {
            Op::Delete { path } => path.tokens().len() == 1,
            // Other scalars are edits of a scalar: what an app writes in place of data that it lost is empty.
            Op::Set { path, value, .. } => {
                path.tokens().len() == 1
                    && match value {
                        Value::Null | Value::Object(_) | Value::List(_) => true,
                        Value::String(text) => text.is_empty(),
                        Value::Bool(_) | Value::Number(_) => false,
                    }
            }
            Op::Move { .. } => false,
        };
        !self.request.allow_wipe
            && (ops().any(empties_a_member) || ops().filter(|op| is_deletion(op)).count() >= MANY_DELETIONS)
    }

    /// Refuses edits that turn `before` into `after` and thereby remove almost everything.
    fn refuse_wipe(&self, before: &Value, after: &Value) -> Result<(), Error> {
        if self.may_be_wipe() && removes_almost_everything(before, after) {
            return Err(Error::new(
                Code::WipeRefused,
                "the changes remove almost all values; send \"allow_wipe\": true if this is intended",
            ));
        }
        Ok(())
    }

    fn proposal(&self, kind: Kind, patch: Patch) -> Proposal {
        Proposal {
            // The edits may have been made on an older version than the device has now.
            base: Some(match self.claim {
                Some(Claim::Present) => self.request.first_version(),
                _ => 0,
            }),
            device_id: Some(self.request.device_id.clone()),
            sync_id: Some(self.request.sync_id.clone()),
            ..Proposal::new(kind, self.fingerprint, patch)
        }
    }
}

/// The answers.
impl Sync<'_> {
    /// Answers a request whose change was already in the log when it was to be written.
    async fn answer_earlier<S: Store + RankSource>(&mut self, window: &mut Window<'_, S>) -> Result<Synced, Error> {
        match self.plan(window).await? {
            Plan::Done(result) | Plan::Append(_, result) => Ok(result),
        }
    }

    /// Answers a request whose change is in the log, from the log; others may have written since.
    ///
    /// The client's document is its base with its edits. If the edits were stored unchanged, this is the document of
    /// their version, and the later changes turn it into the head's. If they were merged, the answer is the
    /// difference between the two documents.
    async fn repeat<S: Store>(
        &mut self,
        window: &mut Window<'_, S>,
        parent: Version,
        version: Version,
    ) -> Result<Synced, Error> {
        self.report.repeated = true;
        let base = self.request.base_version;
        let was_accepted = parent == base && self.edited_on(window) == base;
        if was_accepted && window.after(version).is_empty() {
            return Ok(unchanged(Outcome::Accepted));
        }
        let delta = if was_accepted {
            self.delta_since(window, version).await?
        } else {
            let sides = self.sides(window).await?;
            let changes = diff(sides.on_device(), &sides.server.document);
            let document_bytes = json_size(&sides.server.document);
            self.report.document_bytes = Some(document_bytes);
            delta::smaller(changes, sides.server.document, document_bytes)
        };
        let outcome = Outcome::Merged;
        Ok(Synced { outcome, delta })
    }

    /// Answers at the window's head, with the conflicts that concern the device.
    async fn answer<S: Store>(
        self,
        window: &mut Window<'_, S>,
        result: Synced,
    ) -> Result<Answered<SyncResponse>, Error> {
        let device_id_reused = is_reused(self.request, window.after(self.request.base_version));
        let is_this_sync = |change: &Change| {
            change.sync_id.as_ref() == Some(&self.request.sync_id)
                && change.device_id.as_ref() == Some(&self.request.device_id)
        };
        // A rejoin has no base: it is told only of its own conflicts, and of later ones.
        let own = self.request.rejoin.as_ref().and_then(|_| {
            let mut changes = window.changes().iter();
            changes.find(|change| is_this_sync(change))
        });
        let since = own.map_or(self.request.base_version, |own| own.parent);
        let reported = window.conflicts(Some(since), is_this_sync).await?;
        let head = window.living_head()?;
        Ok(Answered {
            answer: SyncResponse {
                portfolio_id: window.portfolio().key.portfolio.clone(),
                version: head.version,
                last_sync_at: head.last_sync_at,
                last_sync_device: head.device_id.clone(),
                outcome: result.outcome,
                delta: result.delta,
                conflicts: reported.conflicts,
                conflicts_omitted: reported.omitted,
                device_id_reused,
            },
            report: Report {
                outcome: Some(result.outcome),
                ..self.report
            },
        })
    }
}

/// The result of a sync after which the device needs to apply nothing.
const fn unchanged(outcome: Outcome) -> Synced {
    Synced {
        outcome,
        delta: Delta::Changes(Vec::new()),
    }
}
