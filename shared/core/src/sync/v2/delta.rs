//! The delta in the answer to a v2 sync.

use super::Sync;
use crate::error::Error;
use crate::log::{Version, json_size};
use crate::portfolio::Window;
use crate::store::Store;
use crate::sync::delta;
pub(super) use crate::sync::delta::smaller;
use crate::wire::v2::Delta;

impl Sync<'_> {
    /// Returns the delta from the document of `version` to the head's: the squashed operations since then, or the head's
    /// document if they are known to be larger.
    pub(super) async fn delta_since<S: Store>(
        &mut self,
        window: &mut Window<'_, S>,
        version: Version,
    ) -> Result<Delta, Error> {
        let delta = delta::delta_since(window, version).await?;
        Ok(self.reported(delta))
    }

    /// Returns the head's document.
    pub(super) async fn head_document<S: Store>(&mut self, window: &mut Window<'_, S>) -> Result<Delta, Error> {
        let delta = delta::head_document(window).await?;
        Ok(self.reported(delta))
    }

    /// Notes the size of a document for the report.
    fn reported(&mut self, delta: Delta) -> Delta {
        if let Delta::Document(document) = &delta {
            self.report.document_bytes = Some(json_size(document));
        }
        delta
    }
}
