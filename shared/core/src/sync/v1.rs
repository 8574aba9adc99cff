//! The v1 sync: a device sends its whole document (design section 5, v1).

use super::base::{Claims, Past};
use super::changes::changes;
use super::metadata::{self, Stamped};
use super::ranked::KnownRanks;
use super::report::{Answered, Outcome, Report};
use super::{Backoff, grow, limits, rounding, wait};
use crate::algebra::{Authors, Conflict, Device, Op, Stamp, diff};
use crate::devices::RankSource;
use crate::error::{Code, Error};
use crate::id::DeviceId;
use crate::json::Value;
use crate::log::{
    Appended, Change, ChangeLog, Edit, Fingerprint, Kind, LogError, NewChange, Patch, PortfolioKey, Replay, Version,
    Window, document_at, json_size, patch_of,
};
use crate::time::Timestamp;
use crate::wire::ConflictRecord;
use crate::wire::v1::{DocumentChange, SyncRequest, SyncResponse};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// How far one sync may carry the version on, where its client counts its own edits (design section 5).
const MAX_VERSION_JUMP: u64 = 10_000;

/// Merges a device's document into the portfolio's and answers with the whole of it.
///
/// `received` is when the request came in. A typical sync of a device that is up to date takes one request
/// for the changes since its base, one for the newest snapshot, one for the changes after that, and one
/// conditional write.
///
/// # Errors
/// Not found or deleted; wipe refused; too large (413) or too deep (422) documents; a `client_version` more
/// than 10,000 ahead (422); busy where `backoff` ends before a race is won.
pub async fn sync<L: ChangeLog + RankSource, B: Backoff>(
    log: &L,
    backoff: &mut B,
    key: &PortfolioKey,
    request: SyncRequest,
    received: Timestamp,
) -> Result<Answered<SyncResponse>, Error> {
    let mut sync = Sync::begin(log, key, request, received).await?;
    loop {
        if sync.is_repetition() {
            return sync.answer_repetition(Outcome::Pulled, Vec::new()).await;
        }
        sync.read_ground().await?;
        let Some(proposal) = sync.propose().await? else {
            return sync.answer_unedited().await;
        };
        let new = sync.new_change(&proposal)?;
        match log.append(key, &new).await? {
            Appended::Written => return sync.answer_edited(new, proposal).await,
            // An earlier attempt of this very request had succeeded without our hearing of it.
            Appended::Taken(taken) if sync.made(&taken) => return sync.answer_hidden_success(proposal).await,
            Appended::Taken(_) => {}
        }
        wait(backoff).await?;
        sync.retries += 1;
        sync.catch_up().await?;
    }
}

/// A sync under way.
struct Sync<'a, L> {
    log: &'a L,
    key: &'a PortfolioKey,
    device_id: DeviceId,
    client_version: Version,
    allow_wipe: bool,
    /// The effective time of the client's edits.
    edited: Timestamp,
    received: Timestamp,
    fingerprint: Fingerprint,
    client: Arc<Value>,
    window: Window,
    base: Option<Version>,
    ground: Option<Ground>,
    ranks: KnownRanks,
    retries: u64,
}

/// The documents that the client's is held against.
enum Ground {
    /// Nothing was written since the base: the base's document is the head's.
    Untouched(Arc<Value>),
    /// Something was: the base's document and the head's.
    Apart(Box<Replay>),
}

impl Ground {
    fn head(&self) -> &Value {
        match self {
            Self::Untouched(document) => document,
            Self::Apart(replay) => &replay.document,
        }
    }
}

/// A version to write.
struct Proposal {
    document: Arc<Value>,
    ops: Vec<Op>,
    conflicts: Vec<Conflict>,
    outcome: Outcome,
}

impl<'a, L: ChangeLog + RankSource> Sync<'a, L> {
    async fn begin(
        log: &'a L,
        key: &'a PortfolioKey,
        request: SyncRequest,
        received: Timestamp,
    ) -> Result<Self, Error> {
        let SyncRequest {
            client_data: mut client,
            last_sync_at,
            client_version,
            device_id,
            allow_wipe,
        } = request;
        limits::check_depth(&client, "client_data")?;
        let echo = metadata::strip(&mut client);
        let json = client.to_json();
        limits::check_size(u64::try_from(json.len()).unwrap_or(u64::MAX))?;
        let fingerprint = fingerprint(&device_id, client_version, &json);
        let claims = Claims {
            echo,
            answered_at: last_sync_at.filter(|last| last.exact).map(|last| last.at),
            client_version,
            device_id: &device_id,
        };
        let mut past = Past::read(log, key, claims.likely()).await?;
        let head = past.living_head()?;
        if client_version.saturating_add(1).saturating_sub(head.version) > MAX_VERSION_JUMP {
            return Err(Error::invalid(format!(
                "client_version is more than {MAX_VERSION_JUMP} ahead of the portfolio's"
            )));
        }
        let base = past.base(claims).await?;
        past.reach(base.unwrap_or(0)).await?;
        Ok(Self {
            log,
            key,
            device_id,
            client_version,
            allow_wipe,
            edited: last_sync_at.map_or(received, |last| last.at.min(received)),
            received,
            fingerprint,
            client: client.into(),
            window: past.into_window(),
            base,
            ground: None,
            ranks: KnownRanks::default(),
            retries: 0,
        })
    }

    /// The changes since the base; without one, all.
    fn since_base(&self) -> &[Change] {
        self.window.after(self.base.unwrap_or(0))
    }

    fn made(&self, change: &Change) -> bool {
        change.device_id.as_ref() == Some(&self.device_id) && change.fingerprint == Some(self.fingerprint)
    }

    /// The device's newest change. One from before the base does not count: an answer that the device
    /// built on is between the two, so that the same document is a new edit.
    fn newest_own(&self) -> Option<&Change> {
        let mut newest_first = self.since_base().iter().rev();
        newest_first.find(|change| change.device_id.as_ref() == Some(&self.device_id))
    }

    fn is_repetition(&self) -> bool {
        self.newest_own().is_some_and(|change| self.made(change))
    }

    /// Reads what the client's document is held against, and makes it comparable: with the numbers that the
    /// client could not hold and the members that it never saw.
    async fn read_ground(&mut self) -> Result<(), Error> {
        let head = self.window.living_head()?.version;
        let (log, key, window) = (self.log, self.key, &mut self.window);
        let ground = match self.ground.take() {
            Some(Ground::Apart(mut replay)) => {
                replay.advance(log, key, window).await?;
                Ground::Apart(replay)
            }
            _ if self.base == Some(head) => Ground::Untouched(document_at(log, key, window, head).await?),
            _ => {
                let mut replay = Replay::since(log, key, window, self.base.unwrap_or(0)).await;
                if let Err(LogError::Expired { .. }) = replay {
                    // Retention is removing the base: as good as gone.
                    self.base = None;
                    replay = Replay::since(log, key, window, 0).await;
                }
                Ground::Apart(Box::new(replay?))
            }
        };
        let client = Arc::make_mut(&mut self.client);
        match (&ground, self.base) {
            (Ground::Untouched(base), _) => settle(client, base),
            (Ground::Apart(replay), Some(_)) => settle(client, &replay.base),
            (Ground::Apart(replay), None) => rounding::restore(client, &replay.document),
        }
        self.ground = Some(ground);
        Ok(())
    }

    /// What the client's edits make of the head; `None` where there are no edits.
    async fn propose(&mut self) -> Result<Option<Proposal>, Error> {
        let ground = self.ground.take();
        let proposal = match &ground {
            None => None,
            Some(Ground::Untouched(base)) => {
                self.refuse_wipe(base)?;
                let ops = diff(base, &self.client);
                (!ops.is_empty()).then(|| Proposal {
                    document: Arc::clone(&self.client),
                    ops,
                    conflicts: Vec::new(),
                    outcome: Outcome::Accepted,
                })
            }
            Some(Ground::Apart(replay)) => {
                self.refuse_wipe(&replay.base)?;
                self.merge(replay).await?
            }
        };
        self.ground = ground;
        Ok(proposal)
    }

    async fn merge(&mut self, replay: &Replay) -> Result<Option<Proposal>, Error> {
        if self.base.is_some() && *self.client == replay.base {
            return Ok(None);
        }
        let server = Device {
            document: &replay.document,
            authors: &replay.authors,
        };
        let client = Device {
            document: &self.client,
            authors: &Authors::new(Stamp {
                device_id: Some(self.device_id.clone()),
                at: self.edited,
            }),
        };
        let merged = self
            .ranks
            .merge(
                self.log,
                &self.key.user,
                &replay.base,
                server,
                client,
                Some(&self.device_id),
            )
            .await?;
        let ops = diff(&replay.document, &merged.document);
        if self.base.is_none() && ops.is_empty() && merged.conflicts.is_empty() {
            return Ok(None);
        }
        Ok(Some(Proposal {
            document: merged.document.into(),
            ops,
            conflicts: merged.conflicts,
            outcome: Outcome::Merged,
        }))
    }

    /// Refuses a document without a scalar where its base had some: a phone that lost its storage.
    fn refuse_wipe(&self, base: &Value) -> Result<(), Error> {
        let is_wipe = !metadata::holds_a_scalar_aside(&self.client) && metadata::holds_a_scalar_aside(base);
        if is_wipe && !self.allow_wipe {
            return Err(Error::new(
                Code::WipeRefused,
                "client_data holds nothing where its base held something; send \"allow_wipe\": true to mean it",
            ));
        }
        Ok(())
    }

    fn new_change(&self, proposal: &Proposal) -> Result<NewChange, Error> {
        let head = self.window.living_head()?;
        let edit = |op: &Op| Edit {
            op: op.clone(),
            at: self.edited,
        };
        let patch = Patch {
            edits: proposal.ops.iter().map(edit).collect(),
            conflicts: proposal.conflicts.clone(),
        };
        let extent = grow::extent(&self.window, &patch, &proposal.document)?;
        let change = Change {
            parent: head.version,
            version: head.version.max(self.client_version).saturating_add(1),
            kind: Kind::Synced,
            device_id: Some(self.device_id.clone()),
            sync_id: None,
            fingerprint: Some(self.fingerprint),
            verbatim: Arc::ptr_eq(&proposal.document, &self.client)
                || metadata::same_aside(&proposal.document, &self.client),
            last_sync_at: Timestamp::after(head.last_sync_at, self.received),
            extent,
            conflicts: u64::try_from(patch.conflicts.len()).unwrap_or(u64::MAX),
            patch_bytes: patch.operations_bytes(),
            patch: None,
            patch_id: None,
        };
        Ok(NewChange { change, patch })
    }
}

/// The answers.
impl<L: ChangeLog + RankSource> Sync<'_, L> {
    /// The answer to a sync that wrote `new`.
    async fn answer_edited(mut self, new: NewChange, proposal: Proposal) -> Result<Answered<SyncResponse>, Error> {
        let mut conflicts = self.logged_conflicts().await?;
        let version = new.change.version;
        let own = new.patch.conflicts.into_iter();
        conflicts.extend(own.map(|conflict| ConflictRecord { version, conflict }));
        let report = Report {
            outcome: proposal.outcome,
            conflicts: new.change.conflicts,
            patch_bytes: new.change.patch_bytes,
            ..self.report()
        };
        let changes = self.changes(&proposal);
        Ok(answer(
            self.log,
            self.key,
            report,
            &new.change,
            proposal.document,
            changes,
            conflicts,
        ))
    }

    /// The answer to a sync without edits: the head.
    async fn answer_unedited(mut self) -> Result<Answered<SyncResponse>, Error> {
        let conflicts = self.logged_conflicts().await?;
        let (outcome, document) = match self.ground.take() {
            Some(Ground::Apart(replay)) => (Outcome::Pulled, replay.document.into()),
            Some(Ground::Untouched(document)) => (Outcome::UpToDate, document),
            None => (Outcome::UpToDate, Value::empty_object().into()),
        };
        let report = Report {
            outcome,
            ..self.report()
        };
        let head = self.window.living_head()?;
        Ok(answer(
            self.log,
            self.key,
            report,
            head,
            document,
            Vec::new(),
            conflicts,
        ))
    }

    /// The answer to a sync that an earlier request had carried out: the head, and the conflicts that it
    /// would have heard of then.
    async fn answer_repetition(
        mut self,
        outcome: Outcome,
        changes: Vec<DocumentChange>,
    ) -> Result<Answered<SyncResponse>, Error> {
        let conflicts = match self.base {
            Some(_) => self.logged_conflicts().await?,
            None => self.own_conflicts().await?,
        };
        let head = self.window.living_head()?.clone();
        let document = document_at(self.log, self.key, &mut self.window, head.version).await?;
        let report = Report {
            outcome,
            repeated: true,
            ..self.report()
        };
        Ok(answer(self.log, self.key, report, &head, document, changes, conflicts))
    }

    /// The answer to a sync whose change was there already when it was to be written: `proposal` is that change.
    async fn answer_hidden_success(mut self, proposal: Proposal) -> Result<Answered<SyncResponse>, Error> {
        let changes = self.changes(&proposal);
        self.catch_up().await?;
        self.answer_repetition(proposal.outcome, changes).await
    }

    fn report(&self) -> Report {
        Report {
            optimistic_retries: self.retries,
            base: self.base,
            ..Report::default()
        }
    }

    fn changes(&self, proposal: &Proposal) -> Vec<DocumentChange> {
        let held = self.ground.as_ref().map_or(&Value::Null, Ground::head);
        changes(&proposal.ops, held, &proposal.document)
    }

    /// The conflicts logged since the base; none without one: nobody knows which the device has heard of.
    async fn logged_conflicts(&mut self) -> Result<Vec<ConflictRecord>, Error> {
        let Some(base) = self.base else {
            return Ok(Vec::new());
        };
        let logged = self.window.conflicts(self.log, self.key, base).await?;
        Ok(logged.into_iter().map(ConflictRecord::from).collect())
    }

    /// The conflicts that the device's newest change recorded.
    async fn own_conflicts(&mut self) -> Result<Vec<ConflictRecord>, Error> {
        let Some(own) = self.newest_own() else {
            return Ok(Vec::new());
        };
        let version = own.version;
        let patch = match patch_of(self.log, self.key, own).await {
            Err(LogError::Expired { .. }) => return Ok(Vec::new()),
            read => read?,
        };
        let record = |conflict| ConflictRecord { version, conflict };
        Ok(patch.conflicts.into_iter().map(record).collect())
    }

    /// Reads what was written since the head was read.
    async fn catch_up(&mut self) -> Result<(), Error> {
        let head = self.window.living_head()?.version;
        self.window.extend(self.log.since(self.key, head).await?);
        Ok(())
    }
}

/// The answer with `document`, that of the version that `head` made; the log remembers it for the device's
/// next sync.
fn answer<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    report: Report,
    head: &Change,
    document: Arc<Value>,
    changes: Vec<DocumentChange>,
    conflicts: Vec<ConflictRecord>,
) -> Answered<SyncResponse> {
    let document_bytes = json_size(&*document);
    log.remember(key, head, &document, document_bytes);
    let report = Report {
        document_bytes: Some(document_bytes),
        ..report
    };
    let answer = SyncResponse {
        success: true,
        version: head.version,
        data: Stamped::new(document, head),
        changes,
        last_sync_at: head.last_sync_at,
        conflicts,
    };
    Answered { answer, report }
}

/// Makes a v1 client's document comparable with the one that it was made from.
pub(super) fn settle(sent: &mut Value, base: &Value) {
    rounding::restore(sent, base);
    metadata::give_back(sent, base);
}

/// What tells a repetition: the device, the version that it named and the document that it sent, the
/// service's members aside.
fn fingerprint(device: &DeviceId, client_version: Version, document: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    // No id holds a line break, so no two requests hash the same text.
    hash.update(format!("v1 sync\n{device}\n{client_version}\n"));
    hash.update(document);
    hash.finalize().into()
}
