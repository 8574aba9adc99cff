//! The v1 sync: a device sends its whole document (docs/PROTOCOL.md).

mod answer;
mod base;
mod changes;
mod comparable;
pub(super) mod metadata;
mod rounding;
mod unanswered;

pub(super) use comparable::make_comparable;
pub(super) use rounding::restore as restore_rounded;

use super::append::{Backoff, End, NewDocument, Plan, Proposal, Writer, append};
use super::limits;
use super::ranked::KnownRanks;
use super::report::Answered;
use super::wipe::removes_almost_everything;
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
use base::{Basis, Claims};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use unanswered::Unanswered;

/// By how much one sync may advance the version if its client counts its own edits (docs/PROTOCOL.md): more than any
/// app can count, but so little that versions stay whole numbers in JavaScript.
const MAX_VERSION_JUMP: u64 = 1_000_000_000;

impl<S: Store + RankSource> Portfolio<'_, S> {
    /// Merges a device's document into the portfolio's, and answers with the merged document.
    ///
    /// `received` is when the request arrived. The typical sync of a device that is up to date takes one request for
    /// the changes since its base, one for the newest snapshot, one for the changes after that, and one conditional
    /// write.
    ///
    /// # Errors
    /// Not found; deleted; wipe refused; a document that is too large (413) or nests too deep (422); edits with a
    /// `client_version` that is more than 10⁹ ahead (422); busy when `backoff` gives up before an append succeeds.
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
            End::Done(Unedited::Repetition(version)) => sync.answer_repetition(&mut window, version).await,
            End::Done(Unedited::NoEdits) => sync.answer_unedited(&mut window).await,
        }
    }
}

/// A sync under way.
struct Sync {
    device_id: DeviceId,
    client_version: Version,
    allow_wipe: bool,
    fingerprint: Fingerprint,
    client: Arc<Value>,
    basis: Basis,
    server: Option<Server>,
    ranks: KnownRanks,
}

/// The server's documents, with which the client's document is compared.
enum Server {
    /// Nothing was written since the base: the base's document is the head's.
    Unchanged(Arc<Value>),
    /// Something was written: the base's document and the head's, and the device's own unanswered changes.
    Changed(Box<Replay>, Option<Box<Unanswered>>),
}

impl Server {
    /// Returns the base's document, with the device's unanswered changes.
    fn base(&self) -> &Value {
        match self {
            Self::Unchanged(document) => document,
            Self::Changed(_, Some(unanswered)) => &unanswered.base,
            Self::Changed(replay, None) => &replay.base,
        }
    }

    fn head(&self) -> &Value {
        match self {
            Self::Unchanged(document) => document,
            Self::Changed(replay, _) => &replay.document,
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
    /// An earlier sending of the same request made this version.
    Repetition(Version),
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
            last_sync_at,
            client_version,
            device_id: &device_id,
        };
        let mut window = Window::read_since(portfolio, claims.likely())
            .await?
            .for_device(&device_id);
        window.living_head()?;
        let basis = claims.basis(&mut window, received).await?;
        window.reach(basis.base.unwrap_or(0)).await?;
        let sync = Self {
            device_id,
            client_version,
            allow_wipe,
            fingerprint,
            client: client.into(),
            basis,
            server: None,
            ranks: KnownRanks::default(),
        };
        Ok((sync, window))
    }

    fn made(&self, change: &Change) -> bool {
        change.device_id.as_ref() == Some(&self.device_id) && change.fingerprint == Some(self.fingerprint)
    }

    /// Reads the server's documents up to the head, and makes the client's document comparable with them.
    async fn read_server<S: Store>(&mut self, window: &mut Window<'_, S>) -> Result<Server, Error> {
        let head = window.living_head()?.version;
        let server = match self.server.take() {
            Some(Server::Changed(mut replay, _)) => {
                replay.advance(window).await?;
                self.changed(window, replay)
            }
            _ if self.basis.base == Some(head) => Server::Unchanged(window.document_at(head).await?),
            _ => {
                let mut replay = Replay::since(window, self.basis.base.unwrap_or(0)).await;
                if let Err(StoreError::Expired { .. }) = replay {
                    // Retention is removing the base at this moment: it counts as expired.
                    self.basis.base = None;
                    replay = Replay::since(window, 0).await;
                }
                self.changed(window, Box::new(replay?))
            }
        };
        let client = Arc::make_mut(&mut self.client);
        match (&server, self.basis.base) {
            // Without a base, the members that the client never saw are not in the base either.
            (Server::Changed(replay, _), None) => rounding::restore(client, &replay.document),
            _ => make_comparable(client, server.base()),
        }
        if let Server::Changed(replay, Some(_)) = &server {
            // The client may have gone back to a number of the base that it sees rounded.
            rounding::restore(client, &replay.base);
        }
        Ok(server)
    }

    fn changed<S: Store>(&self, window: &Window<'_, S>, replay: Box<Replay>) -> Server {
        let on = |base| Unanswered::on(base, &replay.base, window.after(base), &self.device_id);
        let unanswered = self.basis.base.and_then(on).map(Box::new);
        Server::Changed(replay, unanswered)
    }

    /// Merges the client's edits with the head; `None` if there are no edits.
    async fn merge<S: Store + RankSource>(
        &mut self,
        portfolio: Portfolio<'_, S>,
        server: &Server,
    ) -> Result<Option<Merge>, Error> {
        if self.basis.base.is_some() && *self.client == *server.base() {
            return Ok(None);
        }
        self.refuse_wipe(server.base())?;
        let (replay, unanswered) = match server {
            Server::Changed(replay, unanswered) => (replay, unanswered.as_deref()),
            Server::Unchanged(base) => {
                return Ok(Some(Merge {
                    document: Arc::clone(&self.client),
                    ops: diff(base, &self.client),
                    conflicts: Vec::new(),
                    outcome: Outcome::Accepted,
                }));
            }
        };
        let edited = self.basis.edited();
        let by_server = Authored {
            document: &replay.document,
            authors: unanswered.map_or(&replay.authors, |unanswered| &unanswered.authors),
        };
        let by_client = Authored {
            document: &self.client,
            authors: &Authors::new(Stamp {
                device_id: Some(self.device_id.clone()),
                at: edited,
            }),
        };
        // Changes with the device's own id that do not count into the base are another's: nothing shows that this phone
        // has seen them. It may have been reinstalled, restored from a backup, or cloned.
        let merged = self
            .ranks
            .merge(portfolio, server.base(), by_server, by_client, None)
            .await?;
        let ops = diff(&replay.document, &merged.document);
        let mut conflicts = merged.conflicts;
        if let Some(unanswered) = unanswered {
            let client = (&self.device_id, edited);
            conflicts.extend(unanswered.replaced(replay, &self.client, client, &conflicts));
        }
        if self.basis.base.is_none() && ops.is_empty() && conflicts.is_empty() {
            return Ok(None);
        }
        Ok(Some(Merge {
            document: merged.document.into(),
            ops,
            conflicts,
            outcome: Outcome::Merged,
        }))
    }

    /// Refuses a document that lacks almost everything that its base has: the phone has probably lost its storage, or
    /// has the document of another account.
    fn refuse_wipe(&self, base: &Value) -> Result<(), Error> {
        if !self.allow_wipe && removes_almost_everything(&metadata::data_of_client(base), &self.client) {
            return Err(Error::new(
                Code::WipeRefused,
                "client_data lacks almost everything that its base has; send \"allow_wipe\": true if this is intended",
            ));
        }
        Ok(())
    }

    /// Refuses a jump that is too far.
    fn check_jump(&self, head: Version) -> Result<(), Error> {
        if self.client_version.saturating_add(1).saturating_sub(head) > MAX_VERSION_JUMP {
            return Err(Error::invalid(format!(
                "client_version is more than {MAX_VERSION_JUMP} ahead of the portfolio's version"
            )));
        }
        Ok(())
    }

    fn proposal(&self, merge: &Merge) -> Proposal {
        let edit = |op: &Op| Edit {
            op: op.clone(),
            at: self.basis.edited(),
        };
        let patch = Patch {
            edits: merge.ops.iter().map(edit).collect(),
            conflicts: merge.conflicts.clone(),
        };
        Proposal {
            base: Some(self.basis.base.unwrap_or(0)),
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
        let since_base = window.after(self.basis.base.unwrap_or(0));
        if let Some(change) = unanswered::earlier(since_base, &self.device_id, |change| self.made(change)) {
            return Ok(Plan::Done(Unedited::Repetition(change.version)));
        }
        let server = self.read_server(window).await?;
        let merge = self.merge(window.portfolio(), &server).await?;
        self.server = Some(server);
        match merge {
            Some(merge) => {
                self.check_jump(window.living_head()?.version)?;
                Ok(Plan::Append(self.proposal(&merge), merge))
            }
            None => Ok(Plan::Done(Unedited::NoEdits)),
        }
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
