//! Reads of many changes in pages; between two pages other requests write and retention removes.

use super::Port;
use coinolio_core::log::{Change, Version};
use coinolio_core::store::{ChangeLog, StoreError};

impl Port {
    /// Returns the changes whose parent is at least `from` and below `to`, newest first.
    pub(super) async fn pages(&self, from: Version, to: Option<Version>) -> Result<Vec<Change>, StoreError> {
        let key = &self.shared.key;
        let Some(page) = self.page else {
            return match to {
                Some(to) => {
                    self.read("between", |store| super::ready(store.between(key, from, to)))
                        .await
                }
                None => self.read("since", |store| super::ready(store.since(key, from))).await,
            };
        };
        let limit = u16::try_from(page).unwrap_or(u16::MAX);
        let mut changes: Vec<Change> = Vec::new();
        loop {
            let below = changes.last().map(|oldest| oldest.parent).or(to);
            let mut more = match below {
                Some(below) => {
                    self.read("a page", |store| super::ready(store.before(key, below, limit)))
                        .await?
                }
                None => {
                    self.read("a page", |store| super::ready(store.newest(key, limit)))
                        .await?
                }
            };
            let is_last = more.len() < page;
            more.retain(|change| change.parent >= from);
            let is_last = is_last || more.len() < page;
            changes.append(&mut more);
            if is_last {
                return Ok(changes);
            }
        }
    }
}
