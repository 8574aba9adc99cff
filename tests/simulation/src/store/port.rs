//! The engine's store port; its requests take time and can fail.

use super::{Making, Remembered, Shared, pause, ready};
use crate::chance::Chance;
use crate::met::Met;
use crate::mutant::Mutant;
use crate::oracle::{Asked, Call};
use crate::plan::{MINUTE, SECOND};
use coinolio_core::algebra::Ranks;
use coinolio_core::devices::RankSource;
use coinolio_core::id::UserId;
use coinolio_core::json::Value;
use coinolio_core::log::{
    Appended, Change, ChangeLog, Entry, LogError, NewChange, Patch, PortfolioKey, Snapshot, SnapshotMark, Version,
};
use coinolio_core::time::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};

/// The store, as one request reaches it.
pub(crate) struct Port {
    pub(super) shared: Arc<Shared>,
    pub(crate) call: Arc<Call>,
    /// Percentage of requests that fail.
    pub(crate) failures: u32,
    pub(crate) page: Option<usize>,
    chance: Mutex<Chance>,
    remembered: Remembered,
}

/// The ways in which a write can fail.
enum Fault {
    /// The store refuses the write, or the write never reaches the store.
    Before,
    /// The write succeeds, but its answer does not arrive.
    After,
    /// The client gives the write up, and it takes effect after this delay in milliseconds.
    Late(i64),
    /// The answer does not arrive, and the store client's own retry finds the write already done.
    Retried,
}

fn unavailable() -> LogError {
    LogError::Unavailable("simulated fault".to_owned())
}

impl Port {
    pub(crate) fn new(shared: Arc<Shared>, call: Arc<Call>, chance: Chance, remembered: Remembered) -> Self {
        Self {
            shared,
            call,
            failures: 0,
            page: None,
            chance: Mutex::new(chance),
            remembered,
        }
    }

    fn mutant(&self) -> Option<Mutant> {
        self.shared.book().mutant
    }

    fn fails(&self, chance: &mut Chance) -> bool {
        chance.percent(self.failures) && !self.shared.book().is_calm
    }

    fn fault(&self) -> Option<Fault> {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.fails(&mut chance) {
            return None;
        }
        Some(match chance.below(10) {
            0..=2 => Fault::Before,
            3..=5 => Fault::After,
            6..=7 => Fault::Retried,
            8 => Fault::Late(chance.between(0, 5 * SECOND)),
            // Well before retention (at least one hour here) could remove the change that occupies its parent.
            _ => Fault::Late(chance.between(0, 10 * MINUTE)),
        })
    }

    fn tell(&self, text: &str) {
        self.shared.book().tell(|| format!("  #{} {text}", self.call.number));
    }

    /// Sends one read request.
    pub(super) async fn read<T: Send>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&coinolio_core::log::MemoryLog) -> Option<Result<T, LogError>> + Send,
    ) -> Result<T, LogError> {
        let fails = {
            let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
            self.fails(&mut chance)
        };
        pause().await;
        if fails {
            self.shared.book().meet(Met::StoreFailure);
            self.tell(&format!("{name}: the store fails"));
            return Err(unavailable());
        }
        let answer = effect(&self.shared.log).unwrap_or_else(|| Err(unavailable()));
        pause().await;
        answer
    }

    /// Sends one write request.
    async fn write<T: Send>(
        &self,
        name: &'static str,
        effect: impl Fn(&Shared) -> Option<Result<T, LogError>> + Send + 'static,
    ) -> Result<T, LogError> {
        let fault = match self.fault() {
            // A late mark could take effect during the next compaction and make it believe that nothing is due.
            Some(Fault::Late(_)) if name == "mark_snapshot" => Some(Fault::Before),
            fault => fault,
        };
        pause().await;
        let shared = &*self.shared;
        let answer = match fault {
            None => effect(shared),
            Some(Fault::Before) => {
                shared.book().meet(Met::StoreFailure);
                self.tell(&format!("{name}: the store refuses"));
                None
            }
            Some(Fault::After) => {
                shared.book().meet(Met::UnacknowledgedWrite);
                self.tell(&format!("{name}: done, but the store's answer does not arrive"));
                effect(shared);
                None
            }
            Some(Fault::Retried) => {
                shared.book().meet(Met::RetriedWrite);
                self.tell(&format!("{name}: done, and sent a second time"));
                effect(shared);
                effect(shared)
            }
            Some(Fault::Late(by)) => {
                shared.book().meet(Met::LateWrite);
                self.tell(&format!("{name}: given up, but still under way"));
                let late = Box::new(move |shared: &Shared| drop(effect(shared)));
                shared.book().late.push((by, late));
                None
            }
        };
        pause().await;
        answer.unwrap_or_else(|| Err(unavailable()))
    }

    fn mutated(&self, mut changes: Vec<Change>) -> Vec<Change> {
        if let Some(mutant) = self.mutant() {
            mutant.read(&mut changes);
        }
        changes
    }
}

/// Appends `new` to the log and reports it to the oracle.
fn append(
    shared: &Shared,
    call: &Call,
    new: &NewChange,
    written: impl Fn(&NewChange) -> Option<Result<Appended, LogError>>,
) -> Option<Result<Appended, LogError>> {
    let mutant = shared.book().mutant;
    let mut new = new.clone();
    if let Some(mutant) = mutant {
        mutant.append(&mut new, Timestamp::from_millis(call.received));
    }
    if mutant == Some(Mutant::DroppedAppend) && new.change.version.is_multiple_of(7) {
        shared.book().appended(call, &new);
        return Some(Ok(Appended::Written));
    }
    let mut answer = written(&new);
    if mutant == Some(Mutant::ForkedLog)
        && let Some(Ok(Appended::Taken(taken))) = &answer
    {
        ready(shared.log.remove(&shared.key, taken));
        answer = written(&new);
    }
    match &answer {
        Some(Ok(Appended::Written)) => shared.book().appended(call, &new),
        Some(Ok(Appended::Taken(taken))) if taken.fingerprint != new.change.fingerprint => {
            shared.book().meet(Met::BeatenAppend);
        }
        _ => {}
    }
    if let (Some(mutant), Some(Ok(Appended::Taken(taken)))) = (mutant, &mut answer) {
        mutant.occupied(taken);
    }
    answer
}

impl RankSource for Port {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, LogError> {
        let ranks = self.read("ranks", |log| ready(log.ranks(user))).await?;
        Ok(match self.mutant() {
            Some(Mutant::IgnoredRanks) => Ranks::new(),
            _ => ranks,
        })
    }
}

impl ChangeLog for Port {
    async fn since(&self, _: &PortfolioKey, parent: Version) -> Result<Vec<Change>, LogError> {
        Ok(self.mutated(self.pages(parent, None).await?))
    }

    async fn between(&self, _: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, LogError> {
        self.pages(from, Some(to)).await
    }

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, LogError> {
        self.read("oldest_since", |log| ready(log.oldest_since(key, parent)))
            .await
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, LogError> {
        let newest = self.read("newest", |log| ready(log.newest(key, limit))).await?;
        Ok(self.mutated(newest))
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, LogError> {
        self.read("before", |log| ready(log.before(key, parent, limit))).await
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, LogError> {
        match &change.patch {
            Some(patch) => Ok(patch.clone()),
            None => self.read("patch", |log| ready(log.patch(key, change))).await,
        }
    }

    async fn append(&self, key: &PortfolioKey, new: &NewChange) -> Result<Appended, LogError> {
        let (call, key, new) = (Arc::clone(&self.call), key.clone(), new.clone());
        self.write("append", move |shared| {
            append(shared, &call, &new, |new| ready(shared.log.append(&key, new)))
        })
        .await
    }

    async fn keep_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, LogError> {
        let key = key.clone();
        self.write("keep_from", move |shared| {
            let mut book = shared.book();
            book.archive.expire_before(version);
            book.tell(|| format!("  the versions before {version} may now be removed"));
            drop(book);
            ready(shared.log.keep_from(&key, version))
        })
        .await
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), LogError> {
        let (call, key, change) = (Arc::clone(&self.call), key.clone(), change.clone());
        self.write("remove", move |shared| {
            let there = ready(shared.log.oldest_since(&key, change.parent));
            if let Some(Ok(Some(there))) = there
                && there.version == change.version
            {
                let mut book = shared.book();
                let result = book.archive.remove(&call, change.version);
                book.note(result);
                book.meet(Met::Removal);
                book.tell(|| format!("  #{} removes version {}", call.number, change.version));
            }
            ready(shared.log.remove(&key, &change))
        })
        .await
    }

    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &NewChange) -> Result<Appended, LogError> {
        let (call, key, entry, first) = (Arc::clone(&self.call), key.clone(), entry.clone(), first.clone());
        self.write("create", move |shared| {
            append(shared, &call, &first, |first| {
                ready(shared.log.create(&key, &entry, first))
            })
        })
        .await
    }

    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, LogError> {
        self.read("snapshot_before", |log| ready(log.snapshot_before(key, version)))
            .await
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &Snapshot) -> Result<SnapshotMark, LogError> {
        let (key, mut snapshot) = (key.clone(), snapshot.clone());
        if let Some(mutant) = self.mutant() {
            mutant.snapshot(&mut snapshot);
        }
        self.write("write_snapshot", move |shared| {
            let mut book = shared.book();
            book.meet(Met::Snapshot);
            book.tell(|| format!("  writes a snapshot of version {}", snapshot.mark.version));
            drop(book);
            ready(shared.log.write_snapshot(&key, &snapshot))
        })
        .await
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), LogError> {
        let key = key.clone();
        let version = version + u64::from(self.mutant() == Some(Mutant::UncoveredRetention));
        self.write("remove_snapshots_before", move |shared| {
            ready(shared.log.remove_snapshots_before(&key, version))
        })
        .await
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, LogError> {
        let (key, mark) = (key.clone(), *mark);
        self.write("mark_snapshot", move |shared| {
            ready(shared.log.mark_snapshot(&key, &mark))
        })
        .await
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, LogError> {
        self.read("entries", |log| ready(log.entries(user))).await
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, LogError> {
        self.read("entry", |log| ready(log.entry(key))).await
    }

    fn remembered(&self, _: &PortfolioKey, change: &Change) -> Option<Arc<Value>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let found = remembered.iter().find(|(making, _)| *making == Making::of(change));
        found.map(|(_, document)| Arc::clone(document))
    }

    fn remember(&self, _: &PortfolioKey, change: &Change, document: &Arc<Value>, _: u64) {
        const ROOM: usize = 2;
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.insert(0, (Making::of(change), Arc::clone(document)));
        remembered.truncate(ROOM);
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, LogError> {
        let (key, name) = (key.clone(), name.to_owned());
        self.write("rename", move |shared| ready(shared.log.rename(&key, &name)))
            .await
    }
}

impl Asked {
    /// Returns a short name for the request.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::SyncV1(sent) => format!("v1 sync from {}", sent.base),
            Self::SyncV2(sent) => format!(
                "v2 sync {} from {}{}",
                sent.sync_id.as_deref().unwrap_or_default(),
                sent.base,
                if sent.base_lost { ", base expired" } else { "" }
            ),
            Self::Create(_) => "creation".to_owned(),
            Self::Replace(..) => "replacement".to_owned(),
            Self::Delete => "deletion".to_owned(),
            Self::Restore(version) => format!("restore of {version}"),
            Self::KeepMine(version, index) => format!("keep-mine of {index} in {version}"),
            Self::Compact(..) => "compaction".to_owned(),
        }
    }
}
