//! A user's devices and a log in memory between which requests and answers get lost.

use crate::generate::Edit;
use crate::model;
use crate::retained::{Retained, snapshot};
use crate::support::{device, ms, patched, text};
use coinolio_core::algebra::{Ranks, diff};
use coinolio_core::devices::RankSource;
use coinolio_core::id::{DeviceId, PortfolioId, SyncId, UserId};
use coinolio_core::json::Value;
use coinolio_core::log::{
    Appended, Change, ChangeLog, Entry, LogError, LoggedConflict, MemoryLog, NewChange, Patch, PortfolioKey, Snapshot,
    SnapshotMark, Version,
};
use coinolio_core::sync::{Backoff, sync_v2};
use coinolio_core::wire::v2::{News, RequestedEdit, SyncRequest, SyncResponse};
use coinolio_core::{Code, Error};
use futures_util::pending;
use std::collections::{BTreeSet, HashSet};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// A log whose every request takes a moment in which others may write.
struct Slow<'a, L>(&'a L);

/// Comes back the second time it is asked.
async fn pause() {
    pending!();
}

impl<L: RankSource> RankSource for Slow<'_, L> {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, LogError> {
        pause().await;
        self.0.ranks(user).await
    }
}

impl<L: ChangeLog> ChangeLog for Slow<'_, L> {
    async fn since(&self, key: &PortfolioKey, parent: Version) -> Result<Vec<Change>, LogError> {
        pause().await;
        self.0.since(key, parent).await
    }

    async fn between(&self, key: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, LogError> {
        pause().await;
        self.0.between(key, from, to).await
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, LogError> {
        pause().await;
        self.0.newest(key, limit).await
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, LogError> {
        pause().await;
        self.0.before(key, parent, limit).await
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, LogError> {
        pause().await;
        self.0.patch(key, change).await
    }

    async fn append(&self, key: &PortfolioKey, new: &NewChange) -> Result<Appended, LogError> {
        pause().await;
        self.0.append(key, new).await
    }

    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &NewChange) -> Result<Appended, LogError> {
        pause().await;
        self.0.create(key, entry, first).await
    }

    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, LogError> {
        pause().await;
        self.0.snapshot_before(key, version).await
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &Snapshot) -> Result<SnapshotMark, LogError> {
        pause().await;
        self.0.write_snapshot(key, snapshot).await
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), LogError> {
        pause().await;
        self.0.remove_snapshots_before(key, version).await
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, LogError> {
        pause().await;
        self.0.mark_snapshot(key, mark).await
    }

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, LogError> {
        pause().await;
        self.0.oldest_since(key, parent).await
    }

    async fn keep_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, LogError> {
        pause().await;
        self.0.keep_from(key, version).await
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), LogError> {
        pause().await;
        self.0.remove(key, change).await
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, LogError> {
        pause().await;
        self.0.entries(user).await
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, LogError> {
        pause().await;
        self.0.entry(key).await
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, LogError> {
        pause().await;
        self.0.rename(key, name).await
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

/// Runs two futures, `turns` saying whose turn it is (the second's where true).
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

/// A device: what it holds, and what it has heard.
struct Phone {
    id: DeviceId,
    /// How far its clock is off, in milliseconds.
    skew: i64,
    /// The version that it knows, and its document.
    base: (Version, Value),
    document: Value,
    /// When it last edited its document, by its clock.
    edited_at: i64,
    /// The sync that no answer has come to, and the document that it had then.
    unanswered: Option<(SyncRequest, Value)>,
    answered: Vec<(SyncRequest, Value)>,
    /// The versions whose conflicts it was told of.
    heard: BTreeSet<Version>,
    syncs: u32,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Answered,
    RequestLost,
    AnswerLost,
    ArrivesTwice,
}

/// What a device writes.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// A value that nobody else writes, at one of a few places.
    Unique(u8, usize),
    /// Anything.
    Any(Edit),
}

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Write(usize, Write),
    Sync(usize, Fate),
    /// A request that was answered long ago arrives again.
    Echo(usize, usize),
    /// Two devices sync at once; how often each tries again.
    Race(usize, usize, Vec<bool>, u8),
    /// Retention removes all but so many of the newest changes, at least one.
    Forget(usize),
}

/// The devices of one user, and the log.
pub(crate) struct Fleet {
    /// Every change there ever was.
    archive: MemoryLog,
    /// The parent of the oldest change that the service still has.
    kept_from: Version,
    key: PortfolioKey,
    phones: Vec<Phone>,
    now: i64,
    written: HashSet<String>,
    /// What a device that held it has written over or deleted.
    superseded: HashSet<String>,
    /// How often a device lost the race for the head and tried again.
    pub(crate) retries: u64,
    /// How often a device synced without its base.
    pub(crate) lost_bases: u64,
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
            heard: BTreeSet::new(),
            syncs: 0,
        });
        Self {
            archive: MemoryLog::new(),
            kept_from: 0,
            key: PortfolioKey {
                user: UserId::parse("user").unwrap(),
                portfolio: PortfolioId::parse("main").unwrap(),
            },
            phones: phones.collect(),
            now: 1_000_000,
            written: HashSet::new(),
            superseded: HashSet::new(),
            retries: 0,
            lost_bases: 0,
        }
    }

    pub(crate) fn play(&mut self, event: &Event) {
        let count = self.phones.len();
        match event {
            Event::Write(who, write) => self.write(who % count, write),
            Event::Sync(who, fate) => self.sync(who % count, *fate),
            Event::Echo(who, which) => self.echo(who % count, *which),
            Event::Race(one, other, turns, tries) => self.race(one % count, other % count, turns, *tries),
            Event::Forget(kept) => self.forget(*kept),
        }
        // Often two things happen in the same millisecond.
        self.now += i64::from(matches!(event, Event::Sync(..)));
    }

    fn write(&mut self, who: usize, write: &Write) {
        let phone = &mut self.phones[who];
        let before = unique(&phone.document);
        match write {
            Write::Unique(place, index) => {
                let value = format!("@{}", self.written.len());
                write_unique(&mut phone.document, *place, *index, &value);
                if unique(&phone.document).contains(&value) {
                    self.written.insert(value);
                }
            }
            Write::Any(edit) => edit.apply(&mut phone.document),
        }
        phone.edited_at = self.now + phone.skew;
        self.superseded.extend(&before - &unique(&phone.document));
    }

    /// The sync that no answer has come to, or a new one.
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
                modified_at: Some(ms(phone.edited_at)),
            });
        let request = SyncRequest {
            device_id: phone.id.clone(),
            sync_id: SyncId::parse(&format!("{}-{}", phone.id, phone.syncs)).unwrap(),
            base_version: phone.base.0,
            sent_at,
            base_lost: false,
            changes: changes.collect(),
            name: Some("Main".into()),
        };
        phone.unanswered = Some((request.clone(), phone.document.clone()));
        (request, phone.document.clone())
    }

    fn log(&self) -> Retained<'_, MemoryLog> {
        Retained::after(&self.archive, self.kept_from)
    }

    fn forget(&mut self, kept: usize) {
        let changes = self.changes();
        let oldest = changes.len().checked_sub(kept.max(1)).and_then(|at| changes.get(at));
        if let Some(oldest) = oldest.filter(|change| change.parent > self.kept_from) {
            run(snapshot(&self.log(), &self.key, oldest.parent));
            self.kept_from = oldest.parent;
        }
    }

    fn has_forgotten(&self, base: Version) -> bool {
        base > 0 && base < self.kept_from
    }

    fn send(&self, request: &SyncRequest) -> Result<SyncResponse, Error> {
        let (log, mut tries) = (self.log(), Tries(1));
        let synced = sync_v2(&log, &mut tries, &self.key, request, ms(self.now));
        run(synced).map(|answered| answered.answer)
    }

    fn deliver(&mut self, request: &SyncRequest) -> SyncResponse {
        let kept = self.changes().into_iter().filter(|c| c.parent >= self.kept_from);
        let known = kept.into_iter().any(|c| c.sync_id.as_ref() == Some(&request.sync_id));
        let count = self.changes().len();
        let mut answer = self.send(request);
        let is_lost = self.has_forgotten(request.base_version);
        if is_lost {
            assert_eq!(answer.map_err(|error| error.code), Err(Code::BaseExpired));
            assert_eq!(self.changes().len(), count, "a refused request changes nothing");
            let base_lost = SyncRequest {
                base_lost: true,
                ..request.clone()
            };
            answer = self.send(&base_lost);
        }
        let answer = answer.unwrap_or_else(|error| panic!("{error}: {request:?}"));
        assert!(!is_lost || matches!(answer.news, News::Document(_)));
        self.lost_bases += u64::from(is_lost && !request.changes.is_empty());
        let grown = self.changes().len() - count;
        let creates = count == 0;
        let wanted = usize::from(creates || (!request.changes.is_empty() && !known));
        assert_eq!(grown, wanted, "a sync with edits has one effect, one without has none");
        answer
    }

    fn sync(&mut self, who: usize, fate: Fate) {
        let (request, _) = self.request(who);
        match fate {
            Fate::RequestLost => {}
            Fate::AnswerLost => {
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
            if request.base_version == 0 && self.kept_from > 0 {
                // That it was here before is no longer known.
                return;
            }
            if self.has_forgotten(request.base_version) {
                // Only the device itself would say that its base is lost, and it has its answer.
                assert_eq!(self.send(&request).map_err(|error| error.code), Err(Code::BaseExpired));
                return;
            }
            let answer = self.deliver(&request);
            assert_eq!(
                self.brought(&document, &answer),
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
        let kept = self.log();
        let slow = Slow(&kept);
        let (mut first, mut second) = (Tries(tries), Tries(tries));
        let now = ms(self.now);
        let answers: [Result<_, Error>; 2] = interleave(
            sync_v2(&slow, &mut first, &self.key, &requests[0], now),
            sync_v2(&slow, &mut second, &self.key, &requests[1], now),
            turns,
        );
        for (who, answer) in [one, other].into_iter().zip(answers) {
            match answer {
                Ok(answered) => {
                    self.retries += answered.report.optimistic_retries;
                    self.receive(who, &answered.answer);
                }
                Err(error) => assert!(matches!(error.code, Code::Busy | Code::BaseExpired), "{error}"),
            }
        }
    }

    /// Law 5: what the device sent, patched by the answer, is the server's document at its version.
    fn receive(&mut self, who: usize, answer: &SyncResponse) {
        let Some((request, sent)) = self.phones[who].unanswered.take() else {
            panic!("an answer to nothing")
        };
        let server = self.brought(&sent, answer);
        assert_eq!(
            server,
            self.document_at(answer.version),
            "{} by {answer:?}",
            text(&sent)
        );
        let phone = &mut self.phones[who];
        phone
            .heard
            .extend(answer.conflicts.iter().map(|conflict| conflict.version));
        // What was edited meanwhile is edited again, on top: this device has it all in hand.
        phone.document = patched(&server, &diff(&sent, &phone.document));
        self.superseded.extend(&unique(&server) - &unique(&phone.document));
        phone.base = (answer.version, server);
        phone.answered.push((request, sent));
    }

    fn brought(&self, sent: &Value, answer: &SyncResponse) -> Value {
        match &answer.news {
            News::Changes(operations) => patched(sent, operations),
            News::Document(document) => document.clone(),
        }
    }

    /// The log's changes, oldest first.
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

    pub(crate) fn conflicts(&self) -> Vec<LoggedConflict> {
        let changes = self.changes();
        let conflicts = changes.iter().flat_map(|change| {
            let patch = run(self.archive.patch(&self.key, change)).unwrap();
            patch.conflicts.into_iter().map(|conflict| LoggedConflict {
                version: change.version,
                conflict,
            })
        });
        conflicts.collect()
    }

    /// Syncs every device until none has anything to send or to learn.
    pub(crate) fn sync_until_quiet(&mut self) {
        // What was not answered, then what was edited since, then what the others wrote.
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
        assert_eq!(self.changes().len(), head, "quiet");
    }

    /// Law 4: every device holds the server's document.
    pub(crate) fn assert_converged(&self) {
        let head = self.changes().last().map_or(0, |change| change.version);
        let document = self.document_at(head);
        for phone in &self.phones {
            assert_eq!(phone.base.0, head, "{}", phone.id);
            assert_eq!(phone.document, document, "{}", phone.id);
        }
    }

    /// Law 2, over the whole history.
    pub(crate) fn assert_nothing_lost(&self) {
        let mut kept = unique(&self.phones[0].document);
        for logged in self.conflicts() {
            for side in [&logged.conflict.client, &logged.conflict.server] {
                kept.extend(side.value.iter().flat_map(unique));
            }
        }
        let lost: Vec<_> = self
            .written
            .iter()
            .filter(|v| !kept.contains(*v) && !self.superseded.contains(*v))
            .collect();
        assert!(
            lost.is_empty(),
            "{lost:?} are neither in {} nor in a conflict",
            text(&self.phones[0].document)
        );
    }

    /// Every answer carries the conflicts logged since its base: in the end all were told to all.
    pub(crate) fn assert_all_heard_of_all_conflicts(&self) {
        let versions: BTreeSet<_> = self.conflicts().iter().map(|logged| logged.version).collect();
        for phone in &self.phones {
            assert_eq!(phone.heard, versions, "{}", phone.id);
        }
    }

    /// `last_sync_at` grows strictly, each change stands on the one before, no sync made two.
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

/// The values that one device wrote and no other.
fn unique(value: &Value) -> HashSet<String> {
    match value {
        Value::String(text) if text.starts_with('@') => HashSet::from([text.to_string()]),
        Value::List(elements) => elements.iter().flat_map(unique).collect(),
        Value::Object(members) => members.values().flat_map(unique).collect(),
        _ => HashSet::new(),
    }
}

fn write_unique(document: &mut Value, place: u8, index: usize, value: &str) {
    let Value::Object(members) = document else {
        return;
    };
    let value = Value::from(value);
    let part = members.entry(["o", "l", "s", "p", "x"][usize::from(place) % 5].into());
    let index_name: Box<str> = ["v", "w"][index % 2].into();
    match place % 5 {
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

/// Edits an element where there is one of that identity, or adds it.
fn write_element(elements: &mut Vec<Value>, index: usize, name: Box<str>, value: Value) {
    let id = Value::from(i64::try_from(index % 4).unwrap());
    let there = elements.iter_mut().find_map(|element| match element {
        Value::Object(members) if members.get("id") == Some(&id) => Some(members),
        _ => None,
    });
    match there {
        Some(members) => {
            members.insert(name, value);
        }
        None => {
            let element = Value::Object([("id".into(), id), (name, value)].into());
            elements.insert(index % (elements.len() + 1), element);
        }
    }
}
