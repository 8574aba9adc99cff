//! The answers to a v1 sync.

use super::changes::changes;
use super::{Merge, Server, Sync};
use crate::error::Error;
use crate::json::Value;
use crate::log::{Change, Version, json_size};
use crate::portfolio::{Portfolio, ReportedConflicts, Window};
use crate::store::Store;
use crate::sync::report::{Answered, Report};
use crate::wire::v1::{DocumentChange, SyncResponse};
use crate::wire::{Outcome, V1Document};
use std::sync::Arc;

/// The parts of an answer that depend on how the sync ended.
struct Ending {
    outcome: Outcome,
    document: Arc<Value>,
    changes: Vec<DocumentChange>,
    conflicts: ReportedConflicts,
}

impl Sync {
    /// Answers a sync that wrote the window's head.
    pub(super) async fn answer_edited<S: Store>(
        self,
        window: &mut Window<'_, S>,
        merge: Merge,
    ) -> Result<Answered<SyncResponse>, Error> {
        let written = window.any_head()?.version;
        let conflicts = self.conflicts(window, Some(written)).await?;
        let head = window.any_head()?;
        let report = Report {
            conflicts: head.conflicts,
            patch_bytes: head.patch_bytes,
            ..self.report()
        };
        let ending = Ending {
            outcome: merge.outcome,
            changes: self.changes(&merge),
            document: merge.document,
            conflicts,
        };
        Ok(answer(window.portfolio(), head, report, ending))
    }

    /// Answers a sync without edits with the head.
    pub(super) async fn answer_unedited<S: Store>(
        mut self,
        window: &mut Window<'_, S>,
    ) -> Result<Answered<SyncResponse>, Error> {
        let conflicts = self.conflicts(window, None).await?;
        let (outcome, document) = match self.server.take() {
            Some(Server::Changed(replay, _)) => (Outcome::Pulled, replay.document.into()),
            Some(Server::Unchanged(document)) => (Outcome::UpToDate, document),
            None => (Outcome::UpToDate, Value::empty_object().into()),
        };
        let ending = Ending {
            outcome,
            document,
            changes: Vec::new(),
            conflicts,
        };
        Ok(answer(window.portfolio(), window.living_head()?, self.report(), ending))
    }

    /// Answers a sync that an earlier request carried out in `version`, with the head and with the conflicts of that
    /// earlier answer.
    pub(super) async fn answer_repetition<S: Store>(
        self,
        window: &mut Window<'_, S>,
        version: Version,
    ) -> Result<Answered<SyncResponse>, Error> {
        self.answer_again(window, version, Outcome::Pulled, Vec::new()).await
    }

    /// Answers a sync whose change, the result of `merge`, was already in the log when it was to be written.
    pub(super) async fn answer_unanswered<S: Store>(
        self,
        window: &mut Window<'_, S>,
        merge: Merge,
    ) -> Result<Answered<SyncResponse>, Error> {
        let changes = self.changes(&merge);
        let written = window.any_head()?.version;
        window.catch_up().await?;
        self.answer_again(window, written, merge.outcome, changes).await
    }

    async fn answer_again<S: Store>(
        self,
        window: &mut Window<'_, S>,
        written: Version,
        outcome: Outcome,
        changes: Vec<DocumentChange>,
    ) -> Result<Answered<SyncResponse>, Error> {
        let conflicts = self.conflicts(window, Some(written)).await?;
        let head = window.living_head()?.version;
        let document = window.document_at(head).await?;
        let report = Report {
            repeated: true,
            ..self.report()
        };
        let ending = Ending {
            outcome,
            document,
            changes,
            conflicts,
        };
        Ok(answer(window.portfolio(), window.living_head()?, report, ending))
    }

    fn report(&self) -> Report {
        Report {
            base: self.basis.base,
            ..Report::default()
        }
    }

    fn changes(&self, merge: &Merge) -> Vec<DocumentChange> {
        let before = self.server.as_ref().map_or(&Value::Null, Server::head);
        changes(&merge.ops, before, &merge.document)
    }

    /// Returns the conflicts that concern the device: those since the base, and those of the sync that made the version
    /// `written`.
    async fn conflicts<S: Store>(
        &self,
        window: &Window<'_, S>,
        written: Option<Version>,
    ) -> Result<ReportedConflicts, Error> {
        let is_this_sync = |change: &Change| Some(change.version) == written;
        Ok(window.conflicts(self.basis.base, is_this_sync).await?)
    }
}

/// Answers with the document of the version that `head` made; the store remembers it for the device's next sync.
fn answer<S: Store>(
    portfolio: Portfolio<'_, S>,
    head: &Change,
    report: Report,
    ending: Ending,
) -> Answered<SyncResponse> {
    let Ending {
        outcome,
        document,
        changes,
        conflicts,
    } = ending;
    let document_bytes = json_size(&*document);
    portfolio.store.remember(portfolio.key, head, &document, document_bytes);
    Answered {
        answer: SyncResponse {
            success: true,
            version: head.version,
            data: V1Document::new(document, head),
            changes,
            last_sync_at: head.last_sync_at,
            conflicts: conflicts.conflicts,
            conflicts_omitted: conflicts.omitted,
        },
        report: Report {
            outcome: Some(outcome),
            document_bytes: Some(document_bytes),
            ..report
        },
    }
}
