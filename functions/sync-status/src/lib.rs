//! The `sync-status` function: reports whether there is anything to sync, and whether a sync may conflict
//! (`docs/PROTOCOL.md`, "Status").

use coinolio_aws::App;
use coinolio_aws::http::{Event, HttpAnswer, OperationAnswer};
use coinolio_aws::invocation::http::{self, serve};
use coinolio_aws::routes::SyncStatusOperation;
use coinolio_core::Error;
use coinolio_core::id::DeviceId;
use coinolio_core::portfolio::Portfolio;
use coinolio_core::sync::SyncStatusQuery;

/// A call of one of this function's operations.
type Call = http::Call<SyncStatusOperation>;

/// Answers one event of a route of [`SyncStatusOperation`].
///
/// The answer is 200 with the status and the head's `ETag`, or 304 if `If-None-Match` names the head. Refusals are
/// problem documents.
pub async fn handle(app: &App, event: Event) -> HttpAnswer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<OperationAnswer, Error> {
    match call.operation {
        SyncStatusOperation::DocumentStatus => document_status(call).await,
        SyncStatusOperation::SyncStatus => sync_status(call).await,
    }
}

async fn document_status(call: Call) -> Result<OperationAnswer, Error> {
    // The status depends only on the version. The time is read only so that an invalid one is refused.
    call.request.query()?.time("last_sync_at")?;
    status(call, "client_version", None).await
}

async fn sync_status(call: Call) -> Result<OperationAnswer, Error> {
    status(call, "base_version", Some("base_at")).await
}

/// Answers with the status for a device whose version is in the parameter `version`; the parameter `made_at`, if the
/// protocol has one, is the time of that version.
async fn status(call: Call, version: &str, made_at: Option<&str>) -> Result<OperationAnswer, Error> {
    let query = call.request.query()?;
    let made_at = made_at.map(|name| query.time(name)).transpose()?.flatten();
    let query = SyncStatusQuery {
        version: query.required_version(version)?,
        made_at,
        device_id: DeviceId::parse(query.required("device_id")?)?,
        local_changes: query.boolean("local_changes")?,
    };
    let status = Portfolio::new(&call.store, &call.request.key()?)
        .sync_status(&query)
        .await?;
    Ok(OperationAnswer::ok(&status)?.at(status.server_version))
}
