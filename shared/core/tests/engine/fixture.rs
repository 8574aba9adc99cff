//! A log that records its requests and lets a test intervene between them, and helpers that sync with it.

use coinolio_core::algebra::{Ranks, apply};
use coinolio_core::error::{Code, Error};
use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::json::{Value, read};
use coinolio_core::log::{
    Change, Draft, Entry, Kind, Patch, PortfolioKey, Snapshot, SnapshotDraft, SnapshotMark, Version,
};
use coinolio_core::portfolio::{Portfolio, Window};
use coinolio_core::store::{Appended, ChangeLog, Directory, MemoryStore, RankSource, Snapshots, Store, StoreError};
use coinolio_core::sync::{Answered, Backoff};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::v2::{Delta, SyncRequest, SyncResponse};
use pollster::block_on;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex};

/// An event around an append.
pub(crate) enum Event {
    /// Another device writes first.
    Before(Box<dyn FnOnce(&MemoryStore) + Send>),
    /// The store's answer never arrives, and its client's own retry finds the change already written.
    SentTwice,
    /// The change is written, but the store's answer never arrives.
    Unanswered,
    /// The store refuses the request.
    Throttled,
}

/// The name of a request, and an action that runs just before it.
type Meanwhile = (&'static str, Box<dyn FnOnce(&MemoryStore) + Send>);

/// The name of a request, and the error that it fails with.
type Failing = (&'static str, fn() -> StoreError);

/// The in-memory log, which records its requests and can be made to fail.
#[derive(Default)]
pub(crate) struct Watched {
    pub(crate) log: MemoryStore,
    requests: Mutex<Vec<&'static str>>,
    /// The events around the next appends, in order.
    pub(crate) events: Mutex<VecDeque<Event>>,
    /// An action that runs once, before the next request of its name.
    pub(crate) meanwhile: Mutex<Option<Meanwhile>>,
    /// True while all requests are throttled.
    pub(crate) throttled: Mutex<bool>,
    /// A request that fails every time.
    pub(crate) failing: Mutex<Option<Failing>>,
    /// A version whose document the log remembers.
    pub(crate) remembered: Mutex<Option<(Version, Arc<Value>)>>,
}

impl Watched {
    /// Returns the requests since the last call.
    pub(crate) fn requests(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    pub(crate) fn expect(&self, event: Event) {
        self.events.lock().unwrap().push_back(event);
    }

    fn count(&self, request: &'static str) -> Result<(), StoreError> {
        self.requests.lock().unwrap().push(request);
        if let Some((_, act)) = self.meanwhile.lock().unwrap().take_if(|(read, _)| *read == request) {
            act(&self.log);
        }
        if let Some((_, error)) = self.failing.lock().unwrap().filter(|(name, _)| *name == request) {
            return Err(error());
        }
        if *self.throttled.lock().unwrap() {
            return Err(StoreError::Unavailable("throttled".into()));
        }
        Ok(())
    }
}

impl RankSource for Watched {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, StoreError> {
        self.count("ranks")?;
        self.log.ranks(user).await
    }
}

impl ChangeLog for Watched {
    async fn since(&self, key: &PortfolioKey, parent: Version) -> Result<Vec<Change>, StoreError> {
        self.count("since")?;
        self.log.since(key, parent).await
    }

    async fn between(&self, key: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, StoreError> {
        self.count("between")?;
        self.log.between(key, from, to).await
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, StoreError> {
        self.count("newest")?;
        self.log.newest(key, limit).await
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, StoreError> {
        self.count("before")?;
        self.log.before(key, parent, limit).await
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, StoreError> {
        if change.patch.is_none() {
            self.count("patch")?;
        }
        self.log.patch(key, change).await
    }

    async fn append(&self, key: &PortfolioKey, draft: &Draft) -> Result<Appended, StoreError> {
        self.count("append")?;
        let event = self.events.lock().unwrap().pop_front();
        match event {
            None => self.log.append(key, draft).await,
            Some(Event::Before(other)) => {
                other(&self.log);
                self.log.append(key, draft).await
            }
            Some(Event::SentTwice) => {
                self.log.append(key, draft).await?;
                self.log.append(key, draft).await
            }
            Some(Event::Unanswered) => {
                self.log.append(key, draft).await?;
                Err(StoreError::Unavailable("timed out".into()))
            }
            Some(Event::Throttled) => Err(StoreError::Unavailable("throttled".into())),
        }
    }

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, StoreError> {
        self.count("oldest_since")?;
        self.log.oldest_since(key, parent).await
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), StoreError> {
        self.count("remove")?;
        self.log.remove(key, change).await
    }
}

impl Snapshots for Watched {
    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, StoreError> {
        self.count("snapshot_before")?;
        self.log.snapshot_before(key, version).await
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &SnapshotDraft) -> Result<SnapshotMark, StoreError> {
        self.count("write_snapshot")?;
        self.log.write_snapshot(key, snapshot).await
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), StoreError> {
        self.count("remove_snapshots_before")?;
        self.log.remove_snapshots_before(key, version).await
    }

    fn remembered(&self, _: &PortfolioKey, change: &Change) -> Option<Arc<Value>> {
        let remembered = self.remembered.lock().unwrap();
        let of_change = remembered.as_ref().filter(|(version, _)| *version == change.version);
        of_change.map(|(_, document)| Arc::clone(document))
    }
}

impl Directory for Watched {
    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &Draft) -> Result<Appended, StoreError> {
        self.count("create")?;
        if let Some(Event::Before(other)) = self.events.lock().unwrap().pop_front() {
            other(&self.log);
        }
        self.log.create(key, entry, first).await
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, StoreError> {
        self.count("mark_snapshot")?;
        self.log.mark_snapshot(key, mark).await
    }

    async fn retain_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, StoreError> {
        self.count("retain_from")?;
        self.log.retain_from(key, version).await
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, StoreError> {
        self.count("entries")?;
        self.log.entries(user).await
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, StoreError> {
        self.count("entry")?;
        self.log.entry(key).await
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, StoreError> {
        self.count("rename")?;
        self.log.rename(key, name).await
    }

    async fn append_and_rename(&self, key: &PortfolioKey, draft: &Draft, name: &str) -> Result<Appended, StoreError> {
        self.count("append_and_rename")?;
        self.log.append_and_rename(key, draft, name).await
    }
}

/// A backoff that allows this many retries and never waits.
pub(crate) struct Attempts(pub(crate) u32);

impl Backoff for Attempts {
    async fn wait(&mut self) -> bool {
        let is_left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        is_left
    }
}

/// Returns the key of the one portfolio of these tests.
pub(crate) fn key() -> &'static PortfolioKey {
    static KEY: LazyLock<PortfolioKey> = LazyLock::new(|| PortfolioKey {
        user: UserId::parse("demo").unwrap(),
        portfolio: PortfolioId::parse("main").unwrap(),
    });
    &KEY
}

/// Returns the portfolio of [`key`] in `log`.
pub(crate) fn main_in<L>(log: &L) -> Portfolio<'_, L> {
    Portfolio::new(log, key())
}

pub(crate) fn device(id: &str) -> DeviceId {
    DeviceId::parse(id).unwrap()
}

/// Returns the time of a minute of 2026-01-01.
pub(crate) fn minute(minute: u32) -> Timestamp {
    Timestamp::parse(&minute_text(minute)).unwrap()
}

pub(crate) fn minute_text(minute: u32) -> String {
    format!("2026-01-01T{:02}:{:02}:00.000Z", minute / 60, minute % 60)
}

/// Converts a value of `serde_json` into one of this crate.
pub(crate) fn value(json: &serde_json::Value) -> Value {
    read(json.to_string().as_bytes()).unwrap()
}

/// Returns any answer as a client sees it.
pub(crate) fn wire<T: serde::Serialize>(answer: &T) -> serde_json::Value {
    serde_json::to_value(answer).unwrap()
}

/// Returns a `set` at a dotted path of members, made at minute `at`.
pub(crate) fn set(path: &str, value: impl Into<serde_json::Value>, at: u32) -> serde_json::Value {
    let tokens: Vec<&str> = path.split('.').collect();
    json!({"op": "set", "path": tokens, "value": value.into(), "modified_at": minute_text(at)})
}

/// Returns a `delete` at a dotted path of members, made at minute `at`.
pub(crate) fn delete(path: &str, at: u32) -> serde_json::Value {
    let tokens: Vec<&str> = path.split('.').collect();
    json!({"op": "delete", "path": tokens, "modified_at": minute_text(at)})
}

/// Returns the body of a request that is sent at minute `at`.
pub(crate) fn body(
    device: &str,
    sync_id: &str,
    base: Version,
    changes: &[serde_json::Value],
    at: u32,
) -> serde_json::Value {
    json!({"device_id": device, "sync_id": sync_id, "base_version": base, "sent_at": minute_text(at), "changes": changes})
}

/// Sends a request, which is received at minute `at`, with up to three retries.
pub(crate) fn send<L: Store + RankSource>(
    log: &L,
    body: &serde_json::Value,
    at: u32,
) -> Result<Answered<SyncResponse>, Error> {
    let request = SyncRequest::from_json(&value(body))?;
    block_on(main_in(log).sync_v2(&mut Attempts(3), &request, minute(at)))
}

/// Sends a request that must be refused, asserts that it changes nothing, and returns the error's code.
pub(crate) fn refusal(log: &Watched, body: &serde_json::Value, at: u32) -> Code {
    let before = everything(&log.log);
    let error = send(log, body, at).expect_err("the request was not refused");
    assert_eq!(everything(&log.log), before, "a refused request changes nothing");
    error.code
}

/// Returns every change of the portfolio, oldest first.
pub(crate) fn everything(log: &MemoryStore) -> Vec<Change> {
    let mut changes = block_on(log.since(key(), 0)).unwrap();
    changes.reverse();
    changes
}

/// Drafts a change without operations on top of the head, by the device that made the head.
pub(crate) fn on_head(log: &MemoryStore) -> Draft {
    let head = everything(log).pop().unwrap();
    Draft {
        device_id: head.device_id.clone(),
        ..Draft::on(
            Some(&head),
            head.extent,
            Kind::Synced,
            Patch::default(),
            head.last_sync_at,
        )
    }
}

/// Appends a draft directly to the log.
pub(crate) fn append(log: &MemoryStore, draft: &Draft) {
    assert_eq!(block_on(log.append(key(), draft)).unwrap(), Appended::Written);
}

/// Returns the server's document at a version.
pub(crate) fn server_at(log: &MemoryStore, version: Version) -> Value {
    block_on(async {
        let mut window = Window::read_since(main_in(log), version).await.unwrap();
        (*window.document_at(version).await.unwrap()).clone()
    })
}

/// Checks the rebase law (law 5 of `docs/MERGE.md`): the client's document, patched by the answer, is the server's
/// document at the answered version. Returns that document.
pub(crate) fn rebased(log: &MemoryStore, body: &serde_json::Value, answer: &SyncResponse) -> Value {
    let request = SyncRequest::from_json(&value(body)).unwrap();
    let mut client = match request.base_version {
        0 => Value::empty_object(),
        base => server_at(log, base),
    };
    apply(&mut client, request.changes.iter().map(|edit| &edit.op));
    match &answer.delta {
        Delta::Changes(changes) => apply(&mut client, changes),
        Delta::Document(document) => client = document.clone(),
    }
    assert_eq!(
        client,
        server_at(log, answer.version),
        "law 5 at version {}",
        answer.version
    );
    client
}

/// Sends a request that must succeed, and checks the rebase law on its answer.
pub(crate) fn sync(log: &Watched, body: &serde_json::Value, at: u32) -> Answered<SyncResponse> {
    let answered = send(log, body, at).unwrap_or_else(|error| panic!("{body} was refused: {error}"));
    rebased(&log.log, body, &answered.answer);
    answered
}

/// Returns a log with one portfolio at version 1, made by the phone at minute 0.
pub(crate) fn portfolio() -> Watched {
    let log = Watched::default();
    let assets = json!({"btc": {"amount": "1.0", "note": "cold"}, "eth": {"amount": "10"}});
    let created = sync(&log, &body("phone", "create", 0, &[set("assets", assets, 0)], 0), 0);
    assert_eq!(created.answer.version, 1);
    log.requests();
    log
}
