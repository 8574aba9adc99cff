//! `GET …/sync-status`: is there anything to sync, and may it conflict (design section 5).

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event, Reply};
use coinolio_aws::invocation::{self, serve};
use coinolio_aws::routes::SyncStatusOperation;
use coinolio_core::Error;
use coinolio_core::id::DeviceId;
use coinolio_core::portfolio::Portfolio;
use coinolio_core::sync::SyncStatusQuery;

/// A call of this function's operations.
type Call = invocation::Call<SyncStatusOperation>;

/// Answers one event of a route of [`SyncStatusOperation`].
///
/// 200 with the status and the head's `ETag`, 304 where `If-None-Match` names it; refusals are problem
/// documents.
pub async fn handle(app: &App, event: Event) -> Answer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<Reply, Error> {
    match call.operation {
        SyncStatusOperation::DocumentStatus => document_status(call).await,
        SyncStatusOperation::SyncStatus => sync_status(call).await,
    }
}

async fn document_status(call: Call) -> Result<Reply, Error> {
    // The version says it all; a time that is none is refused all the same.
    call.request.query()?.time("last_sync_at")?;
    status(call, "client_version").await
}

async fn sync_status(call: Call) -> Result<Reply, Error> {
    status(call, "base_version").await
}

/// Answers with the status for a device whose version is in the parameter `version`.
async fn status(call: Call, version: &str) -> Result<Reply, Error> {
    let query = call.request.query()?;
    let query = SyncStatusQuery {
        version: query.required_version(version)?,
        device_id: DeviceId::parse(query.required("device_id")?)?,
        local_changes: query.boolean("local_changes")?,
    };
    let status = Portfolio::new(&call.log, &call.request.key()?)
        .sync_status(&query)
        .await?;
    Ok(Reply::ok(&status)?.at(status.server_version))
}
