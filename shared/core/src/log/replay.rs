//! Documents from the log: a snapshot and the changes after it.

use super::expired::explained;
use super::{Change, ChangeLog, LogError, Patch, PortfolioKey, Snapshot, Version, Window};
use crate::algebra::{Authors, Stamp, apply};
use crate::json::Value;
use std::sync::Arc;

/// The document at `version`, a version that `window` knows; at version 0 the empty one.
///
/// One request for the newest snapshot before it, one for the changes between that and the window, none for
/// what the window holds; each patch kept apart is one more. Without a snapshot the whole log is replayed.
/// Where the log remembers the document or the window holds the whole log, nothing is read. The window learns
/// of the snapshot.
///
/// # Errors
/// As the log's; corrupt where changes are missing; expired where that is because retention has removed them or is
/// doing so, which one more request tells.
pub async fn document_at<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    window: &mut Window,
    version: Version,
) -> Result<Arc<Value>, LogError> {
    let made_by = window.changes().iter().rfind(|change| change.version == version);
    if let Some(document) = made_by.and_then(|change| log.remembered(key, change)) {
        return Ok(document);
    }
    match replayed(log, key, window, version).await {
        Err(error) => Err(explained(log, key, version, error).await),
        read => read,
    }
}

/// The document at `version`, by the changes that make it.
async fn replayed<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    window: &mut Window,
    version: Version,
) -> Result<Arc<Value>, LogError> {
    let (from, mut document) = begin(log, key, window, version).await?;
    let kept_from = window.changes().first().map_or(version, |oldest| oldest.parent);
    let mut at = from;
    if from < kept_from.min(version) {
        let newest_first = log.between(key, from, kept_from.min(version)).await?;
        let mut gathered = Gathered::default();
        for change in newest_first.iter().rev() {
            at = follow(at, change)?;
            gathered.add(log.patch(key, change).await?, change.patch_bytes);
            if gathered.bytes > GATHERED_BYTES {
                std::mem::take(&mut gathered).apply(&mut document);
            }
        }
        gathered.apply(&mut document);
    }
    window.load(log, key, at, |change| change.version <= version).await?;
    let in_window = window.after(at).iter().filter(|change| change.version <= version);
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

/// How many bytes of operations are applied at once: many small changes go through a long list together, and big ones
/// do not fill the memory.
const GATHERED_BYTES: u64 = 1024 * 1024;

/// Patches that are applied at once.
#[derive(Default)]
struct Gathered {
    patches: Vec<Patch>,
    bytes: u64,
}

impl Gathered {
    fn add(&mut self, patch: Patch, bytes: u64) {
        self.patches.push(patch);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn apply(self, document: &mut Value) {
        let edits = self.patches.iter().flat_map(|patch| &patch.edits);
        apply(document, edits.map(|edit| &edit.op));
    }
}

/// The version and document to begin a read of `version` at.
async fn begin<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    window: &mut Window,
    version: Version,
) -> Result<(Version, Value), LogError> {
    let snapshot = if version == 0 || window.holds_all_up_to(version) {
        None
    } else {
        log.snapshot_before(key, version).await?
    };
    let Some(Snapshot { mark, document }) = snapshot else {
        return Ok((0, Value::empty_object()));
    };
    window.learn(mark);
    Ok((mark.version, document))
}

/// The version after `change`, which must have been made on top of `at`.
fn follow(at: Version, change: &Change) -> Result<Version, LogError> {
    if change.parent == at {
        Ok(change.version)
    } else {
        Err(gap(at, change.parent))
    }
}

fn gap(from: Version, to: Version) -> LogError {
    LogError::Corrupt {
        item: format!("the changes from version {from} to {to}"),
        reason: "some are missing".to_owned(),
    }
}

/// The head's document beside a base's, and who altered what in between.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The base's document; empty for base 0.
    pub base: Value,
    /// The version of `document`.
    pub version: Version,
    /// The document at `version`.
    pub document: Value,
    /// Who last altered which of its values since the base, and when.
    pub authors: Authors,
}

impl Replay {
    /// Replays `window` from `base`, a version that it knows, up to its head.
    ///
    /// Base 0 is the empty document, and `window` MUST then reach back to the oldest change kept: what was
    /// last altered before it has no author, and that change's time (design section 3). Where retention is removing
    /// the oldest, the window is cut to what it keeps, and that is replayed.
    ///
    /// The requests are those of [`document_at`] for the base; the changes since come from the window.
    ///
    /// # Errors
    /// As those of [`document_at`]; expired only for another base than 0.
    pub async fn since<L: ChangeLog>(
        log: &L,
        key: &PortfolioKey,
        window: &mut Window,
        base: Version,
    ) -> Result<Self, LogError> {
        match Self::replayed(log, key, window, base).await {
            Err(LogError::Expired { kept_from, .. }) if base == 0 => {
                window.cut_to(kept_from);
                Self::replayed(log, key, window, base).await
            }
            replayed => replayed,
        }
    }

    async fn replayed<L: ChangeLog>(
        log: &L,
        key: &PortfolioKey,
        window: &mut Window,
        base: Version,
    ) -> Result<Self, LogError> {
        let oldest = window.after(base).first().or(window.head());
        let (from, unknown_at) = match oldest {
            Some(change) if base == 0 => (change.parent, change.last_sync_at),
            Some(change) => (base, change.last_sync_at),
            None => return Err(gap(0, base)),
        };
        let document = Arc::unwrap_or_clone(document_at(log, key, window, from).await?);
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
        let mut replay = Self {
            base,
            version: from,
            document,
            authors,
        };
        replay.advance(log, key, window).await?;
        Ok(replay)
    }

    /// Goes on through the changes that `window` holds since [`Self::version`]: after a lost race, only
    /// what is new is read and replayed.
    pub async fn advance<L: ChangeLog>(
        &mut self,
        log: &L,
        key: &PortfolioKey,
        window: &mut Window,
    ) -> Result<(), LogError> {
        window.load(log, key, self.version, |_| true).await?;
        for change in window.after(self.version) {
            let version = follow(self.version, change)?;
            let edits = change.patch.iter().flat_map(|patch| &patch.edits);
            self.authors.record(
                &mut self.document,
                change.device_id.as_ref(),
                edits.map(|edit| (&edit.op, edit.at)),
            );
            self.version = version;
        }
        Ok(())
    }
}
