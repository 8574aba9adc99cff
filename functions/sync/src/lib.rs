//! `POST …/sync`: merges a device's changes and answers with the others' (design section 5).

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event, Reply};
use coinolio_aws::invocation::{Call, serve};
use coinolio_aws::routes::Operation;
use coinolio_core::Error;
use coinolio_core::sync::{sync_v1, sync_v2};
use coinolio_core::wire::{v1, v2};

/// Answers one event of the routes
///
/// - `POST /api/v1/portfolios/{id}/sync`: whole documents;
/// - `POST /api/v2/portfolios/{id}/sync`: changes.
///
/// 200 with the answer and the version's `ETag`; refusals are problem documents.
pub async fn handle(app: &App, event: Event) -> Answer {
    serve(app, event, sync).await
}

async fn sync(call: Call) -> Result<Reply, Error> {
    match call.operation {
        Operation::SyncV1 => documents(call).await,
        Operation::SyncV2 => changes(call).await,
        _ => Err(call.not_ours()),
    }
}

async fn documents(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let request = v1::SyncRequest::from_json(call.request.document()?)?;
    let received = call.request.received;
    let answered = sync_v1(&call.log, &mut call.backoff, &key, request, received).await?;
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

async fn changes(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let request = v2::SyncRequest::from_json(&call.request.document()?)?;
    let received = call.request.received;
    let answered = sync_v2(&call.log, &mut call.backoff, &key, &request, received).await?;
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}
