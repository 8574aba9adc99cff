//! Appending a change: the one way in which anything is written to a portfolio's log.
//!
//! A [`Writer`] proposes a change on top of the head that it sees. [`append`] makes a draft of it, checks the limits
//! and tries to write the draft as the head's only child. If another writer was first, it waits, reads the new
//! changes and asks for a new proposal. So a new way of writing a portfolio needs only a new writer.

use super::limits::{MAX_DOCUMENT_BYTES, check_size};
use crate::algebra::apply;
use crate::error::{Code, Error};
use crate::id::{DeviceId, SyncId};
use crate::json::Value;
use crate::log::{Change, Draft, Entry, Fingerprint, Kind, Patch, Version, json_size};
use crate::portfolio::Window;
use crate::store::{Appended, Store};
use crate::time::Timestamp;
use std::future::Future;
use std::sync::Arc;

/// The wait before the next attempt, after a beaten append.
pub trait Backoff: Send {
    /// Waits, with jitter; returns false if no attempt or no time is left.
    fn wait(&mut self) -> impl Future<Output = bool> + Send;
}

/// A change that a writer wants to append on top of the window's head.
pub(super) struct Proposal {
    pub(super) kind: Kind,
    /// The base of the sync, if it is not the head: 0 if the sync has no base.
    pub(super) base: Option<Version>,
    pub(super) device_id: Option<DeviceId>,
    pub(super) sync_id: Option<SyncId>,
    pub(super) fingerprint: Fingerprint,
    /// True if the new document is exactly the one that the device sent.
    pub(super) verbatim: bool,
    /// A version that the new version must exceed, as it must the head's: that of a v1 client that is ahead.
    pub(super) above: Version,
    pub(super) patch: Patch,
    pub(super) document: NewDocument,
    /// The portfolio's name, if the change creates or renames it.
    pub(super) name: Option<String>,
}

impl Proposal {
    /// Proposes `patch`, without a device or a sync id.
    pub(super) const fn new(kind: Kind, fingerprint: Fingerprint, patch: Patch) -> Self {
        Self {
            kind,
            base: None,
            device_id: None,
            sync_id: None,
            fingerprint,
            verbatim: false,
            above: 0,
            patch,
            document: NewDocument::NotMade,
            name: None,
        }
    }
}

/// A writer's knowledge of the document that its proposal makes.
pub(super) enum NewDocument {
    /// Nothing: the document is made only if the limits cannot be checked without it.
    NotMade,
    /// The document itself.
    Made(Arc<Value>),
    /// Its size as compact JSON, in bytes.
    Measured(u64),
}

/// A writer's decision on top of a head.
pub(super) enum Plan<T, D> {
    /// Append the proposal; the context belongs to it.
    Append(Proposal, T),
    /// There is nothing to append.
    Done(D),
}

/// A way of writing a portfolio.
pub(super) trait Writer<S>: Send {
    /// The writer's notes about its proposal, which `append` returns with the result.
    type Context: Send;
    /// Its result if there is nothing to append.
    type Done: Send;

    /// Decides what to append on top of the window's head.
    fn plan(
        &mut self,
        window: &mut Window<'_, S>,
    ) -> impl Future<Output = Result<Plan<Self::Context, Self::Done>, Error>> + Send;

    /// True if an earlier attempt of the same request made `change`.
    fn made(&self, change: &Change) -> bool;

    /// Notes the size, in bytes, of a document that had to be made so that the limits could be checked.
    fn measured(&mut self, document_bytes: u64) {
        let _ = document_bytes;
    }
}

/// The end of an append. After `Written` and `OwnEarlier`, the window's head is the request's own change.
pub(super) enum End<T, D> {
    /// The proposal was written.
    Written(T),
    /// An earlier attempt of this request had written its change, but the store's answer did not arrive.
    OwnEarlier(T),
    /// There was nothing to append.
    Done(D),
}

/// Appends the change that `writer` proposes on top of the head of `window`, at the time `received`.
///
/// # Errors
/// Those of [`Writer::plan`] and of the store; too large (413) if the new document would exceed its limit; busy (409)
/// if `backoff` gives up before an append succeeds.
pub(super) async fn append<S: Store, W: Writer<S>, B: Backoff>(
    window: &mut Window<'_, S>,
    backoff: &mut B,
    writer: &mut W,
    received: Timestamp,
) -> Result<End<W::Context, W::Done>, Error> {
    loop {
        let (proposal, context) = match writer.plan(window).await? {
            Plan::Append(proposal, context) => (proposal, context),
            Plan::Done(done) => return Ok(End::Done(done)),
        };
        if let Some(document_bytes) = check_document(window, &proposal).await? {
            writer.measured(document_bytes);
        }
        let name = proposal.name.clone();
        let draft = draft(window, proposal, received);
        match write(window, &draft, name).await? {
            Appended::Written => {
                window.extend(vec![Change::from(draft)]);
                return Ok(End::Written(context));
            }
            Appended::Occupied(own) if writer.made(&own) => {
                window.extend(vec![*own]);
                return Ok(End::OwnEarlier(context));
            }
            Appended::Occupied(_) => {}
        }
        if !backoff.wait().await {
            return Err(Error::new(
                Code::Busy,
                "other devices are writing to this portfolio; send the same request again",
            ));
        }
        window.catch_up().await?;
    }
}

fn draft<S: Store>(window: &Window<'_, S>, proposal: Proposal, received: Timestamp) -> Draft {
    let draft = Draft::on(window.head(), window.extent(), proposal.kind, proposal.patch, received);
    Draft {
        base: proposal.base.unwrap_or(draft.parent),
        version: draft.version.max(proposal.above.saturating_add(1)),
        device_id: proposal.device_id,
        sync_id: proposal.sync_id,
        fingerprint: Some(proposal.fingerprint),
        verbatim: proposal.verbatim,
        ..draft
    }
}

/// Writes `draft`, and its portfolio's `name` with it.
async fn write<S: Store>(window: &Window<'_, S>, draft: &Draft, name: Option<String>) -> Result<Appended, Error> {
    let portfolio = window.portfolio();
    let appended = match name {
        None if window.head().is_some() => portfolio.store.append(portfolio.key, draft).await,
        Some(name) if window.head().is_some() => portfolio.store.append_and_rename(portfolio.key, draft, &name).await,
        name => {
            let id = &portfolio.key.portfolio;
            let name = name.unwrap_or_else(|| id.to_string());
            let entry = Entry::new(id.clone(), name, draft.last_sync_at);
            portfolio.store.create(portfolio.key, &entry, draft).await
        }
    };
    Ok(appended?)
}

/// Refuses a proposal that makes the document too large; returns the document's size if the document had to be made.
///
/// The cheapest sufficient check decides: the sums of the log, then the newest snapshot that the directory entry knows,
/// then the document itself.
async fn check_document<S: Store>(window: &mut Window<'_, S>, proposal: &Proposal) -> Result<Option<u64>, Error> {
    let is_within = |window: &Window<'_, S>| window.extent().grown_by(&proposal.patch).bound() <= MAX_DOCUMENT_BYTES;
    if is_within(window) {
        return Ok(None);
    }
    match &proposal.document {
        NewDocument::NotMade => {}
        NewDocument::Made(document) => return check_size(json_size(&**document)).map(|()| None),
        NewDocument::Measured(document_bytes) => return check_size(*document_bytes).map(|()| None),
    }
    let mut document = Value::empty_object();
    if let Some(head) = window.head().map(|head| head.version) {
        window.note_directorys_snapshot().await?;
        if is_within(window) {
            return Ok(None);
        }
        document = Arc::unwrap_or_clone(window.document_at(head).await?);
    }
    apply(&mut document, proposal.patch.edits.iter().map(|edit| &edit.op));
    let document_bytes = json_size(&document);
    check_size(document_bytes)?;
    Ok(Some(document_bytes))
}
