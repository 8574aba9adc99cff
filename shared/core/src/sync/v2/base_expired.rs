//! A v2 sync whose base has expired (docs/PROTOCOL.md).

use super::{Sync, SyncPlan, Synced};
use crate::algebra::{Authored, Authors, Op, Ranks, Stamp, diff, merge_without_base};
use crate::error::{Code, Error};
use crate::log::{Edit, Kind, Patch, json_size};
use crate::portfolio::{Replay, Window};
use crate::store::{RankSource, Store};
use crate::sync::append::{NewDocument, Plan, Proposal};
use crate::time::Timestamp;
use crate::wire::Outcome;
use crate::wire::v2::Delta;

impl Sync<'_> {
    /// Refuses the sync, or plans it without its base if the request says that it knows.
    pub(super) async fn plan_without_base<S: Store + RankSource>(
        &mut self,
        window: &mut Window<'_, S>,
    ) -> Result<SyncPlan, Error> {
        if !self.request.base_lost {
            return Err(Error::new(
                Code::BaseExpired,
                "base_version has expired; send the same request again with \"base_lost\": true",
            ));
        }
        let outcome = if self.earlier_success(window)?.is_some() {
            self.report.repeated = true;
            Outcome::Merged
        } else if self.request.changes.is_empty() {
            Outcome::Pulled
        } else {
            return self.merge_at_head(window).await;
        };
        let delta = self.head_document(window).await?;
        Ok(Plan::Done(Synced { outcome, delta }))
    }

    /// Merges the edits with the values that the head's document has at their paths.
    async fn merge_at_head<S: Store + RankSource>(&mut self, window: &mut Window<'_, S>) -> Result<SyncPlan, Error> {
        let server = self.server(window).await?;
        let edits = self.request.patch(self.received).edits;
        let edits: Vec<(&Op, Timestamp)> = edits.iter().map(|edit| (&edit.op, edit.at)).collect();
        let own = &self.request.device_id;
        let authored = Authored {
            document: &server.document,
            authors: &server.authors,
        };
        let by_ranks = |ranks: &Ranks| merge_without_base(authored, &edits, own, ranks);
        let merged = self
            .ranks
            .merge_by(window.portfolio(), by_ranks, |merged| &merged.conflicts)
            .await?;
        let mut document = server.document.clone();
        let mut authors = Authors::new(Stamp {
            device_id: Some(own.clone()),
            at: self.received,
        });
        authors.record(&mut document, Some(own), merged.edits.iter().map(|(op, at)| (op, *at)));
        self.refuse_wipe(&server.document, &document)?;
        let edits = diff(&server.document, &document).into_iter().map(|op| Edit {
            at: authors.newest(op.path(), None).at,
            op,
        });
        let patch = Patch {
            edits: edits.collect(),
            conflicts: merged.conflicts,
        };
        self.server = Some(server);
        let document_bytes = json_size(&document);
        self.report.document_bytes = Some(document_bytes);
        let proposal = Proposal {
            document: NewDocument::Measured(document_bytes),
            ..self.proposal(Kind::Synced, patch)
        };
        let outcome = Outcome::Merged;
        let delta = Delta::Document(document);
        Ok(Plan::Append(proposal, Synced { outcome, delta }))
    }

    /// Returns the head's document, with the authors of its values as far as the log has them.
    pub(super) async fn server<S: Store>(&mut self, window: &mut Window<'_, S>) -> Result<Replay, Error> {
        if let Some(mut server) = self.server.take() {
            server.advance(window).await?;
            return Ok(server);
        }
        // The window reaches back to the oldest change: there is no base, or it is older than the log.
        Ok(Replay::since(window, 0).await?)
    }
}
