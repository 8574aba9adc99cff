//! Portfolios as wholes: create, list, read, update, rename, delete (docs/PROTOCOL.md).

mod create;
mod delete;
mod list;
mod read;
mod rename;
mod update;

pub use create::create;
pub use list::{list_v1, list_v2};
pub use read::Reading;

use super::limits::{check_depth, check_size};
use super::v1::metadata;
use crate::error::Error;
use crate::json::Value;
use crate::log::{Change, Fingerprint, PortfolioKey, json_size};
use crate::time::Timestamp;
use crate::wire::V1Document;
use crate::wire::v1::PortfolioResponse;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Checks a whole document that a client sent, and removes the service's members from it.
fn prepare(data: &mut Value) -> Result<(), Error> {
    check_depth(data, "data")?;
    metadata::strip(data);
    check_size(json_size(data))
}

/// Returns the fingerprint of a request without an id of its own: its action, its time and its document identify it.
fn fingerprint(action: &str, document: &Value, received: Timestamp) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(format!("{action}\n{}\n", received.millis()));
    hash.update(document.to_json());
    hash.finalize().into()
}

/// Returns a portfolio as v1 clients see it.
fn response(key: &PortfolioKey, name: String, head: &Change, document: Arc<Value>) -> PortfolioResponse {
    PortfolioResponse {
        id: key.portfolio.clone(),
        user_id: key.user.clone(),
        name,
        data: V1Document::new(document, head),
        version: head.version,
        is_cloud_synced: true,
        last_sync_at: head.last_sync_at,
        last_sync_device: head.device_id.clone(),
    }
}
