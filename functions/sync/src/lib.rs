//! The `sync` function: merges a device's edits and answers with the other devices' changes (`docs/PROTOCOL.md`).

mod batch;

use coinolio_aws::App;
use coinolio_aws::http::{Event, HttpAnswer, OperationAnswer};
use coinolio_aws::invocation::http::{self, serve};
use coinolio_aws::registrar::Syncing;
use coinolio_aws::routes::SyncOperation;
use coinolio_core::Error;
use coinolio_core::id::DeviceId;
use coinolio_core::log::PortfolioKey;
use coinolio_core::portfolio::Portfolio;
use coinolio_core::sync::Answered;
use coinolio_core::wire::{v1, v2};

/// A call of one of this function's operations.
type Call = http::Call<SyncOperation>;

/// Answers one event of a route of [`SyncOperation`].
///
/// A successful answer has status 200. If it is about one portfolio, its `ETag` is the version. A successful sync
/// also registers the device. Refusals are problem documents.
pub async fn handle(app: &App, event: Event) -> HttpAnswer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<OperationAnswer, Error> {
    match call.operation {
        SyncOperation::SyncDocument => sync_document(call).await,
        SyncOperation::SyncChanges => sync_changes(call).await,
        SyncOperation::SyncAll => batch::sync_all(call).await,
    }
}

async fn sync_document(mut call: Call) -> Result<OperationAnswer, Error> {
    let key = call.request.key()?;
    let request = v1::SyncRequest::from_json(call.request.document()?)?;
    let received = call.request.received;
    let device = request.device_id.clone();
    let mut backoff = call.backoff.another();
    let syncing = Portfolio::new(&call.store, &key).sync_v1(&mut backoff, request, received);
    let answered = registered(&call, &key, &device, syncing).await?;
    Ok(OperationAnswer::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

async fn sync_changes(mut call: Call) -> Result<OperationAnswer, Error> {
    let key = call.request.key()?;
    let request = v2::SyncRequest::from_json(&call.request.document()?)?;
    let received = call.request.received;
    let mut backoff = call.backoff.another();
    let syncing = Portfolio::new(&call.store, &key).sync_v2(&mut backoff, &request, received);
    let answered = registered(&call, &key, &request.device_id, syncing).await?;
    Ok(OperationAnswer::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

/// Runs the sync of one portfolio, and registers the device if the sync succeeds.
async fn registered<T>(
    call: &Call,
    key: &PortfolioKey,
    device: &DeviceId,
    sync: impl Future<Output = Result<Answered<T>, Error>>,
) -> Result<Answered<T>, Error> {
    let syncing = Syncing {
        user: &key.user,
        device,
        received: call.request.received,
    };
    let portfolios = [key.portfolio.clone()];
    let shown = |result: &Result<Answered<T>, Error>| {
        let succeeded = result.iter();
        succeeded
            .map(|answered| (key.portfolio.clone(), answered.report.base))
            .collect()
    };
    call.registrar
        .register_beside(&call.store, syncing, &portfolios, sync, shown)
        .await
}
