//! `GET …/sync-status`: is there anything to sync, and may it conflict (design section 5).

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event, Reply};
use coinolio_aws::invocation::{Call, serve};
use coinolio_aws::routes::Operation;
use coinolio_core::Error;
use coinolio_core::id::DeviceId;
use coinolio_core::sync::{SyncStatusQuery, sync_status};

/// Answers one event of the routes
///
/// - `GET /api/v1/portfolios/{id}/sync-status` and `…/sync/status`, with `client_version`, `device_id` and
///   optionally `local_changes` and `last_sync_at`;
/// - `GET /api/v2/portfolios/{id}/sync-status`, with `base_version`, `device_id` and optionally
///   `local_changes`.
///
/// 200 with the status and the head's `ETag`, 304 where `If-None-Match` names it; refusals are problem
/// documents.
pub async fn handle(app: &App, event: Event) -> Answer {
    serve(app, event, status).await
}

async fn status(call: Call) -> Result<Reply, Error> {
    let query = call.request.query()?;
    let version = match call.operation {
        Operation::StatusV1 => {
            // The version says it all; a time that is none is refused all the same.
            query.time("last_sync_at")?;
            "client_version"
        }
        Operation::StatusV2 => "base_version",
        _ => return Err(call.not_ours()),
    };
    let query = SyncStatusQuery {
        version: query.required_version(version)?,
        device_id: DeviceId::parse(query.required("device_id")?)?,
        local_changes: query.boolean("local_changes")?,
    };
    let status = sync_status(&call.log, &call.request.key()?, &query).await?;
    Ok(Reply::ok(&status)?.at(status.server_version))
}
