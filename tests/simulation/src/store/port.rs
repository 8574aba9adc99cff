//! The engine's store port; its requests take time and can fail.

use super::{ChangeIdentity, Remembered, Shared, pause, ready};
use crate::chance::Chance;
use crate::met::Met;
use crate::mutant::Mutant;
use crate::oracle::{Asked, Call};
use crate::plan::{MINUTE, SECOND};
use coinolio_core::algebra::Ranks;
use coinolio_core::id::UserId;
use coinolio_core::json::Value;
use coinolio_core::log::{Change, Draft, Entry, Patch, PortfolioKey, Snapshot, SnapshotDraft, SnapshotMark, Version};
use coinolio_core::store::{Appended, ChangeLog, Directory, MemoryStore, RankSource, Snapshots, StoreError};
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

fn unavailable() -> StoreError {
    StoreError::Unavailable("simulated fault".into())
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
        effect: impl FnOnce(&MemoryStore) -> Option<Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
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
        let answer = effect(&self.shared.store).unwrap_or_else(|| Err(unavailable()));
        pause().await;
        answer
    }

    /// Sends one write request.
    async fn write<T: Send>(
        &self,
        name: &'static str,
        effect: impl Fn(&Shared) -> Option<Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
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

/// Appends `draft` to the log by calling `write`, and reports it to the oracle.
fn append(
    shared: &Shared,
    call: &Call,
    draft: &Draft,
    write: impl Fn(&Draft) -> Option<Result<Appended, StoreError>>,
) -> Option<Result<Appended, StoreError>> {
    let mutant = shared.book().mutant;
    let mut draft = draft.clone();
    if let Some(mutant) = mutant {
        mutant.append(&mut draft, Timestamp::from_millis(call.received));
    }
    if mutant == Some(Mutant::DroppedAppend) && draft.version.is_multiple_of(7) {
        shared.book().appended(call, &draft);
        return Some(Ok(Appended::Written));
    }
    let mut answer = write(&draft);
    if mutant == Some(Mutant::ForkedLog)
        && let Some(Ok(Appended::Occupied(occupant))) = &answer
    {
        ready(shared.store.remove(&shared.key, occupant));
        answer = write(&draft);
    }
    match &answer {
        Some(Ok(Appended::Written)) => shared.book().appended(call, &draft),
        Some(Ok(Appended::Occupied(occupant))) if occupant.fingerprint != draft.fingerprint => {
            shared.book().meet(Met::BeatenAppend);
        }
        _ => {}
    }
    if let (Some(mutant), Some(Ok(Appended::Occupied(occupant)))) = (mutant, &mut answer) {
        mutant.occupied(occupant);
    }
    answer
}

impl RankSource for Port {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, StoreError> {
        let ranks = self.read("ranks", |store| ready(store.ranks(user))).await?;
        Ok(match self.mutant() {
            Some(Mutant::IgnoredRanks) => Ranks::new(),
            _ => ranks,
        })
    }
}

impl ChangeLog for Port {
    async fn since(&self, _: &PortfolioKey, parent: Version) -> Result<Vec<Change>, StoreError> {
        Ok(self.mutated(self.pages(parent, None).await?))
    }

    async fn between(&self, _: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, StoreError> {
        self.pages(from, Some(to)).await
    }

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, StoreError> {
        self.read("oldest_since", |store| ready(store.oldest_since(key, parent)))
            .await
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, StoreError> {
        let newest = self.read("newest", |store| ready(store.newest(key, limit))).await?;
        Ok(self.mutated(newest))
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, StoreError> {
        self.read("before", |store| ready(store.before(key, parent, limit)))
            .await
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, StoreError> {
        match &change.patch {
            Some(patch) => Ok(patch.clone()),
            None => self.read("patch", |store| ready(store.patch(key, change))).await,
        }
    }

    async fn append(&self, key: &PortfolioKey, draft: &Draft) -> Result<Appended, StoreError> {
        let (call, key, draft) = (Arc::clone(&self.call), key.clone(), draft.clone());
        self.write("append", move |shared| {
            append(shared, &call, &draft, |draft| ready(shared.store.append(&key, draft)))
        })
        .await
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), StoreError> {
        let (call, key, change) = (Arc::clone(&self.call), key.clone(), change.clone());
        self.write("remove", move |shared| {
            let there = ready(shared.store.oldest_since(&key, change.parent));
            if let Some(Ok(Some(there))) = there
                && there.version == change.version
            {
                let mut book = shared.book();
                let result = book.archive.remove(&call, change.version);
                book.note(result);
                book.meet(Met::Removal);
                book.tell(|| format!("  #{} removes version {}", call.number, change.version));
            }
            ready(shared.store.remove(&key, &change))
        })
        .await
    }
}

impl Snapshots for Port {
    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, StoreError> {
        self.read("snapshot_before", |store| ready(store.snapshot_before(key, version)))
            .await
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &SnapshotDraft) -> Result<SnapshotMark, StoreError> {
        let (key, mut snapshot) = (key.clone(), snapshot.clone());
        if let Some(mutant) = self.mutant() {
            mutant.snapshot(&mut snapshot);
        }
        self.write("write_snapshot", move |shared| {
            let mut book = shared.book();
            book.meet(Met::Snapshot);
            book.tell(|| format!("  writes a snapshot of version {}", snapshot.version));
            drop(book);
            ready(shared.store.write_snapshot(&key, &snapshot))
        })
        .await
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), StoreError> {
        let key = key.clone();
        let version = version + u64::from(self.mutant() == Some(Mutant::UncoveredRetention));
        self.write("remove_snapshots_before", move |shared| {
            ready(shared.store.remove_snapshots_before(&key, version))
        })
        .await
    }

    fn remembered(&self, _: &PortfolioKey, change: &Change) -> Option<Arc<Value>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let found = remembered
            .iter()
            .find(|(identity, _)| *identity == ChangeIdentity::of(change));
        found.map(|(_, document)| Arc::clone(document))
    }

    fn remember(&self, _: &PortfolioKey, change: &Change, document: &Arc<Value>, _: u64) {
        const ROOM: usize = 2;
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.insert(0, (ChangeIdentity::of(change), Arc::clone(document)));
        remembered.truncate(ROOM);
    }
}

impl Directory for Port {
    async fn retain_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, StoreError> {
        let key = key.clone();
        self.write("retain_from", move |shared| {
            let mut book = shared.book();
            book.archive.expire_before(version);
            book.tell(|| format!("  the versions before {version} may now be removed"));
            drop(book);
            ready(shared.store.retain_from(&key, version))
        })
        .await
    }

    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &Draft) -> Result<Appended, StoreError> {
        let (call, key, entry, first) = (Arc::clone(&self.call), key.clone(), entry.clone(), first.clone());
        self.write("create", move |shared| {
            append(shared, &call, &first, |first| {
                ready(shared.store.create(&key, &entry, first))
            })
        })
        .await
    }

    async fn append_and_rename(&self, key: &PortfolioKey, draft: &Draft, name: &str) -> Result<Appended, StoreError> {
        let (call, key, draft, name) = (Arc::clone(&self.call), key.clone(), draft.clone(), name.to_owned());
        self.write("append_and_rename", move |shared| {
            append(shared, &call, &draft, |draft| {
                if shared.book().mutant == Some(Mutant::DroppedName) {
                    return ready(shared.store.append(&key, draft));
                }
                let answer = ready(shared.store.append_and_rename(&key, draft, &name));
                shared.note_name(&call, &name);
                answer
            })
        })
        .await
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, StoreError> {
        let (key, mark) = (key.clone(), *mark);
        self.write("mark_snapshot", move |shared| {
            ready(shared.store.mark_snapshot(&key, &mark))
        })
        .await
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, StoreError> {
        self.read("entries", |store| ready(store.entries(user))).await
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, StoreError> {
        self.read("entry", |store| ready(store.entry(key))).await
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, StoreError> {
        let (call, key, name) = (Arc::clone(&self.call), key.clone(), name.to_owned());
        self.write("rename", move |shared| {
            let answer = ready(shared.store.rename(&key, &name));
            shared.note_name(&call, &name);
            answer
        })
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
                if sent.base_expired { ", base expired" } else { "" }
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
