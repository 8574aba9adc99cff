//! Rejoining: a device whose base the log does not know sends its whole document (docs/PROTOCOL.md).

use super::{Sync, SyncPlan, Synced};
use crate::algebra::{Authored, Authors, DocumentIndex, Op, Stamp, apply};
use crate::error::Error;
use crate::json::Value;
use crate::log::Kind;
use crate::portfolio::{Replay, Window};
use crate::store::{RankSource, Store};
use crate::sync::append::{Plan, Proposal};
use crate::sync::v1::restore_rounded;
use crate::time::Timestamp;
use crate::wire::Outcome;
use crate::wire::v2::{Delta, Rejoin};

impl Sync<'_> {
    /// Plans the merge of the device's document, as that of a side without a base: nothing counts as deleted.
    ///
    /// Always appends a change, so that a repetition is recognized even if the merge changed nothing.
    pub(super) async fn plan_rejoin<S: Store + RankSource>(
        &mut self,
        rejoin: &Rejoin,
        window: &mut Window<'_, S>,
    ) -> Result<SyncPlan, Error> {
        let outcome = Outcome::Merged;
        let (server, kind, name) = if window.head().is_none() {
            let name = self.request.name.clone();
            (Replay::empty(self.received), Kind::Created, name)
        } else {
            window.living_head()?;
            if self.earlier_success(window)?.is_some() {
                self.report.repeated = true;
                let delta = self.head_document(window).await?;
                return Ok(Plan::Done(Synced { outcome, delta }));
            }
            (self.server(window).await?, Kind::Synced, None)
        };
        let mut client = rejoin.document.clone();
        restore_rounded(&mut client, &server.document);
        let authors = self.rejoin_authors(rejoin, &client);
        let authored = Authored {
            document: &client,
            authors: &authors,
        };
        let merged = self.merge_client(window.portfolio(), &server, authored).await?;
        let (proposal, document) = self.propose(kind, &server.document, merged, &authors);
        self.server = Some(server);
        let delta = Delta::Document(document);
        Ok(Plan::Append(Proposal { name, ..proposal }, Synced { outcome, delta }))
    }

    /// Returns the time of each value of the device's document: that of its listed edit, else that of the base.
    fn rejoin_authors(&self, rejoin: &Rejoin, document: &Value) -> Authors {
        let own = &self.request.device_id;
        // A value without a time is older than everything, as in a sync without a base.
        let mut authors = Authors::new(Stamp {
            device_id: self.request.base_at.map(|_| own.clone()),
            at: self
                .request
                .base_at
                .map_or(Timestamp::EARLIEST, |at| at.min(self.received)),
        });
        let mut values = DocumentIndex::of(document);
        // A path without a value is an edit that deleted it: without a base, nothing counts as deleted.
        let edits = rejoin.edits.iter().filter_map(|(path, time)| {
            let edit = Op::Set {
                path: path.clone(),
                value: values.find(path)?.clone(),
                after: None,
            };
            Some((edit, self.request.effective(*time, self.received)))
        });
        let edits: Vec<(Op, Timestamp)> = edits.collect();
        // Only an alteration is recorded, so the listed values are first removed.
        let mut rest = document.clone();
        let deletions: Vec<Op> = edits
            .iter()
            .map(|(edit, _)| Op::Delete {
                path: edit.path().clone(),
            })
            .collect();
        apply(&mut rest, &deletions);
        authors.record(&mut rest, Some(own), edits.iter().map(|(edit, at)| (edit, *at)));
        authors
    }
}
