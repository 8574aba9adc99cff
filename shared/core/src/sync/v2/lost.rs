//! A v2 sync whose base the log does not have: never had, or no longer keeps (design section 3).

use super::{Attempt, Sync};
use crate::algebra::{Authors, Device, Op, Ranks, Stamp, diff, settle};
use crate::devices::RankSource;
use crate::error::{Code, Error};
use crate::log::{ChangeLog, Edit, Patch, Replay, Version, Window};
use crate::sync::Outcome;
use crate::time::Timestamp;
use crate::wire::v2::News;

impl<L: ChangeLog + RankSource> Sync<'_, L> {
    /// Refuses the sync, or carries it out without its base where that is expired and the device knows.
    pub(super) async fn without_base(&mut self) -> Result<Attempt, Error> {
        if !self.base_is_expired().await? {
            return Err(Error::new(
                Code::BaseUnknown,
                "the portfolio never had base_version; read it and sync on top of a version that it has",
            ));
        }
        if !self.request.base_lost {
            return Err(Error::new(
                Code::BaseExpired,
                "base_version is no longer kept; send the same again with \"base_lost\": true",
            ));
        }
        if self.earlier_success()?.is_some() {
            self.report.repeated = true;
            return self.answer_document(Outcome::Merged).await;
        }
        if self.request.changes.is_empty() {
            return self.answer_document(Outcome::Pulled).await;
        }
        self.merge_lost().await
    }

    /// True where the log once had versions as old as the base: one request, once, and only where the window
    /// leaves it open.
    async fn base_is_expired(&mut self) -> Result<bool, Error> {
        let base = self.request.base_version;
        if !self.base_expired && begins_above(&self.window, base) {
            let oldest = self.log.oldest_since(self.key, 0).await?;
            self.base_expired = oldest.is_some_and(|oldest| oldest.parent > base);
        }
        Ok(self.base_expired)
    }

    /// Holds the edits against what the head's document has in their places.
    async fn merge_lost(&mut self) -> Result<Attempt, Error> {
        let server = self.kept().await?;
        let edits = self.request.patch(self.received).edits;
        let edits: Vec<(&Op, Timestamp)> = edits.iter().map(|edit| (&edit.op, edit.at)).collect();
        let own = &self.request.device_id;
        let device = Device {
            document: &server.document,
            authors: &server.authors,
        };
        let work = |ranks: &Ranks| settle(device, &edits, own, ranks);
        let settled = self
            .ranks
            .decide(self.log, &self.key.user, work, |settled| &settled.conflicts)
            .await?;
        let mut document = server.document.clone();
        let mut authors = Authors::new(Stamp {
            device_id: Some(own.clone()),
            at: self.received,
        });
        authors.record(&mut document, Some(own), settled.edits.iter().map(|(op, at)| (op, *at)));
        let edits = diff(&server.document, &document).into_iter().map(|op| Edit {
            at: authors.newest(op.path(), None).at,
            op,
        });
        let patch = Patch {
            edits: edits.collect(),
            conflicts: settled.conflicts,
        };
        self.measured(&document)?;
        let head = self.window.living_head()?;
        let new = self.change_on(Some(head), patch);
        self.kept = Some(server);
        let appended = self.log.append(self.key, &new).await?;
        self.written(appended, new, Outcome::Merged, News::Document(document))
            .await
    }

    /// The head's document, and who altered what of it as far back as the log is kept.
    async fn kept(&mut self) -> Result<Replay, Error> {
        if let Some(mut kept) = self.kept.take() {
            kept.advance(self.log, self.key, &mut self.window).await?;
            return Ok(kept);
        }
        // The base is older than all that is kept, so that the window reaches back to the oldest of it.
        Ok(Replay::since(self.log, self.key, &mut self.window, 0).await?)
    }
}

/// True where `window`, which shows the change made on top of `base` where there is one, begins above it.
fn begins_above(window: &Window, base: Version) -> bool {
    window.changes().first().is_some_and(|oldest| oldest.parent > base)
}
