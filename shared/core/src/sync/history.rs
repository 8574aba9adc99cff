//! The changes of a portfolio, as its user reads them.

use super::portfolios::report;
use super::report::{Answered, Outcome};
use super::summary::{Summary, apply_and_tell};
use super::undo::restored_version;
use crate::algebra::{Conflict, Side};
use crate::error::{Code, Error};
use crate::id::DeviceId;
use crate::json::Value;
use crate::log::{
    Change, ChangeLog, Kind, LogError, Patch, PortfolioKey, Version, Window, document_at, json_size, patch_of,
};
use crate::wire::v2::{History, HistoryChange};
use crate::wire::{ConflictRecord, IndexedConflict};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// What the user calls his devices. A device that is not here has no name in the history.
pub type DeviceNames = HashMap<DeviceId, String>;

/// How many bytes of operations a page reads beyond its newest change: what a page costs does not grow with how much
/// its changes wrote.
const PAGE_OPERATIONS_BYTES: u64 = 4 * 1024 * 1024;

/// How many bytes of conflicts a page holds beyond its newest change: half of what Lambda lets an answer take.
const PAGE_CONFLICTS_BYTES: u64 = 3 * 1024 * 1024;

/// At most `limit` changes of versions below `before`, newest first; from the head on without it.
///
/// Pages are cut by version, so that those of one reading fit together whatever is written meanwhile. They hold
/// fewer changes where these wrote much.
///
/// One read of the log and one of the document before the page's oldest change, which each change is then applied
/// to, so that a summary tells what changed and not what an operation could have changed.
///
/// # Errors
/// Not found where there never was such a portfolio. A deleted one has its history.
pub async fn history<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    before: Option<Version>,
    limit: u16,
    names: &DeviceNames,
) -> Result<Answered<History>, Error> {
    let mut page = Page::read(log, key, before, limit).await?;
    let (shown, document) = match shown(log, key, &page, names).await {
        // Retention is removing the oldest: as good as gone.
        Err(LogError::Expired { kept_from, .. }) => {
            page.end_at(kept_from);
            shown(log, key, &page, names).await?
        }
        read => read?,
    };
    let is_last = page.is_last && !shown.is_cut;
    let changes: Vec<HistoryChange> = shown.oldest_first.into_iter().rev().collect();
    let answer = History {
        portfolio_id: key.portfolio.clone(),
        next_before: changes.last().map(|oldest| oldest.version).filter(|_| !is_last),
        changes,
    };
    let report = report(Outcome::Pulled, 0, 0, Some(&document));
    Ok(Answered { answer, report })
}

/// What `page` shows, and the document of its newest version.
async fn shown<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    page: &Page,
    names: &DeviceNames,
) -> Result<(Shown, Value), LogError> {
    let mut window = Window::new(page.changes.clone());
    let mut document = match window.changes().first().map_or(0, |oldest| oldest.parent) {
        0 => Value::empty_object(),
        parent => Arc::unwrap_or_clone(document_at(log, key, &mut window, parent).await?),
    };
    let mut shown = Shown::default();
    for change in window.changes() {
        let patch = patch_of(log, key, change).await?;
        let told = apply_and_tell(&mut document, patch.edits.iter().map(|edit| &edit.op));
        let conflicts_bytes = patch.conflicts.iter().map(conflict_bytes).sum();
        shown.push(entry(change, patch, &told, names), conflicts_bytes);
    }
    Ok((shown, document))
}

/// A page's changes, newest first.
struct Page {
    changes: Vec<Change>,
    /// True where the log holds none before these.
    is_last: bool,
}

impl Page {
    async fn read<L: ChangeLog>(
        log: &L,
        key: &PortfolioKey,
        before: Option<Version>,
        limit: u16,
    ) -> Result<Self, Error> {
        // One more than the page tells whether it is the last.
        let beyond = limit.saturating_add(1);
        let mut changes = match before {
            None => log.newest(key, beyond).await?,
            // The change that jumped over `before` has its parent below and its version above.
            Some(before) => {
                log.before(key, before.saturating_sub(1), beyond.saturating_add(1))
                    .await?
            }
        };
        changes.retain(|change| before.is_none_or(|before| change.version < before));
        if changes.is_empty() && (before.is_none() || log.newest(key, 1).await?.is_empty()) {
            return Err(Error::new(Code::NotFound, "there is no such portfolio"));
        }
        let found = changes.len();
        let mut bytes = 0_u64;
        let fits = |change: &&Change| {
            bytes = bytes.saturating_add(change.patch_bytes);
            bytes <= PAGE_OPERATIONS_BYTES
        };
        let fitting = changes.iter().take_while(fits).count();
        let taken = fitting.max(1).min(usize::from(limit)).min(found);
        changes.truncate(taken);
        Ok(Self {
            is_last: taken == found,
            changes,
        })
    }

    /// Ends the page, and the history with it, before the changes made on top of versions before `kept_from`.
    fn end_at(&mut self, kept_from: Version) {
        self.changes.retain(|change| change.parent >= kept_from);
        self.is_last = true;
    }
}

/// What a page shows, as far as it is read.
#[derive(Default)]
struct Shown {
    oldest_first: VecDeque<HistoryChange>,
    sizes: VecDeque<u64>,
    is_cut: bool,
}

impl Shown {
    /// Adds a newer change, whose conflicts take `bytes`, and takes out the oldest ones where the page is full.
    fn push(&mut self, change: HistoryChange, bytes: u64) {
        self.oldest_first.push_back(change);
        self.sizes.push_back(bytes);
        while self.sizes.len() > 1 && self.sizes.iter().sum::<u64>() > PAGE_CONFLICTS_BYTES {
            self.oldest_first.pop_front();
            self.sizes.pop_front();
            self.is_cut = true;
        }
    }
}

fn conflict_bytes(conflict: &Conflict) -> u64 {
    let side = |side: &Side| side.value.as_ref().map_or(0, json_size);
    json_size(&conflict.path)
        .saturating_add(side(&conflict.client))
        .saturating_add(side(&conflict.server))
}

fn entry(change: &Change, patch: Patch, told: &Summary, names: &DeviceNames) -> HistoryChange {
    let version = change.version;
    let conflicts = patch.conflicts.into_iter().enumerate();
    HistoryChange {
        version,
        parent: change.parent,
        kind: change.kind,
        device_id: change.device_id.clone(),
        device_name: change.device_id.as_ref().and_then(|id| names.get(id)).cloned(),
        at: change.last_sync_at,
        summary: summary(change, told),
        patch_bytes: change.patch_bytes,
        conflicts: conflicts
            .map(|(index, conflict)| IndexedConflict {
                index,
                record: ConflictRecord { version, conflict },
            })
            .collect(),
    }
}

fn summary(change: &Change, told: &Summary) -> String {
    match change.kind {
        Kind::Created => "created the portfolio".to_owned(),
        Kind::Deleted => "deleted the portfolio".to_owned(),
        Kind::Restored => match restored_version(change) {
            Some(version) => format!("restored version {version}"),
            None => told.to_string(),
        },
        Kind::KeptMine => format!("kept what had lost: {told}"),
        Kind::Synced | Kind::Replaced => told.to_string(),
    }
}
