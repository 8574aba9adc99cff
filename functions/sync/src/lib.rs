//! `POST …/sync`: merges a device's changes and answers with the others' (design section 5).

mod batch;

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event, Reply};
use coinolio_aws::invocation::{Call, serve};
use coinolio_aws::registrar::Syncing;
use coinolio_aws::routes::Operation;
use coinolio_core::Error;
use coinolio_core::id::DeviceId;
use coinolio_core::log::PortfolioKey;
use coinolio_core::sync::{Answered, sync_v1, sync_v2};
use coinolio_core::wire::{v1, v2};

/// Answers one event of the routes
///
/// - `POST /api/v1/portfolios/{id}/sync`: whole documents;
/// - `POST /api/v2/portfolios/{id}/sync`: changes;
/// - `POST /api/v2/sync`: changes of several portfolios.
///
/// 200 with the answer and, where it is about one portfolio, the version's `ETag`; refusals are problem documents. The
/// device that asks is registered.
pub async fn handle(app: &App, event: Event) -> Answer {
    serve(app, event, sync).await
}

async fn sync(call: Call) -> Result<Reply, Error> {
    match call.operation {
        Operation::SyncV1 => documents(call).await,
        Operation::SyncV2 => changes(call).await,
        Operation::SyncAll => batch::sync(call).await,
        _ => Err(call.not_ours()),
    }
}

async fn documents(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let request = v1::SyncRequest::from_json(call.request.document()?)?;
    let received = call.request.received;
    let device = request.device_id.clone();
    let mut backoff = call.backoff.another();
    let syncing = sync_v1(&call.log, &mut backoff, &key, request, received);
    let answered = registered(&call, &key, &device, syncing).await?;
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

async fn changes(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let request = v2::SyncRequest::from_json(&call.request.document()?)?;
    let received = call.request.received;
    let mut backoff = call.backoff.another();
    let syncing = sync_v2(&call.log, &mut backoff, &key, &request, received);
    let answered = registered(&call, &key, &request.device_id, syncing).await?;
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

/// Carries out the sync of one portfolio, and registers its device where it succeeds.
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
        .beside(&call.log, syncing, &portfolios, sync, shown)
        .await
}
