//! The history of a portfolio: its changes, described for the user, and ways to bring a version or a value back.

mod compare;
mod keep_mine;
mod restore;
mod summary;
mod undo;

pub use keep_mine::ConflictId;

use super::report::{Answered, Report};
use crate::algebra::{Conflict, Side};
use crate::error::{Code, Error};
use crate::id::DeviceId;
use crate::json::Value;
use crate::log::{Change, ConflictRecord, Kind, Patch, Version, json_size};
use crate::portfolio::{Portfolio, Window};
use crate::store::{Store, StoreError};
use crate::wire::IndexedConflict;
use crate::wire::v2::{History, HistoryChange};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use summary::{Summary, apply_and_summarize};
use undo::restored_version;

/// The names that the user gave to the devices. A device that is not in the map has no name in the history.
pub type DeviceNames = HashMap<DeviceId, String>;

/// How many bytes of operations a page reads at most, unless its newest change alone is larger. So the cost of a page
/// does not grow with the size of its changes.
const PAGE_OPERATIONS_BYTES: u64 = 4 * 1024 * 1024;

/// How many bytes of conflicts a page contains at most, unless its newest change alone has more: half of Lambda's
/// limit for an answer.
const PAGE_CONFLICTS_BYTES: u64 = 3 * 1024 * 1024;

impl<S: Store> Portfolio<'_, S> {
    /// Returns at most `limit` changes of versions below `before`, newest first; without `before`, from the head on.
    ///
    /// Pages are cut by version, so writes in the meantime do not shift them. A page has fewer changes if these are
    /// large.
    ///
    /// This takes one read of the log, and one of the document before the page's oldest change. Each change is then
    /// applied to that document, so a summary describes the real difference and not the operations.
    ///
    /// # Errors
    /// Not found if there never was such a portfolio. A deleted portfolio still has its history.
    pub async fn history(
        self,
        before: Option<Version>,
        limit: u16,
        names: &DeviceNames,
    ) -> Result<Answered<History>, Error> {
        let mut page = Page::read(self, before, limit).await?;
        let (shown, document) = match self.show(&page, names).await {
            // Retention is removing the oldest changes at this moment: they count as expired.
            Err(StoreError::Expired { retained_from, .. }) => {
                page.end_at(retained_from);
                self.show(&page, names).await?
            }
            read => read?,
        };
        let is_last = page.is_last && !shown.is_cut;
        let changes: Vec<HistoryChange> = shown.oldest_first.into_iter().rev().collect();
        let answer = History {
            portfolio_id: self.key.portfolio.clone(),
            next_before: changes.last().map(|oldest| oldest.version).filter(|_| !is_last),
            changes,
        };
        let report = Report::of_read(&document);
        Ok(Answered { answer, report })
    }

    /// Describes the changes of `page` for the user; returns them and the document of the page's newest version.
    async fn show(self, page: &Page, names: &DeviceNames) -> Result<(Shown, Value), StoreError> {
        let mut window = Window::new(self, page.changes.clone());
        let mut document = match window.changes().first().map_or(0, |oldest| oldest.parent) {
            0 => Value::empty_object(),
            parent => Arc::unwrap_or_clone(window.document_at(parent).await?),
        };
        let mut shown = Shown::default();
        for change in window.changes() {
            let patch = self.patch_of(change).await?;
            let summary = apply_and_summarize(&mut document, patch.edits.iter().map(|edit| &edit.op));
            let conflicts_bytes = patch.conflicts.iter().map(conflict_bytes).sum();
            shown.push(entry(change, patch, &summary, names), conflicts_bytes);
        }
        Ok((shown, document))
    }
}

/// The changes of a page, newest first.
struct Page {
    changes: Vec<Change>,
    /// True if the log has no changes before these.
    is_last: bool,
}

impl Page {
    async fn read<S: Store>(portfolio: Portfolio<'_, S>, before: Option<Version>, limit: u16) -> Result<Self, Error> {
        let Portfolio { store, key } = portfolio;
        // Reads one change more than the page needs: without it, this is the last page.
        let beyond = limit.saturating_add(1);
        let mut changes = match before {
            None => store.newest(key, beyond).await?,
            // Changes are found by their parent. One whose parent is below `before` may have jumped over it; it is
            // removed below, so one more is read.
            Some(before) => {
                store
                    .before(key, before.saturating_sub(1), beyond.saturating_add(1))
                    .await?
            }
        };
        changes.retain(|change| before.is_none_or(|before| change.version < before));
        if changes.is_empty() && (before.is_none() || store.newest(key, 1).await?.is_empty()) {
            return Err(Error::new(Code::NotFound, "there is no such portfolio"));
        }
        let found = changes.len();
        let mut bytes = 0_u64;
        let fits = |change: &&Change| {
            bytes = bytes.saturating_add(change.patch_bytes);
            bytes <= PAGE_OPERATIONS_BYTES
        };
        let fitting = changes.iter().take_while(fits).count();
        let length = fitting.max(1).min(usize::from(limit)).min(found);
        changes.truncate(length);
        Ok(Self {
            is_last: length == found,
            changes,
        })
    }

    /// Ends the page and the history at `retained_from`: removes the changes made on top of an earlier version.
    fn end_at(&mut self, retained_from: Version) {
        self.changes.retain(|change| change.parent >= retained_from);
        self.is_last = true;
    }
}

/// The changes of a page that have been described so far.
#[derive(Default)]
struct Shown {
    oldest_first: VecDeque<HistoryChange>,
    /// The bytes of conflicts of each change.
    sizes: VecDeque<u64>,
    /// True if changes were removed because the page was full.
    is_cut: bool,
}

impl Shown {
    /// Adds a newer change with `bytes` of conflicts, and removes the oldest ones if the page is full.
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

fn entry(change: &Change, patch: Patch, summary: &Summary, names: &DeviceNames) -> HistoryChange {
    let version = change.version;
    let conflicts = patch.conflicts.into_iter().enumerate();
    HistoryChange {
        version,
        parent: change.parent,
        kind: change.kind,
        device_id: change.device_id.clone(),
        device_name: change.device_id.as_ref().and_then(|id| names.get(id)).cloned(),
        at: change.last_sync_at,
        summary: sentence(change, summary),
        patch_bytes: change.patch_bytes,
        conflicts: conflicts
            .map(|(index, conflict)| IndexedConflict {
                index,
                record: ConflictRecord { version, conflict },
            })
            .collect(),
    }
}

fn sentence(change: &Change, summary: &Summary) -> String {
    match change.kind {
        Kind::Created => "created the portfolio".to_owned(),
        Kind::Deleted => "deleted the portfolio".to_owned(),
        Kind::Restored => match restored_version(change) {
            Some(version) => format!("restored version {version}"),
            None => summary.to_string(),
        },
        Kind::KeptMine => format!("brought back a losing value: {summary}"),
        Kind::Synced | Kind::Replaced => summary.to_string(),
    }
}
