//! Making documents from the log: from a snapshot and the changes after it.

use super::Window;
use crate::algebra::{Authors, Stamp, apply};
use crate::json::Value;
use crate::log::{Change, Patch, Snapshot, Version};
use crate::store::{Store, StoreError};
use crate::time::Timestamp;
use std::sync::Arc;

impl<S: Store> Window<'_, S> {
    /// Returns the document at `version`, a version that the window knows; the empty document at version 0.
    ///
    /// This takes one request for the newest snapshot of that version or an earlier one, one for the changes between
    /// the snapshot and the window, and one for each patch that is stored apart. Without a snapshot it replays the
    /// whole log. It needs no request if the store remembers the document or the window has the whole log. The window
    /// notes the snapshot.
    ///
    /// # Errors
    /// Those of the store; corrupt if changes are missing; expired if they are missing because retention has removed
    /// them or is removing them, which takes one more request to find out.
    pub async fn document_at(&mut self, version: Version) -> Result<Arc<Value>, StoreError> {
        let portfolio = self.portfolio();
        let made_by = self.changes().iter().rfind(|change| change.version == version);
        if let Some(document) = made_by.and_then(|change| portfolio.store.remembered(portfolio.key, change)) {
            return Ok(document);
        }
        match self.replay_to(version).await {
            Err(error) => Err(portfolio.explain(version, error).await),
            read => read,
        }
    }

    /// Makes the document at `version` by applying the changes since a snapshot.
    async fn replay_to(&mut self, version: Version) -> Result<Arc<Value>, StoreError> {
        let portfolio = self.portfolio();
        let (from, mut document) = self.start_of(version).await?;
        let window_from = self.changes().first().map_or(version, |oldest| oldest.parent);
        let mut at = from;
        if from < window_from.min(version) {
            let newest_first = portfolio
                .store
                .between(portfolio.key, from, window_from.min(version))
                .await?;
            let mut batch = Batch::default();
            for change in newest_first.iter().rev() {
                at = follow(at, change)?;
                batch.add(portfolio.store.patch(portfolio.key, change).await?, change.patch_bytes);
                if batch.bytes > BATCH_BYTES {
                    std::mem::take(&mut batch).apply(&mut document);
                }
            }
            batch.apply(&mut document);
        }
        self.load(at, |change| change.version <= version).await?;
        let in_window = self.after(at).iter().filter(|change| change.version <= version);
        let mut ops = Vec::new();
        for change in in_window {
            at = follow(at, change)?;
            ops.extend(change.patch.iter().flat_map(|patch| &patch.edits).map(|edit| &edit.op));
        }
        apply(&mut document, ops);
        if at != version {
            return Err(gap(at, version));
        }
        Ok(document.into())
    }

    /// Returns the version and document at which a read of `version` starts.
    async fn start_of(&mut self, version: Version) -> Result<(Version, Value), StoreError> {
        let portfolio = self.portfolio();
        let snapshot = if version == 0 || self.has_all_up_to(version) {
            None
        } else {
            portfolio.store.snapshot_before(portfolio.key, version).await?
        };
        let Some(Snapshot { mark, document }) = snapshot else {
            return Ok((0, Value::empty_object()));
        };
        self.note_snapshot(mark);
        Ok((mark.version, document))
    }
}

/// How many bytes of operations are applied at once. Small changes are applied together, so that a long list is not
/// walked for each of them; the limit keeps large ones from filling the memory.
const BATCH_BYTES: u64 = 1024 * 1024;

/// Patches to apply at once.
#[derive(Default)]
struct Batch {
    patches: Vec<Patch>,
    bytes: u64,
}

impl Batch {
    fn add(&mut self, patch: Patch, bytes: u64) {
        self.patches.push(patch);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn apply(self, document: &mut Value) {
        let edits = self.patches.iter().flat_map(|patch| &patch.edits);
        apply(document, edits.map(|edit| &edit.op));
    }
}

/// Returns the version that `change` made; corrupt unless its parent is `at`.
fn follow(at: Version, change: &Change) -> Result<Version, StoreError> {
    if change.parent == at {
        Ok(change.version)
    } else {
        Err(gap(at, change.parent))
    }
}

fn gap(from: Version, to: Version) -> StoreError {
    StoreError::corrupt(format!("the changes from version {from} to {to}"), "some are missing")
}

/// The documents of the base and the head, and the author of each value that changed in between.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The base's document; empty for base 0.
    pub base: Value,
    /// The version of `document`.
    pub version: Version,
    /// The document at `version`.
    pub document: Value,
    /// The last author of each value that changed since the base, and the time of that edit.
    pub authors: Authors,
    /// The version whose change counts into the base, if it is replayed.
    counted: Option<Version>,
}

impl Replay {
    /// Returns the replay of a portfolio that does not exist yet: both documents are empty.
    pub(crate) fn empty(now: Timestamp) -> Self {
        let unknown = Stamp {
            device_id: None,
            at: now,
        };
        Self {
            base: Value::empty_object(),
            version: 0,
            document: Value::empty_object(),
            authors: Authors::new(unknown),
            counted: None,
        }
    }

    /// Replays `window` from `base`, a version that it knows, up to its head.
    ///
    /// Base 0 is the empty document; the window MUST then reach back to the oldest stored change. If a value was last
    /// altered before that change, its author is unknown, and its time is that of the change. If retention is
    /// removing the oldest changes, the window is cut to the remaining ones, and these are replayed.
    ///
    /// The requests are those of [`Window::document_at`] for the base; the later changes are in the window.
    ///
    /// # Errors
    /// Those of [`Window::document_at`]; expired only if the base is not 0.
    pub async fn since<S: Store>(window: &mut Window<'_, S>, base: Version) -> Result<Self, StoreError> {
        match Self::replay(window, base).await {
            Err(StoreError::Expired { retained_from, .. }) if base == 0 => {
                window.cut_to(retained_from);
                Self::replay(window, base).await
            }
            replayed => replayed,
        }
    }

    async fn replay<S: Store>(window: &mut Window<'_, S>, base: Version) -> Result<Self, StoreError> {
        let mut replay = Self::begin(window, base, None).await?;
        replay.advance(window).await?;
        Ok(replay)
    }

    /// Reads the base's document as [`Self::since`] does, without the changes made since. The change that made
    /// `counted` will count into the base: the device that asks has seen it, so its values are not concurrent.
    pub(crate) async fn begin<S: Store>(
        window: &mut Window<'_, S>,
        base: Version,
        counted: Option<Version>,
    ) -> Result<Self, StoreError> {
        let oldest = window.after(base).first().or(window.head());
        let (from, unknown_at) = match oldest {
            Some(change) if base == 0 => (change.parent, change.last_sync_at),
            Some(change) => (base, change.last_sync_at),
            None => return Err(gap(0, base)),
        };
        let document = Arc::unwrap_or_clone(window.document_at(from).await?);
        window.unload(from);
        let unknown = Stamp {
            device_id: None,
            at: unknown_at,
        };
        let (base, authors) = if base == 0 {
            (Value::empty_object(), Authors::of_document(&document, unknown))
        } else {
            (document.clone(), Authors::new(unknown))
        };
        Ok(Self {
            base,
            version: from,
            document,
            authors,
            counted,
        })
    }

    /// Replays the changes that `window` has after [`Self::version`]: after a beaten append, only the new ones.
    pub async fn advance<S: Store>(&mut self, window: &mut Window<'_, S>) -> Result<(), StoreError> {
        self.advance_to(window, Version::MAX).await
    }

    /// Replays the changes after [`Self::version`] that made `version` or an earlier one.
    pub(crate) async fn advance_to<S: Store>(
        &mut self,
        window: &mut Window<'_, S>,
        version: Version,
    ) -> Result<(), StoreError> {
        let is_due = |change: &Change| change.version <= version;
        window.load(self.version, is_due).await?;
        for change in window.after(self.version).iter().filter(|change| is_due(change)) {
            let reached = follow(self.version, change)?;
            let edits = change.patch.iter().flat_map(|patch| &patch.edits);
            if self.counted == Some(change.version) {
                apply(&mut self.base, edits.clone().map(|edit| &edit.op));
                // The base has these values too, so they cannot be in conflict. If another device's value around them
                // is, that device's stamp must count: it is later than any of these.
                let edits = edits.map(|edit| (&edit.op, Timestamp::EARLIEST));
                self.authors.record(&mut self.document, None, edits);
            } else {
                let edits = edits.map(|edit| (&edit.op, edit.at));
                self.authors
                    .record(&mut self.document, change.device_id.as_ref(), edits);
            }
            self.version = reached;
        }
        Ok(())
    }
}
