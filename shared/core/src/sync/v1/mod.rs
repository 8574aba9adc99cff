//! The v1 sync: a device sends its whole document (docs/PROTOCOL.md).

mod answer;
mod base;
mod changes;
mod comparable;
pub(super) mod metadata;
mod rounding;

pub(super) use comparable::make_comparable;

use super::append::{Backoff, End, NewDocument, Plan, Proposal, Writer, append};
use super::limits;
use super::ranked::KnownRanks;
use super::report::Answered;
use crate::algebra::{Authored, Authors, Conflict, Op, Stamp, diff};
use crate::error::{Code, Error};
use crate::id::DeviceId;
use crate::json::Value;
use crate::log::{Change, Edit, Fingerprint, Kind, Patch, Version};
use crate::portfolio::{Portfolio, Replay, Window};
use crate::store::{RankSource, Store, StoreError};
use crate::time::Timestamp;
use crate::wire::Outcome;
use crate::wire::v1::{SyncRequest, SyncResponse};
use base::Claims;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// By how much one sync may advance the version if its client counts its own edits (docs/PROTOCOL.md).
const MAX_VERSION_JUMP: u64 = 10_000;

impl<S: Store + RankSource> Portfolio<'_, S> {
    /// Merges a device's document into the portfolio's, and answers with the merged document.
    ///
    /// `received` is when the request arrived. The typical sync of a device that is up to date takes one request for
    /// the changes since its base, one for the newest snapshot, one for the changes after that, and one conditional
    /// write.
    ///
    /// # Errors
    /// Not found; deleted; wipe refused; a document that is too large (413) or nests too deep (422); a `client_version`
    /// that is more than 10,000 ahead (422); busy when `backoff` gives up before an append succeeds.
    pub async fn sync_v1<B: Backoff>(
        self,
        backoff: &mut B,
        request: SyncRequest,
        received: Timestamp,
    ) -> Result<Answered<SyncResponse>, Error> {
        let (mut sync, mut window) = Sync::begin(self, request, received).await?;
        match append(&mut window, backoff, &mut sync, received).await? {
            End::Written(merge) => sync.answer_edited(&mut window, merge).await,
            End::OwnEarlier(merge) => sync.answer_unanswered(&mut window, merge).await,
            End::Done(Unedited::Repetition) => sync.answer_repetition(&mut window).await,
            End::Done(Unedited::NoEdits) => sync.answer_unedited(&mut window).await,
        }
    }
}

/// A sync under way.
struct Sync {
    device_id: DeviceId,
    client_version: Version,
    allow_wipe: bool,
    /// The effective time of the client's edits.
    edited: Timestamp,
    fingerprint: Fingerprint,
    client: Arc<Value>,
    base: Option<Version>,
    server: Option<Server>,
    ranks: KnownRanks,
}

/// The server's documents, with which the client's document is compared.
enum Server {
    /// Nothing was written since the base: the base's document is the head's.
    Unchanged(Arc<Value>),
    /// Something was written: the base's document and the head's.
    Changed(Box<Replay>),
}

impl Server {
    fn base(&self) -> &Value {
        match self {
            Self::Unchanged(document) => document,
            Self::Changed(replay) => &replay.base,
        }
    }

    fn head(&self) -> &Value {
        match self {
            Self::Unchanged(document) => document,
            Self::Changed(replay) => &replay.document,
        }
    }
}

/// The result of merging the client's document with the head's.
struct Merge {
    document: Arc<Value>,
    /// The operations that turn the head's document into `document`.
    ops: Vec<Op>,
    conflicts: Vec<Conflict>,
    outcome: Outcome,
}

/// The reasons for which a sync writes nothing.
enum Unedited {
    /// An earlier sending of the same request was carried out.
    Repetition,
    /// The document contains no edits.
    NoEdits,
}

impl Sync {
    async fn begin<S: Store>(
        portfolio: Portfolio<'_, S>,
        request: SyncRequest,
        received: Timestamp,
    ) -> Result<(Self, Window<'_, S>), Error> {
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
        let mut window = Window::read_since(portfolio, claims.likely()).await?;
        let head = window.living_head()?;
        if client_version.saturating_add(1).saturating_sub(head.version) > MAX_VERSION_JUMP {
            return Err(Error::invalid(format!(
                "client_version is more than {MAX_VERSION_JUMP} ahead of the portfolio's version"
            )));
        }
        let base = claims.base(&mut window).await?;
        window.reach(base.unwrap_or(0)).await?;
        let sync = Self {
            device_id,
            client_version,
            allow_wipe,
            edited: last_sync_at.map_or(received, |last| last.at.min(received)),
            fingerprint,
            client: client.into(),
            base,
            server: None,
            ranks: KnownRanks::default(),
        };
        Ok((sync, window))
    }

    /// Returns the device's newest change since the base; without a base, the newest in the window.
    ///
    /// A change of the device from before the base does not count: the device has received an answer since then, so the
    /// same document is a new edit.
    fn newest_own<'w, S: Store>(&self, window: &'w Window<'_, S>) -> Option<&'w Change> {
        let since_base = window.after(self.base.unwrap_or(0));
        let mut newest_first = since_base.iter().rev();
        newest_first.find(|change| change.device_id.as_ref() == Some(&self.device_id))
    }

    fn made(&self, change: &Change) -> bool {
        change.device_id.as_ref() == Some(&self.device_id) && change.fingerprint == Some(self.fingerprint)
    }

    /// Reads the server's documents up to the head, and makes the client's document comparable with them.
    async fn read_server<S: Store>(&mut self, window: &mut Window<'_, S>) -> Result<Server, Error> {
        let head = window.living_head()?.version;
        let server = match self.server.take() {
            Some(Server::Changed(mut replay)) => {
                replay.advance(window).await?;
                Server::Changed(replay)
            }
            _ if self.base == Some(head) => Server::Unchanged(window.document_at(head).await?),
            _ => {
                let mut replay = Replay::since(window, self.base.unwrap_or(0)).await;
                if let Err(StoreError::Expired { .. }) = replay {
                    // Retention is removing the base at this moment: it counts as expired.
                    self.base = None;
                    replay = Replay::since(window, 0).await;
                }
                Server::Changed(Box::new(replay?))
            }
        };
        let client = Arc::make_mut(&mut self.client);
        match (&server, self.base) {
            // Without a base, the members that the client never saw are not in the base either.
            (Server::Changed(replay), None) => rounding::restore(client, &replay.document),
            _ => make_comparable(client, server.base()),
        }
        Ok(server)
    }

    /// Merges the client's edits with the head; `None` if there are no edits.
    async fn merge<S: Store + RankSource>(
        &mut self,
        portfolio: Portfolio<'_, S>,
        server: &Server,
    ) -> Result<Option<Merge>, Error> {
        self.refuse_wipe(server.base())?;
        let replay = match server {
            Server::Changed(replay) => replay,
            Server::Unchanged(base) => {
                let ops = diff(base, &self.client);
                return Ok((!ops.is_empty()).then(|| Merge {
                    document: Arc::clone(&self.client),
                    ops,
                    conflicts: Vec::new(),
                    outcome: Outcome::Accepted,
                }));
            }
        };
        if self.base.is_some() && *self.client == replay.base {
            return Ok(None);
        }
        let server = Authored {
            document: &replay.document,
            authors: &replay.authors,
        };
        let client = Authored {
            document: &self.client,
            authors: &Authors::new(Stamp {
                device_id: Some(self.device_id.clone()),
                at: self.edited,
            }),
        };
        let merged = self
            .ranks
            .merge(portfolio, &replay.base, server, client, Some(&self.device_id))
            .await?;
        let ops = diff(&replay.document, &merged.document);
        if self.base.is_none() && ops.is_empty() && merged.conflicts.is_empty() {
            return Ok(None);
        }
        Ok(Some(Merge {
            document: merged.document.into(),
            ops,
            conflicts: merged.conflicts,
            outcome: Outcome::Merged,
        }))
    }

    /// Refuses a document without a scalar if its base has one: the phone has probably lost its storage.
    fn refuse_wipe(&self, base: &Value) -> Result<(), Error> {
        let is_wipe = !metadata::has_a_scalar_of_its_own(&self.client) && metadata::has_a_scalar_of_its_own(base);
        if is_wipe && !self.allow_wipe {
            return Err(Error::new(
                Code::WipeRefused,
                "client_data has no values, but its base has some; send \"allow_wipe\": true if this is intended",
            ));
        }
        Ok(())
    }

    fn proposal(&self, merge: &Merge) -> Proposal {
        let edit = |op: &Op| Edit {
            op: op.clone(),
            at: self.edited,
        };
        let patch = Patch {
            edits: merge.ops.iter().map(edit).collect(),
            conflicts: merge.conflicts.clone(),
        };
        Proposal {
            base: Some(self.base.unwrap_or(0)),
            device_id: Some(self.device_id.clone()),
            verbatim: Arc::ptr_eq(&merge.document, &self.client)
                || metadata::has_same_data(&merge.document, &self.client),
            above: self.client_version,
            document: NewDocument::Made(Arc::clone(&merge.document)),
            ..Proposal::new(Kind::Synced, self.fingerprint, patch)
        }
    }
}

impl<S: Store + RankSource> Writer<S> for Sync {
    type Context = Merge;
    type Done = Unedited;

    async fn plan(&mut self, window: &mut Window<'_, S>) -> Result<Plan<Merge, Unedited>, Error> {
        if self.newest_own(window).is_some_and(|change| self.made(change)) {
            return Ok(Plan::Done(Unedited::Repetition));
        }
        let server = self.read_server(window).await?;
        let merge = self.merge(window.portfolio(), &server).await?;
        self.server = Some(server);
        Ok(match merge {
            Some(merge) => Plan::Append(self.proposal(&merge), merge),
            None => Plan::Done(Unedited::NoEdits),
        })
    }

    fn made(&self, change: &Change) -> bool {
        Self::made(self, change)
    }
}

/// Returns the fingerprint of a request: the device, the version that it named and the document that it sent, without
/// the service's members.
fn fingerprint(device: &DeviceId, client_version: Version, document: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    // An id cannot contain a line break, so two different requests never hash the same text.
    hash.update(format!("v1 sync\n{device}\n{client_version}\n"));
    hash.update(document);
    hash.finalize().into()
}
