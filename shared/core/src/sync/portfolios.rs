//! Portfolios as wholes: create, list, read, update, delete (design section 5).

use super::base::Past;
use super::metadata::{self, Stamped};
use super::report::{Answered, Outcome, Report};
use super::{Backoff, grow, limits, v1, wait};
use crate::algebra::diff;
use crate::error::{Code, Error};
use crate::id::{PortfolioId, UserId};
use crate::json::Value;
use crate::log::{
    Appended, Change, ChangeLog, Edit, Entry, Extent, Fingerprint, Kind, NewChange, Patch, PortfolioKey, Version,
    Window, document_at, json_size,
};
use crate::time::Timestamp;
use crate::wire::v1::{CreateRequest, PortfolioResponse, UpdateRequest};
use crate::wire::v2::{PortfolioList, PortfolioRead, PortfolioSummary};
use futures_util::future::try_join;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// How many portfolios of a list are read at once.
const CONCURRENT_READS: usize = 16;

/// Creates a portfolio at version 1; `default_id` is its id where the request has none.
///
/// # Errors
/// Already exists, also where a portfolio of that id was deleted; too large (413)
/// or too deep (422) data.
pub async fn create<L: ChangeLog>(
    log: &L,
    user: &UserId,
    request: CreateRequest,
    default_id: PortfolioId,
    received: Timestamp,
) -> Result<Answered<PortfolioResponse>, Error> {
    let CreateRequest {
        name,
        mut data,
        device_id,
        id,
    } = request;
    prepare(&mut data)?;
    let key = PortfolioKey {
        user: user.clone(),
        portfolio: id.unwrap_or(default_id),
    };
    let patch = whole_patch(&Value::empty_object(), &data, received);
    let change = Change {
        parent: 0,
        version: 1,
        kind: Kind::Created,
        verbatim: device_id.is_some(),
        device_id,
        sync_id: None,
        fingerprint: Some(fingerprint("create", &data, received)),
        last_sync_at: received,
        extent: Extent::EMPTY.grown_by(&patch),
        conflicts: 0,
        patch_bytes: patch.operations_bytes(),
        patch: None,
        patch_id: None,
    };
    let entry = Entry {
        portfolio: key.portfolio.clone(),
        name,
        created: received,
        snapshot: None,
        kept_from: 0,
    };
    let first = NewChange { change, patch };
    match log.create(&key, &entry, &first).await? {
        // An earlier attempt of this very request had succeeded without our hearing of it.
        Appended::Taken(taken) if taken.fingerprint != first.change.fingerprint => Err(Error::new(
            Code::AlreadyExists,
            "there is a portfolio of this id already",
        )),
        _ => {
            let report = report(Outcome::Accepted, 0, first.change.patch_bytes, Some(&data));
            let answer = portfolio(&key, entry.name, &first.change, data.into());
            Ok(Answered { answer, report })
        }
    }
}

/// The user's portfolios with their documents, sorted by id; deleted ones are left out.
pub async fn list_v1<L: ChangeLog>(log: &L, user: &UserId) -> Result<Vec<PortfolioResponse>, Error> {
    each_living(log, user, async |key, name, mut window| {
        let head = window.living_head()?.clone();
        let document = document_at(log, &key, &mut window, head.version).await?;
        Ok(portfolio(&key, name, &head, document))
    })
    .await
}

/// The user's portfolios, sorted by id; deleted ones are left out.
pub async fn list_v2<L: ChangeLog>(log: &L, user: &UserId) -> Result<PortfolioList, Error> {
    let portfolios = each_living(log, user, async |key, name, window| {
        let head = window.living_head()?;
        Ok(PortfolioSummary {
            id: key.portfolio,
            name,
            version: head.version,
            last_sync_at: head.last_sync_at,
            last_sync_device: head.device_id.clone(),
        })
    })
    .await?;
    Ok(PortfolioList { portfolios })
}

/// What `shown` makes of each of the user's portfolios that is not deleted: its key, its name and its head.
async fn each_living<L: ChangeLog, T, F: Future<Output = Result<T, Error>>>(
    log: &L,
    user: &UserId,
    shown: impl Fn(PortfolioKey, String, Window) -> F,
) -> Result<Vec<T>, Error> {
    let entries = log.entries(user).await?;
    let shown = &shown;
    let read = async |entry: Entry| {
        let key = PortfolioKey {
            user: user.clone(),
            portfolio: entry.portfolio,
        };
        let window = Window::new(log.newest(&key, 1).await?);
        match window.living_head() {
            Ok(_) => shown(key, entry.name, window).await.map(Some),
            Err(_) => Ok(None),
        }
    };
    let living = stream::iter(entries).map(read).buffered(CONCURRENT_READS);
    living.try_filter_map(async |found| Ok(found)).try_collect().await
}

/// A portfolio with its document.
///
/// # Errors
/// Not found; deleted.
pub async fn read_v1<L: ChangeLog>(log: &L, key: &PortfolioKey) -> Result<Answered<PortfolioResponse>, Error> {
    let (entry, newest) = try_join(log.entry(key), log.newest(key, 1)).await?;
    let mut window = Window::new(newest);
    let head = window.living_head()?.clone();
    let document = document_at(log, key, &mut window, head.version).await?;
    let report = report(Outcome::UpToDate, 0, 0, Some(&document));
    let answer = portfolio(key, name_of(entry, key), &head, document);
    Ok(Answered { answer, report })
}

/// What a v2 read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The client has this version already.
    Known(Version),
    /// The document.
    Document(Box<PortfolioRead>),
}

/// A portfolio's document, now or at `version`; not read where the client has one of the versions `known`.
///
/// # Errors
/// Not found, also for a version that the log never had; deleted; base expired for one that it no longer keeps.
pub async fn read_v2<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    version: Option<Version>,
    known: &[Version],
) -> Result<Answered<Reading>, Error> {
    let past = async {
        match version {
            Some(version) => Past::read(log, key, version).await,
            None => Past::read_head(log, key).await,
        }
    };
    let (entry, mut past) = try_join(log.entry(key), past).await?;
    let head = past.living_head()?.clone();
    let change = match version {
        None => head,
        Some(version) => past.version(version).await?,
    };
    if known.contains(&change.version) {
        let report = report(Outcome::UpToDate, 0, 0, None);
        let answer = Reading::Known(change.version);
        return Ok(Answered { answer, report });
    }
    let document = document_at(log, key, &mut past.into_window(), change.version).await?;
    let report = report(Outcome::Pulled, 0, 0, Some(&document));
    let answer = Reading::Document(Box::new(PortfolioRead {
        portfolio_id: key.portfolio.clone(),
        name: name_of(entry, key),
        version: change.version,
        last_sync_at: change.last_sync_at,
        last_sync_device: change.device_id,
        document: Arc::unwrap_or_clone(document),
    }));
    Ok(Answered { answer, report })
}

/// Gives a portfolio another name, another document or both.
///
/// The document replaces whatever the head holds: the log keeps that. Where `expected` is there, the head
/// must be one of those versions. A new name makes no version, nor does a document that the head holds already.
///
/// # Errors
/// Not found; deleted; precondition failed; too large (413) or too deep (422) data;
/// busy where `backoff` ends before a race is won.
pub async fn update<L: ChangeLog, B: Backoff>(
    log: &L,
    backoff: &mut B,
    key: &PortfolioKey,
    request: UpdateRequest,
    expected: Option<&[Version]>,
    received: Timestamp,
) -> Result<Answered<PortfolioResponse>, Error> {
    let UpdateRequest {
        name,
        mut data,
        device_id,
    } = request;
    if let Some(data) = &mut data {
        prepare(data)?;
    }
    let fingerprint = data.as_ref().map(|data| fingerprint("replace", data, received));
    let (entry, newest) = try_join(log.entry(key), log.newest(key, 1)).await?;
    let mut window = Window::new(newest);
    let mut retries = 0;
    let (head, document, stored) = loop {
        let head = window.living_head()?.clone();
        check_expected(expected, &head)?;
        let held = document_at(log, key, &mut window, head.version).await?;
        let Some(mut document) = data.clone() else {
            break (head, held, 0);
        };
        v1::settle(&mut document, &held);
        let patch = whole_patch(&held, &document, received);
        if patch.edits.is_empty() {
            break (head, held, 0);
        }
        let extent = grow::extent(&window, &patch, &document)?;
        let patch_bytes = patch.operations_bytes();
        let change = Change {
            parent: head.version,
            version: head.version.saturating_add(1),
            kind: Kind::Replaced,
            device_id: device_id.clone(),
            sync_id: None,
            fingerprint,
            verbatim: device_id.is_some(),
            last_sync_at: Timestamp::after(head.last_sync_at, received),
            extent,
            conflicts: 0,
            patch_bytes,
            patch: None,
            patch_id: None,
        };
        let new = NewChange { change, patch };
        match log.append(key, &new).await? {
            Appended::Written => break (new.change, document.into(), patch_bytes),
            // An earlier attempt of this very request had succeeded without our hearing of it.
            Appended::Taken(taken) if taken.fingerprint == fingerprint => break (*taken, document.into(), patch_bytes),
            Appended::Taken(_) => {}
        }
        wait(backoff).await?;
        retries += 1;
        window.extend(log.since(key, head.version).await?);
    };
    let mut shown = name_of(entry, key);
    if let Some(name) = name.filter(|name| *name != shown) {
        log.rename(key, &name).await?;
        shown = name;
    }
    let report = report(Outcome::Accepted, retries, stored, Some(&document));
    let answer = portfolio(key, shown, &head, document);
    Ok(Answered { answer, report })
}

/// Refuses a head that is none of the versions that a request expects, where it expects any.
pub(super) fn check_expected(expected: Option<&[Version]>, head: &Change) -> Result<(), Error> {
    if expected.is_some_and(|expected| !expected.contains(&head.version)) {
        return Err(Error::new(
            Code::PreconditionFailed,
            format!("the portfolio is at version {}", head.version),
        ));
    }
    Ok(())
}

/// Deletes a portfolio: its log stays and ends with a change that says so.
///
/// # Errors
/// Not found; deleted; busy where `backoff` ends before a race is won.
pub async fn delete<L: ChangeLog, B: Backoff>(
    log: &L,
    backoff: &mut B,
    key: &PortfolioKey,
    received: Timestamp,
) -> Result<Answered<()>, Error> {
    let fingerprint = Some(fingerprint("delete", &Value::Null, received));
    let mut window = Window::new(log.newest(key, 1).await?);
    let mut retries = 0;
    loop {
        let head = window.living_head()?.clone();
        let change = Change {
            parent: head.version,
            version: head.version.saturating_add(1),
            kind: Kind::Deleted,
            device_id: None,
            sync_id: None,
            fingerprint,
            verbatim: false,
            last_sync_at: Timestamp::after(head.last_sync_at, received),
            extent: window.extent(),
            conflicts: 0,
            patch_bytes: 0,
            patch: None,
            patch_id: None,
        };
        let patch = Patch::default();
        match log.append(key, &NewChange { change, patch }).await? {
            Appended::Taken(taken) if taken.fingerprint != fingerprint => {}
            _ => {
                let report = report(Outcome::Accepted, retries, 0, None);
                return Ok(Answered { answer: (), report });
            }
        }
        wait(backoff).await?;
        retries += 1;
        window.extend(log.since(key, head.version).await?);
    }
}

/// Checks a whole document that a client sent and takes the service's members out of it.
fn prepare(data: &mut Value) -> Result<(), Error> {
    limits::check_depth(data, "data")?;
    metadata::strip(data);
    limits::check_size(json_size(data))
}

/// The patch that makes `to` of `from`, all of it edited at `received`.
pub(super) fn whole_patch(from: &Value, to: &Value, received: Timestamp) -> Patch {
    let edits = diff(from, to).into_iter().map(|op| Edit { op, at: received });
    Patch {
        edits: edits.collect(),
        conflicts: Vec::new(),
    }
}

/// What tells the request that a change came of from any other: these requests carry no id of their own,
/// so what they do and when they came in stands for it.
fn fingerprint(action: &str, document: &Value, received: Timestamp) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(format!("{action}\n{}\n", received.millis()));
    hash.update(document.to_json());
    hash.finalize().into()
}

/// A portfolio's name; its id where the directory has lost it.
pub(super) fn name_of(entry: Option<Entry>, key: &PortfolioKey) -> String {
    entry.map_or_else(|| key.portfolio.to_string(), |entry| entry.name)
}

fn portfolio(key: &PortfolioKey, name: String, head: &Change, document: Arc<Value>) -> PortfolioResponse {
    PortfolioResponse {
        id: key.portfolio.clone(),
        user_id: key.user.clone(),
        name,
        data: Stamped::new(document, head),
        version: head.version,
        is_cloud_synced: true,
        last_sync_at: head.last_sync_at,
        last_sync_device: head.device_id.clone(),
    }
}

/// What a request that met no conflict did.
pub(super) fn report(outcome: Outcome, retries: u64, patch_bytes: u64, document: Option<&Value>) -> Report {
    Report {
        outcome,
        optimistic_retries: retries,
        patch_bytes,
        document_bytes: document.map(json_size),
        ..Report::default()
    }
}
