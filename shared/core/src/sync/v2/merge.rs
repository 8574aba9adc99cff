//! Merging a v2 sync's edits with changes made since they were made (docs/MERGE.md).
//!
//! Whatever device id such a change has, it is concurrent with the edits: the same id may be on two phones, or the phone
//! may have been restored from a backup. The exception is a change that the device itself has named: the sync that was
//! unanswered when the edits were made ([`SyncRequest::follows`](crate::wire::v2::SyncRequest::follows)).

use super::{Sync, SyncPlan, Synced, delta};
use crate::algebra::{Authored, Authors, Merged, Op, Stamp, apply, diff};
use crate::error::Error;
use crate::json::Value;
use crate::log::{Edit, Kind, Patch, Version, json_size};
use crate::portfolio::{Portfolio, Replay, Window};
use crate::store::{RankSource, Store, StoreError};
use crate::sync::append::{NewDocument, Plan, Proposal};
use crate::time::Timestamp;
use crate::wire::Outcome;

/// Both sides of a merge.
pub(super) struct Sides {
    /// The document on which the edits were made, and the server's document at the window's head.
    pub(super) server: Replay,
    /// The client's document: the one on which the edits were made, with the edits.
    pub(super) client: Value,
    pub(super) client_authors: Authors,
    /// The device's document, which the answer must bring to the head's, if it is not `client`: that of `base_version`
    /// with the edits.
    pub(super) on_device: Option<Value>,
}

impl Sides {
    pub(super) fn on_device(&self) -> &Value {
        self.on_device.as_ref().unwrap_or(&self.client)
    }
}

impl Sync<'_> {
    /// Returns the version on which the edits were made; [`SyncRequest::base_version`] in an ordinary sync.
    ///
    /// If nothing but the unanswered sync was written in between, the edits could just as well have been made on
    /// `base_version`: the two documents are equal.
    ///
    /// [`SyncRequest::base_version`]: crate::wire::v2::SyncRequest::base_version
    pub(super) fn edited_on<S: Store>(&self, window: &Window<'_, S>) -> Version {
        let base = self.request.base_version;
        let edited_on = self.request.first_version();
        let mut between = window.after(edited_on).iter().filter(|change| change.version <= base);
        let unanswered = self.unanswered(window, edited_on);
        match (between.next(), between.next()) {
            (Some(only), None) if Some(only.version) == unanswered => base,
            _ => edited_on,
        }
    }

    /// Returns the version that the unanswered sync made between `edited_on` and the base, if the log shows it.
    fn unanswered<S: Store>(&self, window: &Window<'_, S>, edited_on: Version) -> Option<Version> {
        let follows = self.request.follows.as_ref()?;
        let mut between = window.after(edited_on).iter();
        let made = between.find(|change| {
            change.version <= self.request.base_version
                && change.sync_id.as_ref() == Some(follows)
                && change.device_id.as_ref() == Some(&self.request.device_id)
        });
        made.map(|change| change.version)
    }

    /// Merges the edits with the changes made since.
    pub(super) async fn merge<S: Store + RankSource>(&mut self, window: &mut Window<'_, S>) -> Result<SyncPlan, Error> {
        let sides = self.sides(window).await?;
        self.refuse_wipe(&sides.server.base, &sides.client)?;
        let client = Authored {
            document: &sides.client,
            authors: &sides.client_authors,
        };
        let merged = self.merge_client(window.portfolio(), &sides.server, client).await?;
        let changes = diff(sides.on_device(), &merged.document);
        let (proposal, document) = self.propose(Kind::Synced, &sides.server.document, merged, &sides.client_authors);
        self.sides = Some(sides);
        let document_bytes = json_size(&document);
        let delta = delta::smaller(changes, document, document_bytes);
        let outcome = Outcome::Merged;
        Ok(Plan::Append(proposal, Synced { outcome, delta }))
    }

    /// Merges the client's document with the server's.
    pub(super) async fn merge_client<S: RankSource>(
        &mut self,
        portfolio: Portfolio<'_, S>,
        server: &Replay,
        client: Authored<'_>,
    ) -> Result<Merged, StoreError> {
        let on_server = Authored {
            document: &server.document,
            authors: &server.authors,
        };
        let mut merged = self
            .ranks
            .merge(portfolio, &server.base, on_server, client, None)
            .await?;
        for conflict in &mut merged.conflicts {
            // Undated edits have no author, so that they have no rank.
            let author = &mut conflict.client.device_id;
            author.get_or_insert_with(|| self.request.device_id.clone());
        }
        Ok(merged)
    }

    /// Proposes the change from `server` to the merged document; returns that document, too.
    pub(super) fn propose(
        &mut self,
        kind: Kind,
        server: &Value,
        merged: Merged,
        client_authors: &Authors,
    ) -> (Proposal, Value) {
        let edits = diff(server, &merged.document).into_iter().map(|op| Edit {
            at: client_authors.newest(op.path(), None).at,
            op,
        });
        let patch = Patch {
            edits: edits.collect(),
            conflicts: merged.conflicts,
        };
        let document_bytes = json_size(&merged.document);
        self.report.document_bytes = Some(document_bytes);
        let proposal = Proposal {
            document: NewDocument::Measured(document_bytes),
            ..self.proposal(kind, patch)
        };
        (proposal, merged.document)
    }

    /// Returns both sides up to the window's head.
    pub(super) async fn sides<S: Store>(&mut self, window: &mut Window<'_, S>) -> Result<Sides, Error> {
        if let Some(mut sides) = self.sides.take() {
            sides.server.advance(window).await?;
            return Ok(sides);
        }
        let ops = || self.request.changes.iter().map(|edit| &edit.op);
        let edited_on = self.edited_on(window);
        let mut on_device = None;
        let server = if edited_on == self.request.base_version {
            Replay::since(window, edited_on).await?
        } else {
            let unanswered = self.unanswered(window, edited_on);
            let mut server = Replay::begin(window, edited_on, unanswered).await?;
            server.advance_to(window, self.request.base_version).await?;
            apply(on_device.insert(server.document.clone()), ops());
            server.advance(window).await?;
            server
        };
        let mut client = server.base.clone();
        let client_authors = self.apply_edits(&mut client);
        Ok(Sides {
            server,
            client,
            client_authors,
            on_device,
        })
    }

    /// Applies the edits to `document`, and returns who made them and when.
    fn apply_edits(&self, document: &mut Value) -> Authors {
        let own = &self.request.device_id;
        let mut authors = Authors::new(Stamp {
            device_id: Some(own.clone()),
            at: self.received,
        });
        if self.request.base_version > 0 {
            let patch = self.request.patch(self.received);
            authors.record(document, Some(own), patch.edits.iter().map(|edit| (&edit.op, edit.at)));
            return authors;
        }
        // Without a base, an edit that says nothing of its time is older than everything, and its device's rank does not
        // count: the defaults of a new installation must not overrule the user's edits.
        let mut recorded = document.clone();
        let edits = || self.request.changes.iter();
        let undated = edits().filter(|edit| edit.time.is_none());
        authors.record(&mut recorded, None, undated.map(|edit| (&edit.op, Timestamp::EARLIEST)));
        let dated: Vec<(&Op, Timestamp)> = edits()
            .filter_map(|edit| Some((&edit.op, self.request.effective(edit.time?, self.received))))
            .collect();
        authors.record(&mut recorded, Some(own), dated);
        apply(document, edits().map(|edit| &edit.op));
        authors
    }
}
