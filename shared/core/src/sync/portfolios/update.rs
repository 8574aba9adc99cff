//! Updating a portfolio: its name, its document, or both.

use super::{fingerprint, prepare, response};
use crate::error::Error;
use crate::id::DeviceId;
use crate::json::Value;
use crate::log::{Change, Fingerprint, Kind, Patch, Version};
use crate::portfolio::{Portfolio, Window};
use crate::store::Store;
use crate::sync::append::{Backoff, End, NewDocument, Plan, Proposal, Writer, append};
use crate::sync::precondition::check_expected;
use crate::sync::report::{Answered, Report};
use crate::sync::v1::make_comparable;
use crate::time::Timestamp;
use crate::wire::v1::{PortfolioResponse, UpdateRequest};
use futures_util::future::try_join;
use std::sync::Arc;

impl<S: Store> Portfolio<'_, S> {
    /// Gives the portfolio a new name, a new document or both; a request that fails changes neither.
    ///
    /// The new document replaces the head's, which stays in the log. If there are `expected` versions, the head must
    /// be one of them. A new name creates no version, nor does a document that equals the head's.
    ///
    /// # Errors
    /// Not found; deleted; precondition failed; data that is too large (413) or nests too deep (422); busy when
    /// `backoff` gives up before an append succeeds.
    pub async fn update<B: Backoff>(
        self,
        backoff: &mut B,
        request: UpdateRequest,
        expected: Option<&[Version]>,
        received: Timestamp,
    ) -> Result<Answered<PortfolioResponse>, Error> {
        let UpdateRequest {
            name,
            mut data,
            device_id,
        } = request;
        if let Some(data) = &mut data {
            prepare(data)?;
        }
        let (entry, mut window) = try_join(self.store.entry(self.key), Window::read_newest(self, 1)).await?;
        let current = self.name_of(entry.as_ref());
        // Without an entry there is nothing to rename.
        let renamed_to = name.filter(|name| *name != current);
        let mut update = Update {
            fingerprint: fingerprint("replace", data.as_ref().unwrap_or(&Value::Null), received),
            data,
            device_id,
            renamed_to: renamed_to.clone().filter(|_| entry.is_some()),
            expected,
            received,
        };
        let (document, patch_bytes) = match append(&mut window, backoff, &mut update, received).await? {
            End::Written(document) | End::OwnEarlier(document) => (document, window.any_head()?.patch_bytes),
            End::Done(document) => {
                if let Some(name) = &update.renamed_to {
                    self.store.rename(self.key, name).await?;
                }
                (document, 0)
            }
        };
        let report = Report {
            patch_bytes,
            ..Report::of_read(&document)
        };
        let answer = response(self.key, renamed_to.unwrap_or(current), window.any_head()?, document);
        Ok(Answered { answer, report })
    }
}

struct Update<'a> {
    data: Option<Value>,
    device_id: Option<DeviceId>,
    renamed_to: Option<String>,
    expected: Option<&'a [Version]>,
    fingerprint: Fingerprint,
    received: Timestamp,
}

impl<S: Store> Writer<S> for Update<'_> {
    type Context = Arc<Value>;
    type Done = Arc<Value>;

    async fn plan(&mut self, window: &mut Window<'_, S>) -> Result<Plan<Arc<Value>, Arc<Value>>, Error> {
        let head = window.living_head()?;
        check_expected(self.expected, head)?;
        let version = head.version;
        let current = window.document_at(version).await?;
        let Some(mut document) = self.data.clone() else {
            return Ok(Plan::Done(current));
        };
        make_comparable(&mut document, &current);
        let patch = Patch::between(&current, &document, self.received);
        if patch.edits.is_empty() {
            return Ok(Plan::Done(current));
        }
        let document = Arc::new(document);
        let proposal = Proposal {
            device_id: self.device_id.clone(),
            verbatim: self.device_id.is_some(),
            document: NewDocument::Made(Arc::clone(&document)),
            name: self.renamed_to.clone(),
            ..Proposal::new(Kind::Replaced, self.fingerprint, patch)
        };
        Ok(Plan::Append(proposal, document))
    }

    fn made(&self, change: &Change) -> bool {
        change.fingerprint == Some(self.fingerprint)
    }
}
