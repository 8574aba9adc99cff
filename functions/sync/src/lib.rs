//! `POST …/sync`: merges a device's changes and answers with the others' (design section 5).

mod batch;

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event, Reply};
use coinolio_aws::invocation::{self, serve};
use coinolio_aws::registrar::Syncing;
use coinolio_aws::routes::SyncOperation;
use coinolio_core::Error;
use coinolio_core::id::DeviceId;
use coinolio_core::log::PortfolioKey;
use coinolio_core::portfolio::Portfolio;
use coinolio_core::sync::Answered;
use coinolio_core::wire::{v1, v2};

/// A call of this function's operations.
type Call = invocation::Call<SyncOperation>;

/// Answers one event of a route of [`SyncOperation`].
///
/// 200 with the answer and, where it is about one portfolio, the version's `ETag`; refusals are problem documents. The
/// device that asks is registered.
pub async fn handle(app: &App, event: Event) -> Answer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<Reply, Error> {
    match call.operation {
        SyncOperation::SyncDocument => sync_document(call).await,
        SyncOperation::SyncChanges => sync_changes(call).await,
        SyncOperation::SyncAll => batch::sync_all(call).await,
    }
}

async fn sync_document(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let request = v1::SyncRequest::from_json(call.request.document()?)?;
    let received = call.request.received;
    let device = request.device_id.clone();
    let mut backoff = call.backoff.another();
    let syncing = Portfolio::new(&call.log, &key).sync_v1(&mut backoff, request, received);
    let answered = registered(&call, &key, &device, syncing).await?;
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

async fn sync_changes(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let request = v2::SyncRequest::from_json(&call.request.document()?)?;
    let received = call.request.received;
    let mut backoff = call.backoff.another();
    let syncing = Portfolio::new(&call.log, &key).sync_v2(&mut backoff, &request, received);
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
