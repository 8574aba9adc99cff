//! A v2 sync (design sections 3 and 5): a pull, an edit at the head, a creation, a merge, or a repetition.

mod fingerprint;
mod lost;

use super::limits::check_size;
use super::ranked::KnownRanks;
use super::{Answered, Backoff, MAX_DOCUMENT_BYTES, Outcome, Report, grow};
use crate::algebra::{Authors, Device, Stamp, apply, diff};
use crate::devices::RankSource;
use crate::error::{Code, Error};
use crate::json::Value;
use crate::log::{
    Appended, Change, ChangeLog, Edit, Entry, Fingerprint, Kind, LogError, NewChange, Patch, PortfolioKey, Replay,
    Version, Window, document_at, json_size,
};
use crate::time::Timestamp;
use crate::wire::ConflictRecord;
use crate::wire::v2::{News, SyncRequest, SyncResponse};
use fingerprint::fingerprint;
use std::sync::Arc;

/// Below this size of the operations, in bytes of JSON, an answer never carries the document in their place
/// (design section 5).
const ALWAYS_CHANGES_BYTES: u64 = 4 * 1024;

/// How many times the document its bound is taken to be at most, where the directory is not asked: asking is one
/// read unit, and operations that many times smaller than the bound are seldom larger than the document.
const LOOSE_BY: u64 = 4;

/// Syncs a device that speaks v2.
///
/// A pull is one read of the log; edits on top of the head are one read and one append; a creation is one
/// read and one creation. Only edits on top of an older version read documents, and only conflicts
/// between two known devices read the devices' ranks. Everything that an answer
/// needs is read before the append, so that a request that gets an error has changed nothing.
///
/// # Errors
/// 404 without such a portfolio, unless the request creates it; 410 where it was deleted, and `base_expired` for
/// a base that the log no longer holds, unless the request knows; 409 `base_unknown` for one that it never held; 422 for a `sync_id` that the log since the base shows used for
/// something else; 413 for a document over its limit; 409 `busy` when `backoff` gives up; 503 as the log does.
pub async fn sync<L: ChangeLog + RankSource, B: Backoff>(
    log: &L,
    backoff: &mut B,
    key: &PortfolioKey,
    request: &SyncRequest,
    received: Timestamp,
) -> Result<Answered<SyncResponse>, Error> {
    let mut sync = Sync {
        log,
        key,
        request,
        received,
        fingerprint: fingerprint(request),
        window: Window::read(log, key, request.base_version).await?,
        sides: None,
        base_expired: false,
        kept: None,
        ranks: KnownRanks::default(),
        report: Report::default(),
    };
    loop {
        match sync.attempt().await? {
            Attempt::Done(answer) => {
                let report = Report {
                    outcome: answer.outcome,
                    base: Some(request.base_version).filter(|base| *base > 0),
                    ..sync.report
                };
                return Ok(Answered { answer, report });
            }
            Attempt::Lost(winner) => sync.after_losing_to(*winner, backoff).await?,
        }
    }
}

/// What came of one attempt.
enum Attempt {
    /// The sync is over.
    Done(SyncResponse),
    /// This change has taken the place that the sync's was to have.
    Lost(Box<Change>),
}

/// Both sides of a merge.
struct Sides {
    /// The base, and the server's document at the window's head.
    server: Replay,
    /// The client's document: the base with its edits.
    client: Value,
    client_authors: Authors,
}

struct Sync<'a, L> {
    log: &'a L,
    key: &'a PortfolioKey,
    request: &'a SyncRequest,
    received: Timestamp,
    fingerprint: Fingerprint,
    /// What the log holds since the request's base.
    window: Window,
    /// Made by the first attempt that merges; a later one only adds what is new.
    sides: Option<Sides>,
    /// Found out that retention has removed the base.
    base_expired: bool,
    /// As `sides`, where the base is lost: the head's document and the authors that the log still knows.
    kept: Option<Replay>,
    ranks: KnownRanks,
    report: Report,
}

impl<L: ChangeLog + RankSource> Sync<'_, L> {
    async fn attempt(&mut self) -> Result<Attempt, Error> {
        let base = self.request.base_version;
        if self.window.head().is_none() && self.creates() {
            return self.create().await;
        }
        let head = self.window.living_head()?.version;
        if self.base_expired || !self.window.knows(base) {
            return self.without_base().await;
        }
        match self.with_base(base, head).await {
            // Retention is removing it: as good as gone.
            Err(error) if error.code == Code::BaseExpired => {
                self.base_expired = true;
                self.without_base().await
            }
            attempted => attempted,
        }
    }

    /// Carries out a sync whose base the log has.
    async fn with_base(&mut self, base: Version, head: Version) -> Result<Attempt, Error> {
        if let Some((parent, version)) = self.earlier_success()? {
            return self.repeat(parent, version).await;
        }
        match (self.request.changes.is_empty(), head == base) {
            (true, true) => self.done(Outcome::UpToDate, News::Changes(Vec::new())).await,
            (true, false) => {
                let news = self.news_since(base).await?;
                self.done(Outcome::Pulled, news).await
            }
            (false, true) => self.accept().await,
            (false, false) => self.merge().await,
        }
    }

    /// True for a request to create the portfolio: base 0 with edits, or at least a name to give it.
    fn creates(&self) -> bool {
        self.request.base_version == 0 && (!self.request.changes.is_empty() || self.request.name.is_some())
    }

    /// The parent and version of the change that an earlier sending of this request made.
    fn earlier_success(&self) -> Result<Option<(Version, Version)>, Error> {
        let since = self.window.after(self.request.base_version);
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

    /// Makes the portfolio of the edits, as they came.
    async fn create(&mut self) -> Result<Attempt, Error> {
        let patch = self.request.patch(self.received);
        let new = self.change_on(None, patch);
        if new.change.extent.bound() > MAX_DOCUMENT_BYTES {
            self.check_size(Value::empty_object(), &new.patch)?;
        }
        let portfolio = self.key.portfolio.clone();
        let name = self.request.name.clone();
        let entry = Entry {
            name: name.unwrap_or_else(|| portfolio.to_string()),
            portfolio,
            created: new.change.last_sync_at,
            snapshot: None,
            kept_from: 0,
        };
        let appended = self.log.create(self.key, &entry, &new).await?;
        self.written(appended, new, Outcome::Accepted, News::Changes(Vec::new()))
            .await
    }

    /// Takes the edits as they came: nothing was written since their base.
    async fn accept(&mut self) -> Result<Attempt, Error> {
        let patch = self.request.patch(self.received);
        let mut new = self.change_on(self.window.head(), patch);
        self.check_bound(&mut new).await?;
        let appended = self.log.append(self.key, &new).await?;
        self.written(appended, new, Outcome::Accepted, News::Changes(Vec::new()))
            .await
    }

    /// Merges the edits with what was written since their base.
    async fn merge(&mut self) -> Result<Attempt, Error> {
        let sides = self.sides().await?;
        let merged = self
            .ranks
            .merge(
                self.log,
                &self.key.user,
                &sides.server.base,
                Device {
                    document: &sides.server.document,
                    authors: &sides.server.authors,
                },
                Device {
                    document: &sides.client,
                    authors: &sides.client_authors,
                },
                Some(&self.request.device_id),
            )
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

        let document_bytes = self.measured(&merged.document)?;
        let news = if is_smaller_as_document(json_size(&changes), document_bytes) {
            News::Document(merged.document)
        } else {
            News::Changes(changes)
        };
        let head = self.window.living_head()?;
        let new = self.change_on(Some(head), patch);
        self.sides = Some(sides);
        let appended = self.log.append(self.key, &new).await?;
        self.written(appended, new, Outcome::Merged, news).await
    }

    /// Both sides up to the window's head.
    async fn sides(&mut self) -> Result<Sides, Error> {
        if let Some(mut sides) = self.sides.take() {
            sides.server.advance(self.log, self.key, &mut self.window).await?;
            return Ok(sides);
        }
        let server = Replay::since(self.log, self.key, &mut self.window, self.request.base_version).await?;
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

    /// Answers a request whose change is in the log, from the log; others may have written since.
    ///
    /// The client holds its base and its edits. Where the edits were taken as they came, that is the
    /// document of their version, and what came later brings it to the head's; else the difference does.
    async fn repeat(&mut self, parent: Version, version: Version) -> Result<Attempt, Error> {
        self.report.repeated = true;
        let taken_as_they_came = parent == self.request.base_version;
        if taken_as_they_came && self.window.after(version).is_empty() {
            return self.done(Outcome::Accepted, News::Changes(Vec::new())).await;
        }
        let news = if taken_as_they_came {
            self.news_since(version).await?
        } else {
            let Sides { server, client, .. } = self.sides().await?;
            let changes = diff(&client, &server.document);
            let document_bytes = json_size(&server.document);
            self.report.document_bytes = Some(document_bytes);
            if is_smaller_as_document(json_size(&changes), document_bytes) {
                News::Document(server.document)
            } else {
                News::Changes(changes)
            }
        };
        self.done(Outcome::Merged, news).await
    }

    /// What brings the document of `version` to the head's: the operations since, or the document where
    /// these are known to be larger.
    async fn news_since(&mut self, version: Version) -> Result<News, Error> {
        let since = self.window.after(version);
        let operations_bytes = since.iter().map(|change| change.patch_bytes).sum();
        // Base 0 is known whatever is kept, but the first changes on top of it may not be.
        let is_whole = since.first().is_none_or(|oldest| oldest.parent == version);
        if is_whole && is_worth_a_look(operations_bytes, self.window.extent().bound()) {
            grow::tighten(self.log, self.key, &mut self.window).await?;
        }
        if !is_whole || is_smaller_as_document(operations_bytes, self.window.extent().bound()) {
            return self.head_document().await;
        }
        match self.window.operations(self.log, self.key, version).await {
            Ok(operations) => Ok(News::Changes(operations)),
            Err(LogError::Expired { .. }) if version == 0 => self.head_document().await,
            Err(error) => Err(error.into()),
        }
    }

    /// The head's document as what is new.
    async fn head_document(&mut self) -> Result<News, Error> {
        let head = self.window.living_head()?.version;
        let document = document_at(self.log, self.key, &mut self.window, head).await?;
        self.report.document_bytes = Some(json_size(&*document));
        Ok(News::Document(Arc::unwrap_or_clone(document)))
    }

    /// The answer with the head's document.
    async fn answer_document(&mut self, outcome: Outcome) -> Result<Attempt, Error> {
        let news = self.head_document().await?;
        self.done(outcome, news).await
    }

    /// The change that stores `patch` on top of `head`, or as the portfolio's first.
    fn change_on(&self, head: Option<&Change>, patch: Patch) -> NewChange {
        let parent = head.map_or(0, |head| head.version);
        let now = self.received;
        let change = Change {
            parent,
            version: parent + 1,
            kind: if head.is_some() { Kind::Synced } else { Kind::Created },
            device_id: Some(self.request.device_id.clone()),
            sync_id: Some(self.request.sync_id.clone()),
            fingerprint: Some(self.fingerprint),
            verbatim: false,
            last_sync_at: head.map_or(now, |head| Timestamp::after(head.last_sync_at, now)),
            extent: self.window.extent().grown_by(&patch),
            conflicts: u64::try_from(patch.conflicts.len()).unwrap_or(u64::MAX),
            patch_bytes: patch.operations_bytes(),
            patch: None,
            patch_id: None,
        };
        NewChange { change, patch }
    }

    /// Refuses edits of the head that make its document too large: first by what is known, then by what the
    /// directory knows, and only then by the document itself.
    async fn check_bound(&mut self, new: &mut NewChange) -> Result<(), Error> {
        if new.change.extent.bound() <= MAX_DOCUMENT_BYTES {
            return Ok(());
        }
        grow::tighten(self.log, self.key, &mut self.window).await?;
        new.change.extent = self.window.extent().grown_by(&new.patch);
        if new.change.extent.bound() <= MAX_DOCUMENT_BYTES {
            return Ok(());
        }
        let head = document_at(self.log, self.key, &mut self.window, new.change.parent).await?;
        new.change.extent = self.window.extent().grown_by(&new.patch);
        self.check_size(Arc::unwrap_or_clone(head), &new.patch)
    }

    /// Refuses edits that make `document` too large.
    fn check_size(&mut self, mut document: Value, patch: &Patch) -> Result<(), Error> {
        apply(&mut document, patch.edits.iter().map(|edit| &edit.op));
        self.measured(&document).map(drop)
    }

    /// The size of the document that this sync makes, in bytes; refused over the limit.
    fn measured(&mut self, document: &Value) -> Result<u64, Error> {
        let bytes = json_size(document);
        self.report.document_bytes = Some(bytes);
        check_size(bytes)?;
        Ok(bytes)
    }

    /// Answers with `news` once the log has taken `new`.
    async fn written(
        &mut self,
        appended: Appended,
        new: NewChange,
        outcome: Outcome,
        news: News,
    ) -> Result<Attempt, Error> {
        if let Appended::Taken(winner) = appended {
            return Ok(Attempt::Lost(winner));
        }
        let NewChange { change, patch } = new;
        self.report.conflicts = change.conflicts;
        self.report.patch_bytes = change.patch_bytes;
        self.window.extend(vec![Change {
            patch: Some(patch),
            ..change
        }]);
        self.done(outcome, news).await
    }

    /// The answer at the window's head, with every conflict logged since the base.
    async fn done(&mut self, outcome: Outcome, news: News) -> Result<Attempt, Error> {
        let base = self.request.base_version;
        let conflicts = self.window.conflicts(self.log, self.key, base).await?;
        let head = self.window.living_head()?;
        Ok(Attempt::Done(SyncResponse {
            portfolio_id: self.key.portfolio.clone(),
            version: head.version,
            last_sync_at: head.last_sync_at,
            last_sync_device: head.device_id.clone(),
            outcome,
            news,
            conflicts: conflicts.into_iter().map(ConflictRecord::from).collect(),
        }))
    }

    /// Learns what is new. Where the winner is this very sync, an earlier attempt had succeeded unheard;
    /// else waits its turn.
    async fn after_losing_to<B: Backoff>(&mut self, winner: Change, backoff: &mut B) -> Result<(), Error> {
        if winner.sync_id.as_ref() == Some(&self.request.sync_id) {
            self.window.extend(vec![winner]);
            return Ok(());
        }
        self.report.optimistic_retries += 1;
        if !backoff.wait().await {
            return Err(Error::new(
                Code::Busy,
                "other devices were faster, several times over; send the same request again",
            ));
        }
        let newer = self.log.since(self.key, winner.parent).await?;
        self.window.extend(newer);
        Ok(())
    }
}

/// True where operations of that size may well be larger than the document, whose bound may be loose.
const fn is_worth_a_look(operations_bytes: u64, bound: u64) -> bool {
    operations_bytes > ALWAYS_CHANGES_BYTES && operations_bytes > bound / LOOSE_BY
}

/// True where operations of that size would be larger than the document, and not small anyway.
const fn is_smaller_as_document(operations_bytes: u64, document_bytes: u64) -> bool {
    operations_bytes > ALWAYS_CHANGES_BYTES && operations_bytes > document_bytes
}
