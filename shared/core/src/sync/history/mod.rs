//! The history of a portfolio: its changes, described for the user, and ways to bring a version or a value back.

mod compare;
mod keep_mine;
mod restore;
mod summary;
mod touch;
mod undo;

pub use keep_mine::ConflictId;

use super::report::{Answered, Report};
use crate::algebra::{Conflict, Side, Token};
use crate::error::{Code, Error};
use crate::id::DeviceId;
use crate::json::Value;
use crate::log::{Change, Kind, Patch, Version, json_size};
use crate::portfolio::{Portfolio, Window};
use crate::store::{Store, StoreError};
use crate::wire::v2::{History, HistoryChange, HistoryQuery};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use summary::{Summary, apply_and_summarize};
use touch::is_touched;
use undo::{is_of_winner, restored_version};

/// The names that the user gave to the devices. A device that is not in the map has no name in the history.
pub type DeviceNames = HashMap<DeviceId, String>;

/// How many changes a page reads at most if the query leaves out some of them.
const PAGE_READ_CHANGES: u16 = 250;

/// How many bytes of operations a page reads at most, unless its newest change alone is larger. So the cost of a page
/// does not grow with the size of its changes.
const PAGE_OPERATIONS_BYTES: u64 = 4 * 1024 * 1024;

/// How many bytes of conflicts a page contains at most, unless its newest change alone has more: half of Lambda's
/// limit for an answer.
const PAGE_CONFLICTS_BYTES: u64 = 3 * 1024 * 1024;

impl<S: Store> Portfolio<'_, S> {
    /// Returns a page of the changes that `query` asks for, newest first.
    ///
    /// Pages are cut by version, so writes in the meantime do not shift them. A page has fewer changes if these are
    /// large, and if the query leaves out some: then it reads at most 250 changes.
    ///
    /// This takes one read of the log, and one of the document before the page's oldest change. Each change is then
    /// applied to that document, so a summary describes the real difference and not the operations.
    ///
    /// # Errors
    /// Not found if there never was such a portfolio. A deleted portfolio still has its history.
    pub async fn history(self, query: &HistoryQuery, names: &DeviceNames) -> Result<Answered<History>, Error> {
        let mut page = Page::read(self, query).await?;
        let (shown, document) = match self.show(&page, query, names).await {
            // Retention is removing the oldest changes at this moment: they count as expired.
            Err(StoreError::Expired { retained_from, .. }) => {
                page.end_at(retained_from);
                self.show(&page, query, names).await?
            }
            read => read?,
        };
        let changes: Vec<HistoryChange> = shown.oldest_first.into_iter().rev().collect();
        let next_before = if shown.is_cut {
            changes.last().map(|oldest| oldest.version)
        } else {
            page.changes
                .last()
                .map(|oldest| oldest.version)
                .filter(|_| !page.is_last)
        };
        let answer = History {
            portfolio_id: self.key.portfolio.clone(),
            next_before,
            changes,
        };
        let report = Report::of_read(&document);
        Ok(Answered { answer, report })
    }

    /// Describes the changes of `page` for the user; returns them and the document of the page's newest version.
    async fn show(self, page: &Page, query: &HistoryQuery, names: &DeviceNames) -> Result<(Shown, Value), StoreError> {
        let mut window = Window::new(self, page.changes.clone());
        let mut document = match window.changes().first().map_or(0, |oldest| oldest.parent) {
            0 => Value::empty_object(),
            parent => Arc::unwrap_or_clone(window.document_at(parent).await?),
        };
        let mut shown = Shown::default();
        for change in window.changes() {
            let patch = self.patch_of(change).await?;
            let ops = patch.edits.iter().map(|edit| &edit.op);
            let summary = apply_and_summarize(&mut document, ops, query.path.as_ref());
            if is_wanted(query, change, &patch, &summary) {
                let conflicts_bytes = patch.conflicts.iter().map(conflict_bytes).sum();
                shown.push(entry(change, patch, &summary, names), conflicts_bytes, query.limit);
            }
        }
        Ok((shown, document))
    }
}

/// Tells whether `query` asks for a change with this patch and this effect.
fn is_wanted(query: &HistoryQuery, change: &Change, patch: &Patch, summary: &Summary) -> bool {
    let is_important = match change.kind {
        Kind::Synced | Kind::Replaced => change.conflicts > 0 || summary.is_important(),
        Kind::Created | Kind::Deleted | Kind::Restored | Kind::KeptMine | Kind::Renamed => true,
    };
    let is_in_conflict = |path| {
        patch.conflicts.iter().any(|conflict| {
            let at: Vec<&Token> = conflict.path.tokens().iter().collect();
            let (client, server) = (&conflict.client.value, &conflict.server.value);
            is_touched(path, &at, server.as_ref(), client.as_ref())
        })
    };
    let has_touched = query
        .path
        .as_ref()
        .is_none_or(|path| summary.has_touched || is_in_conflict(path));
    has_touched && (is_important || !query.important)
}

/// The changes of a page, newest first.
struct Page {
    changes: Vec<Change>,
    /// True if the log has no changes before these.
    is_last: bool,
}

impl Page {
    async fn read<S: Store>(portfolio: Portfolio<'_, S>, query: &HistoryQuery) -> Result<Self, Error> {
        let Portfolio { store, key } = portfolio;
        let before = query.before;
        let leaves_out = query.path.is_some() || query.important;
        let limit = if leaves_out {
            query.limit.max(PAGE_READ_CHANGES)
        } else {
            query.limit
        };
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
    /// Adds a newer change with `bytes` of conflicts, and removes the oldest ones if the page is full: if it has more
    /// than `limit` changes, or too many bytes of conflicts.
    fn push(&mut self, change: HistoryChange, bytes: u64, limit: u16) {
        self.oldest_first.push_back(change);
        self.sizes.push_back(bytes);
        let limit = usize::from(limit).max(1);
        while self.sizes.len() > limit || self.sizes.len() > 1 && self.sizes.iter().sum::<u64>() > PAGE_CONFLICTS_BYTES
        {
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
    HistoryChange {
        version: change.version,
        parent: change.parent,
        kind: change.kind,
        device_id: change.device_id.clone(),
        device_name: change.device_id.as_ref().and_then(|id| names.get(id)).cloned(),
        at: change.last_sync_at,
        summary: sentence(change, summary),
        patch_bytes: change.patch_bytes,
        conflicts: patch.into_records(change.version).collect(),
    }
}

fn sentence(change: &Change, summary: &Summary) -> String {
    match change.kind {
        Kind::Created => "created the portfolio".to_owned(),
        Kind::Deleted => "deleted the portfolio".to_owned(),
        Kind::Renamed => "renamed the portfolio".to_owned(),
        Kind::Restored => match restored_version(change) {
            Some(version) => format!("restored version {version}"),
            None => summary.to_string(),
        },
        Kind::KeptMine if is_of_winner(change) => format!("brought back a winning value: {summary}"),
        Kind::KeptMine => format!("brought back a losing value: {summary}"),
        Kind::Synced | Kind::Replaced => summary.to_string(),
    }
}
