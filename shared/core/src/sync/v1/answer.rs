//! The answers to a v1 sync.

use super::changes::changes;
use super::{Merge, Server, Sync};
use crate::error::Error;
use crate::json::Value;
use crate::log::{Change, ConflictRecord, Patch, Version, json_size};
use crate::portfolio::{Portfolio, Window};
use crate::store::{Store, StoreError};
use crate::sync::report::{Answered, Report};
use crate::wire::v1::{DocumentChange, SyncResponse};
use crate::wire::{Outcome, V1Document};
use std::sync::Arc;

/// The parts of an answer that depend on how the sync ended.
struct Ending {
    outcome: Outcome,
    document: Arc<Value>,
    changes: Vec<DocumentChange>,
    conflicts: Vec<ConflictRecord>,
}

impl Sync {
    /// Answers a sync that wrote the window's head.
    pub(super) async fn answer_edited<S: Store>(
        self,
        window: &mut Window<'_, S>,
        merge: Merge,
    ) -> Result<Answered<SyncResponse>, Error> {
        let written = window.any_head()?.version;
        let conflicts = self.answered_conflicts(window, written).await?;
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
        let conflicts = self.logged_conflicts(window).await?;
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
        let conflicts = self.answered_conflicts(window, written).await?;
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

    /// Returns the conflicts logged since the base. Without a base it returns none, because the server does not know
    /// which of them the device has already received.
    async fn logged_conflicts<S: Store>(&self, window: &mut Window<'_, S>) -> Result<Vec<ConflictRecord>, Error> {
        match self.basis.base {
            Some(base) => Ok(window.conflicts(base).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Returns the conflicts of the answer to a sync that made the version `written`: without a base, only its own.
    async fn answered_conflicts<S: Store>(
        &self,
        window: &mut Window<'_, S>,
        written: Version,
    ) -> Result<Vec<ConflictRecord>, Error> {
        if self.basis.base.is_some() {
            return self.logged_conflicts(window).await;
        }
        let made_it = |change: &&Change| change.version == written;
        let Some(own) = window.changes().iter().rfind(made_it) else {
            return Ok(Vec::new());
        };
        let version = own.version;
        let conflicts = match window.portfolio().patch_of(own).await {
            Err(StoreError::Expired { .. }) => Vec::new(),
            read => {
                let Patch { conflicts, .. } = read?;
                conflicts
            }
        };
        let record = |conflict| ConflictRecord { version, conflict };
        Ok(conflicts.into_iter().map(record).collect())
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
            conflicts,
        },
        report: Report {
            outcome: Some(outcome),
            document_bytes: Some(document_bytes),
            ..report
        },
    }
}
