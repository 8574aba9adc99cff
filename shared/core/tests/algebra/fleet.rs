//! A user's devices and a log in memory. Requests and answers between them may not arrive.

use crate::generate::Edit;
use crate::model;
use crate::retained::{Retained, snapshot};
use crate::support::{device, ms, patched, text};
use coinolio_core::algebra::{Conflict, Path, Ranks, Winner, diff};
use coinolio_core::id::{DeviceId, PortfolioId, SyncId, UserId};
use coinolio_core::json::Value;
use coinolio_core::log::{
    Change, ConflictRecord, Draft, Entry, Patch, PortfolioKey, Snapshot, SnapshotDraft, SnapshotMark, Version,
};
use coinolio_core::portfolio::Portfolio;
use coinolio_core::store::{Appended, ChangeLog, Directory, MemoryStore, RankSource, Snapshots, Store, StoreError};
use coinolio_core::sync::Backoff;
use coinolio_core::wire::v2::{Delta, EditTime, RequestedEdit, SyncRequest, SyncResponse};
use coinolio_core::{Code, Error};
use futures_util::pending;
use std::collections::HashSet;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// A log that takes a moment for every request, during which others may write.
struct Slow<'a, L>(&'a L);

/// Is pending the first time it is polled.
async fn pause() {
    pending!();
}

impl<L: RankSource> RankSource for Slow<'_, L> {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, StoreError> {
        pause().await;
        self.0.ranks(user).await
    }
}

impl<L: Store> ChangeLog for Slow<'_, L> {
    async fn since(&self, key: &PortfolioKey, parent: Version) -> Result<Vec<Change>, StoreError> {
        pause().await;
        self.0.since(key, parent).await
    }

    async fn between(&self, key: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, StoreError> {
        pause().await;
        self.0.between(key, from, to).await
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, StoreError> {
        pause().await;
        self.0.newest(key, limit).await
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, StoreError> {
        pause().await;
        self.0.before(key, parent, limit).await
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, StoreError> {
        pause().await;
        self.0.patch(key, change).await
    }

    async fn append(&self, key: &PortfolioKey, draft: &Draft) -> Result<Appended, StoreError> {
        pause().await;
        self.0.append(key, draft).await
    }

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, StoreError> {
        pause().await;
        self.0.oldest_since(key, parent).await
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), StoreError> {
        pause().await;
        self.0.remove(key, change).await
    }
}

impl<L: Store> Snapshots for Slow<'_, L> {
    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, StoreError> {
        pause().await;
        self.0.snapshot_before(key, version).await
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &SnapshotDraft) -> Result<SnapshotMark, StoreError> {
        pause().await;
        self.0.write_snapshot(key, snapshot).await
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), StoreError> {
        pause().await;
        self.0.remove_snapshots_before(key, version).await
    }
}

impl<L: Store> Directory for Slow<'_, L> {
    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &Draft) -> Result<Appended, StoreError> {
        pause().await;
        self.0.create(key, entry, first).await
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, StoreError> {
        pause().await;
        self.0.mark_snapshot(key, mark).await
    }

    async fn retain_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, StoreError> {
        pause().await;
        self.0.retain_from(key, version).await
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, StoreError> {
        pause().await;
        self.0.entries(user).await
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, StoreError> {
        pause().await;
        self.0.entry(key).await
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, StoreError> {
        pause().await;
        self.0.rename(key, name).await
    }

    async fn append_and_rename(&self, key: &PortfolioKey, draft: &Draft, name: &str) -> Result<Appended, StoreError> {
        pause().await;
        self.0.append_and_rename(key, draft, name).await
    }
}

struct Tries(u8);

impl Backoff for Tries {
    async fn wait(&mut self) -> bool {
        pause().await;
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

/// Runs two futures in turns: `false` in `turns` polls the first one, `true` the second.
fn interleave<T>(first: impl Future<Output = T>, second: impl Future<Output = T>, turns: &[bool]) -> [T; 2] {
    let (first, second) = (pin!(first), pin!(second));
    let mut futures: [Pin<&mut dyn Future<Output = T>>; 2] = [first, second];
    let mut done = [None, None];
    for turn in turns.iter().cycle() {
        let at = usize::from(*turn != done[usize::from(*turn)].is_some());
        if let Poll::Ready(value) = futures[at].as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            done[at] = Some(value);
        }
        if done.iter().all(Option::is_some) {
            break;
        }
    }
    done.map(Option::unwrap)
}

/// A device: its documents and its syncs.
struct Phone {
    id: DeviceId,
    /// The error of its clock, in milliseconds.
    skew: i64,
    /// The version that it last received, and the document of that version.
    base: (Version, Value),
    document: Value,
    /// The time of its last edit, by its clock.
    edited_at: i64,
    /// The unanswered sync, and the document at the time of sending.
    unanswered: Option<(SyncRequest, Value)>,
    answered: Vec<(SyncRequest, Value)>,
    /// The paths of the conflicts that were reported to it, each with its version.
    reported: Vec<(Path, Version)>,
    syncs: u32,
}

/// The fate of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Answered,
    NotDelivered,
    Unanswered,
    ArrivesTwice,
}

/// A write on a device.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// A value that no other write has, at one of a few paths.
    Unique(u8, usize),
    /// Any edit.
    Any(Edit),
}

/// An event in a history.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Write(usize, Write),
    Sync(usize, Fate),
    /// An old request that was answered before arrives again.
    Echo(usize, usize),
    /// Two devices sync at once, with turns as in [`interleave`] and this many attempts each.
    Race(usize, usize, Vec<bool>, u8),
    /// Retention removes all but this many of the newest changes, and retains at least one.
    Expire(usize),
}

/// The devices of one user, and the log.
pub(crate) struct Fleet {
    /// All changes, including the removed ones.
    archive: MemoryStore,
    /// The parent of the oldest retained change.
    retained_from: Version,
    key: PortfolioKey,
    phones: Vec<Phone>,
    now: i64,
    written: HashSet<String>,
    /// The values that a device has deleted or replaced after it had received them.
    superseded: HashSet<String>,
    /// The number of repeated attempts after a beaten append.
    pub(crate) retries: u64,
    /// The number of syncs with edits whose base had expired.
    pub(crate) expired_bases: u64,
}

impl Fleet {
    pub(crate) fn of(skews: &[i64]) -> Self {
        let phones = skews.iter().enumerate().map(|(number, skew)| Phone {
            id: device(&format!("phone-{number}")),
            skew: *skew,
            base: (0, Value::empty_object()),
            document: Value::empty_object(),
            edited_at: 0,
            unanswered: None,
            answered: Vec::new(),
            reported: Vec::new(),
            syncs: 0,
        });
        Self {
            archive: MemoryStore::new(),
            retained_from: 0,
            key: PortfolioKey {
                user: UserId::parse("user").unwrap(),
                portfolio: PortfolioId::parse("main").unwrap(),
            },
            phones: phones.collect(),
            now: 1_000_000,
            written: HashSet::new(),
            superseded: HashSet::new(),
            retries: 0,
            expired_bases: 0,
        }
    }

    pub(crate) fn play(&mut self, event: &Event) {
        let count = self.phones.len();
        match event {
            Event::Write(who, write) => self.write(who % count, write),
            Event::Sync(who, fate) => self.sync(who % count, *fate),
            Event::Echo(who, which) => self.echo(who % count, *which),
            Event::Race(one, other, turns, tries) => self.race(one % count, other % count, turns, *tries),
            Event::Expire(retained) => self.expire(*retained),
        }
        // Other events often happen in the same millisecond.
        self.now += i64::from(matches!(event, Event::Sync(..)));
    }

    fn write(&mut self, who: usize, write: &Write) {
        let phone = &mut self.phones[who];
        let before = unique(&phone.document);
        match write {
            Write::Unique(path, index) => {
                let value = format!("@{}", self.written.len());
                write_unique(&mut phone.document, *path, *index, &value);
                if unique(&phone.document).contains(&value) {
                    self.written.insert(value);
                }
            }
            Write::Any(edit) => edit.apply(&mut phone.document),
        }
        phone.edited_at = self.now + phone.skew;
        self.superseded.extend(&before - &unique(&phone.document));
    }

    /// Returns the unanswered sync, or a new one.
    fn request(&mut self, who: usize) -> (SyncRequest, Value) {
        let phone = &mut self.phones[who];
        let sent_at = ms(self.now + phone.skew);
        if let Some((request, document)) = &mut phone.unanswered {
            request.sent_at = sent_at;
            return (request.clone(), document.clone());
        }
        phone.syncs += 1;
        let changes = diff(&phone.base.1, &phone.document)
            .into_iter()
            .map(|op| RequestedEdit {
                op,
                time: Some(EditTime::Clock(ms(phone.edited_at))),
            });
        let request = SyncRequest {
            device_id: phone.id.clone(),
            sync_id: SyncId::parse(&format!("{}-{}", phone.id, phone.syncs)).unwrap(),
            base_version: phone.base.0,
            base_at: None,
            edited_on: None,
            follows: None,
            sent_at,
            base_lost: false,
            allow_wipe: false,
            changes: changes.collect(),
            name: Some("Main".into()),
            rejoin: None,
        };
        phone.unanswered = Some((request.clone(), phone.document.clone()));
        (request, phone.document.clone())
    }

    fn log(&self) -> Retained<'_, MemoryStore> {
        Retained::after(&self.archive, self.retained_from)
    }

    fn expire(&mut self, retained: usize) {
        let changes = self.changes();
        let oldest = changes
            .len()
            .checked_sub(retained.max(1))
            .and_then(|at| changes.get(at));
        if let Some(oldest) = oldest.filter(|change| change.parent > self.retained_from) {
            run(snapshot(&self.log(), &self.key, oldest.parent));
            self.retained_from = oldest.parent;
        }
    }

    fn has_expired(&self, base: Version) -> bool {
        base > 0 && base < self.retained_from
    }

    fn send(&self, request: &SyncRequest) -> Result<SyncResponse, Error> {
        let (log, mut tries) = (self.log(), Tries(1));
        let synced = Portfolio::new(&log, &self.key).sync_v2(&mut tries, request, ms(self.now));
        run(synced).map(|answered| answered.answer)
    }

    fn deliver(&mut self, request: &SyncRequest) -> SyncResponse {
        let retained = self.changes().into_iter().filter(|c| c.parent >= self.retained_from);
        let known = retained
            .into_iter()
            .any(|c| c.sync_id.as_ref() == Some(&request.sync_id));
        let count = self.changes().len();
        let mut answer = self.send(request);
        let is_expired = self.has_expired(request.base_version);
        if is_expired {
            assert_eq!(answer.map_err(|error| error.code), Err(Code::BaseExpired));
            assert_eq!(self.changes().len(), count, "a refused request changes nothing");
            let base_lost = SyncRequest {
                base_lost: true,
                ..request.clone()
            };
            answer = self.send(&base_lost);
        }
        let answer = answer.unwrap_or_else(|error| panic!("{error}: {request:?}"));
        assert!(!is_expired || matches!(answer.delta, Delta::Document(_)));
        self.expired_bases += u64::from(is_expired && !request.changes.is_empty());
        let grown = self.changes().len() - count;
        let creates = count == 0;
        let wanted = usize::from(creates || (!request.changes.is_empty() && !known));
        assert_eq!(
            grown, wanted,
            "a sync has one effect if it has edits, and none otherwise"
        );
        answer
    }

    fn sync(&mut self, who: usize, fate: Fate) {
        let (request, _) = self.request(who);
        match fate {
            Fate::NotDelivered => {}
            Fate::Unanswered => {
                self.deliver(&request);
            }
            Fate::Answered => {
                let answer = self.deliver(&request);
                self.receive(who, &answer);
            }
            Fate::ArrivesTwice => {
                self.deliver(&request);
                let answer = self.deliver(&request);
                self.receive(who, &answer);
            }
        }
    }

    fn echo(&mut self, who: usize, which: usize) {
        let answered = &self.phones[who].answered;
        if let Some((request, document)) = answered.get(which % answered.len().max(1)).cloned() {
            if request.base_version == 0 && self.retained_from > 0 {
                // The log can no longer tell that it had this sync before.
                return;
            }
            if self.has_expired(request.base_version) {
                // Only the device itself would repeat it with `base_lost`, and the device has its answer.
                assert_eq!(self.send(&request).map_err(|error| error.code), Err(Code::BaseExpired));
                return;
            }
            let answer = self.deliver(&request);
            assert_eq!(
                self.after(&document, &answer),
                self.document_at(answer.version),
                "an echo"
            );
        }
    }

    fn race(&mut self, one: usize, other: usize, turns: &[bool], tries: u8) {
        if one == other {
            return;
        }
        let requests = [self.request(one).0, self.request(other).0];
        let retained = self.log();
        let slow = Slow(&retained);
        let (mut first, mut second) = (Tries(tries), Tries(tries));
        let now = ms(self.now);
        let answers: [Result<_, Error>; 2] = interleave(
            Portfolio::new(&slow, &self.key).sync_v2(&mut first, &requests[0], now),
            Portfolio::new(&slow, &self.key).sync_v2(&mut second, &requests[1], now),
            turns,
        );
        for ((who, left), answer) in [(one, first.0), (other, second.0)].into_iter().zip(answers) {
            match answer {
                Ok(answered) => {
                    self.retries += u64::from(tries - left);
                    self.receive(who, &answered.answer);
                }
                Err(error) => assert!(matches!(error.code, Code::Busy | Code::BaseExpired), "{error}"),
            }
        }
    }

    /// Receives an answer and checks law 5: the document that was sent, patched by the answer, is the server's document
    /// at the answer's version.
    fn receive(&mut self, who: usize, answer: &SyncResponse) {
        let Some((request, sent)) = self.phones[who].unanswered.take() else {
            panic!("an answer without a request")
        };
        let server = self.after(&sent, answer);
        assert_eq!(
            server,
            self.document_at(answer.version),
            "{} by {answer:?}",
            text(&sent)
        );
        let phone = &mut self.phones[who];
        phone.reported.extend(
            answer
                .conflicts
                .iter()
                .map(|record| (record.conflict.path.clone(), record.version)),
        );
        // Edits made since are repeated on top of the answer.
        phone.document = patched(&server, &diff(&sent, &phone.document));
        self.superseded.extend(&unique(&server) - &unique(&phone.document));
        phone.base = (answer.version, server);
        phone.answered.push((request, sent));
    }

    /// Returns the document that a device has after an answer.
    fn after(&self, sent: &Value, answer: &SyncResponse) -> Value {
        match &answer.delta {
            Delta::Changes(operations) => patched(sent, operations),
            Delta::Document(document) => document.clone(),
        }
    }

    /// Returns the log's changes, oldest first.
    fn changes(&self) -> Vec<Change> {
        let mut changes = run(self.archive.since(&self.key, 0)).unwrap();
        changes.reverse();
        changes
    }

    fn document_at(&self, version: Version) -> Value {
        let mut document = Value::empty_object();
        for change in self.changes().iter().filter(|change| change.version <= version) {
            for edit in &run(self.archive.patch(&self.key, change)).unwrap().edits {
                model::apply(&mut document, &edit.op);
            }
        }
        document
    }

    pub(crate) fn conflicts(&self) -> Vec<ConflictRecord> {
        let changes = self.changes();
        let conflicts = changes.iter().flat_map(|change| {
            let patch = run(self.archive.patch(&self.key, change)).unwrap();
            patch.into_records(change.version)
        });
        conflicts.collect()
    }

    /// Syncs every device until none has anything to send or to receive.
    pub(crate) fn sync_until_quiet(&mut self) {
        // First the unanswered syncs, then the edits made since, then the changes of the other devices.
        for _ in 0..3 {
            for who in 0..self.phones.len() {
                self.sync(who, Fate::Answered);
                self.now += 1;
            }
        }
        let head = self.changes().len();
        for who in 0..self.phones.len() {
            self.sync(who, Fate::Answered);
        }
        assert_eq!(self.changes().len(), head, "no device has anything left to send");
    }

    /// Checks law 4: every device has the server's document.
    pub(crate) fn assert_converged(&self) {
        let head = self.changes().last().map_or(0, |change| change.version);
        let document = self.document_at(head);
        for phone in &self.phones {
            assert_eq!(phone.base.0, head, "{}", phone.id);
            assert_eq!(phone.document, document, "{}", phone.id);
        }
    }

    /// Checks law 2 over the whole history: every value is in the document, in a conflict, or was replaced by a device
    /// that had received it.
    pub(crate) fn assert_no_edit_is_missing(&self) {
        let mut present = unique(&self.phones[0].document);
        for logged in self.conflicts() {
            for side in [&logged.conflict.client, &logged.conflict.server] {
                present.extend(side.value.iter().flat_map(unique));
            }
        }
        let missing: Vec<_> = self
            .written
            .iter()
            .filter(|v| !present.contains(*v) && !self.superseded.contains(*v))
            .collect();
        assert!(
            missing.is_empty(),
            "{missing:?} are neither in {} nor in a conflict",
            text(&self.phones[0].document)
        );
    }

    /// Checks that every conflict was reported to the device that met it and to the one whose edit lost, or a newer one
    /// at the same path.
    pub(crate) fn assert_every_conflict_was_reported_to_its_devices(&self) {
        for logged in self.conflicts() {
            let Conflict {
                path,
                winner,
                client,
                server,
                ..
            } = &logged.conflict;
            for phone in &self.phones {
                let is_concerned = client.device_id.as_ref() == Some(&phone.id)
                    || *winner == Winner::Client && server.device_id.as_ref() == Some(&phone.id);
                let is_reported = |(at, version): &(Path, Version)| at == path && *version >= logged.version;
                assert!(
                    !is_concerned || phone.reported.iter().any(is_reported),
                    "{} is not told of {logged:?}",
                    phone.id
                );
            }
        }
    }

    /// Checks that each change has the previous one as its parent, that `last_sync_at` grows strictly, and that no sync
    /// made two changes.
    pub(crate) fn assert_the_log_is_a_chain(&self) {
        let changes = self.changes();
        for pair in changes.windows(2) {
            assert_eq!(pair[0].version, pair[1].parent);
            assert!(pair[0].last_sync_at < pair[1].last_sync_at);
        }
        let syncs: HashSet<_> = changes.iter().map(|change| &change.sync_id).collect();
        assert_eq!(syncs.len(), changes.len());
    }
}

/// Returns the values in a document that only one write has.
fn unique(value: &Value) -> HashSet<String> {
    match value {
        Value::String(text) if text.starts_with('@') => HashSet::from([text.to_string()]),
        Value::List(elements) => elements.iter().flat_map(unique).collect(),
        Value::Object(members) => members.values().flat_map(unique).collect(),
        _ => HashSet::new(),
    }
}

fn write_unique(document: &mut Value, path: u8, index: usize, value: &str) {
    let Value::Object(members) = document else {
        return;
    };
    let value = Value::from(value);
    let part = members.entry(["o", "l", "s", "p", "x"][usize::from(path) % 5].into());
    let index_name: Box<str> = ["v", "w"][index % 2].into();
    match path % 5 {
        0 => match part.or_insert_with(Value::empty_object) {
            Value::Object(inner) => {
                inner.insert(index_name, value);
            }
            other => *other = value,
        },
        1 => match part.or_insert_with(|| Value::List(Vec::new())) {
            Value::List(elements) => write_element(elements, index, index_name, value),
            other => *other = value,
        },
        2 => match part.or_insert_with(|| Value::List(Vec::new())) {
            Value::List(elements) => elements.insert(index % (elements.len() + 1), value),
            other => *other = value,
        },
        3 => {
            part.insert_entry(Value::List(vec![Value::Null, value]));
        }
        _ => {
            part.insert_entry(value);
        }
    }
}

/// Edits the element with this identity, or adds it if there is none.
fn write_element(elements: &mut Vec<Value>, index: usize, name: Box<str>, value: Value) {
    let id = Value::from(i64::try_from(index % 4).unwrap());
    let existing = elements.iter_mut().find_map(|element| match element {
        Value::Object(members) if members.get("id") == Some(&id) => Some(members),
        _ => None,
    });
    match existing {
        Some(members) => {
            members.insert(name, value);
        }
        None => {
            let element = Value::Object([("id".into(), id), (name, value)].into());
            elements.insert(index % (elements.len() + 1), element);
        }
    }
}
