//! The v2 sync: a device sends its edits (docs/PROTOCOL.md).
//!
//! A sync is a pull, a creation, edits on top of the head, a merge with later changes, or a repetition of an earlier
//! sync.

mod base_expired;
mod delta;
mod fingerprint;

use super::append::{Backoff, End, NewDocument, Plan, Proposal, Writer, append};
use super::ranked::KnownRanks;
use super::report::{Answered, Report};
use crate::algebra::{Authored, Authors, Stamp, diff};
use crate::error::{Code, Error};
use crate::json::Value;
use crate::log::{Change, Edit, Fingerprint, Kind, Patch, Version, json_size};
use crate::portfolio::{Portfolio, Replay, Window};
use crate::store::{RankSource, Store};
use crate::time::Timestamp;
use crate::wire::Outcome;
use crate::wire::v2::{Delta, SyncRequest, SyncResponse};
use fingerprint::fingerprint;

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
    /// that the portfolio never had; 422 if the log since the base has another sync with this `sync_id`; 413 for a
    /// document over its limit; 409 `busy` when `backoff` gives up; 503 if the store fails.
    pub async fn sync_v2<B: Backoff>(
        self,
        backoff: &mut B,
        request: &SyncRequest,
        received: Timestamp,
    ) -> Result<Answered<SyncResponse>, Error> {
        let mut window = Window::read_since(self, request.base_version).await?;
        let mut sync = Sync {
            request,
            received,
            fingerprint: fingerprint(request),
            sides: None,
            base_expired: false,
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

/// Both sides of a merge.
struct Sides {
    /// The base, and the server's document at the window's head.
    server: Replay,
    /// The client's document: the base with its edits.
    client: Value,
    client_authors: Authors,
}

struct Sync<'a> {
    request: &'a SyncRequest,
    received: Timestamp,
    fingerprint: Fingerprint,
    /// Made by the first attempt that merges; later attempts only add the new changes.
    sides: Option<Sides>,
    /// True if retention is known to have removed the base.
    base_expired: bool,
    /// Takes the place of `sides` if the base has expired: the head's document, and its authors as far as the log has
    /// them.
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
        let head = window.living_head()?.version;
        if self.base_expired || !window.knows(self.request.base_version) {
            return self.plan_without_base(window).await;
        }
        match self.plan_with_base(window, head).await {
            // Retention is removing the base at this moment: it counts as expired.
            Err(error) if error.code == Code::BaseExpired => {
                self.base_expired = true;
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
        self.request.base_version == 0 && (!self.request.changes.is_empty() || self.request.name.is_some())
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
            (false, true) => Ok(self.accept()),
            (false, false) => self.merge(window).await,
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
                "sync_id was used for a sync with another device_id, base_version or changes; each sync needs its own",
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
    fn accept(&self) -> SyncPlan {
        let proposal = self.proposal(Kind::Synced, self.request.patch(self.received));
        Plan::Append(proposal, unchanged(Outcome::Accepted))
    }

    /// Merges the edits with the changes made since their base.
    async fn merge<S: Store + RankSource>(&mut self, window: &mut Window<'_, S>) -> Result<SyncPlan, Error> {
        let sides = self.sides(window).await?;
        let server = Authored {
            document: &sides.server.document,
            authors: &sides.server.authors,
        };
        let client = Authored {
            document: &sides.client,
            authors: &sides.client_authors,
        };
        let own = Some(&self.request.device_id);
        let merged = self
            .ranks
            .merge(window.portfolio(), &sides.server.base, server, client, own)
            .await?;
        let edits = diff(&sides.server.document, &merged.document);
        let edits = edits.into_iter().map(|op| Edit {
            at: sides.client_authors.newest(op.path(), None).at,
            op,
        });
        let patch = Patch {
            edits: edits.collect(),
            conflicts: merged.conflicts,
        };
        let changes = diff(&sides.client, &merged.document);
        self.sides = Some(sides);
        let document_bytes = json_size(&merged.document);
        self.report.document_bytes = Some(document_bytes);
        let proposal = Proposal {
            document: NewDocument::Measured(document_bytes),
            ..self.proposal(Kind::Synced, patch)
        };
        let delta = delta::smaller(changes, merged.document, document_bytes);
        let outcome = Outcome::Merged;
        Ok(Plan::Append(proposal, Synced { outcome, delta }))
    }

    /// Returns both sides up to the window's head.
    async fn sides<S: Store>(&mut self, window: &mut Window<'_, S>) -> Result<Sides, Error> {
        if let Some(mut sides) = self.sides.take() {
            sides.server.advance(window).await?;
            return Ok(sides);
        }
        let server = Replay::since(window, self.request.base_version).await?;
        let mut client = server.base.clone();
        let mut client_authors = Authors::new(Stamp {
            device_id: Some(self.request.device_id.clone()),
            at: self.received,
        });
        let patch = self.request.patch(self.received);
        client_authors.record(
            &mut client,
            Some(&self.request.device_id),
            patch.edits.iter().map(|edit| (&edit.op, edit.at)),
        );
        Ok(Sides {
            server,
            client,
            client_authors,
        })
    }

    fn proposal(&self, kind: Kind, patch: Patch) -> Proposal {
        Proposal {
            base: Some(if self.base_expired { 0 } else { self.request.base_version }),
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
        let was_accepted = parent == self.request.base_version;
        if was_accepted && window.after(version).is_empty() {
            return Ok(unchanged(Outcome::Accepted));
        }
        let delta = if was_accepted {
            self.delta_since(window, version).await?
        } else {
            let Sides { server, client, .. } = self.sides(window).await?;
            let changes = diff(&client, &server.document);
            let document_bytes = json_size(&server.document);
            self.report.document_bytes = Some(document_bytes);
            delta::smaller(changes, server.document, document_bytes)
        };
        let outcome = Outcome::Merged;
        Ok(Synced { outcome, delta })
    }

    /// Answers at the window's head, with every conflict logged since the base.
    async fn answer<S: Store>(
        self,
        window: &mut Window<'_, S>,
        result: Synced,
    ) -> Result<Answered<SyncResponse>, Error> {
        let conflicts = window.conflicts(self.request.base_version).await?;
        let head = window.living_head()?;
        Ok(Answered {
            answer: SyncResponse {
                portfolio_id: window.portfolio().key.portfolio.clone(),
                version: head.version,
                last_sync_at: head.last_sync_at,
                last_sync_device: head.device_id.clone(),
                outcome: result.outcome,
                delta: result.delta,
                conflicts,
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
