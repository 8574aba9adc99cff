//! Portfolios as wholes: create, list, read, replace, delete (design section 5); their history, and undoing.

mod undo;

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event, Reply};
use coinolio_aws::invocation::{Call, serve};
use coinolio_aws::routes::Operation;
use coinolio_core::Error;
use coinolio_core::id::PortfolioId;
use coinolio_core::sync::portfolios::{self, Reading};
use coinolio_core::wire::v1::{CreateRequest, UpdateRequest};
use uuid::Uuid;

/// Answers one event of the routes
///
/// - `POST /api/v1/portfolios` (201 with `Location`) and `GET /api/v1/portfolios`;
/// - `GET`, `PUT` (with `If-Match`) and `DELETE` (204) of `/api/v1/portfolios/{id}`;
/// - `GET /api/v2/portfolios`;
/// - `GET /api/v2/portfolios/{id}`, with `version` as it was then;
/// - `GET /api/v2/portfolios/{id}/history`, with `before` and `limit`, and `…/compare` with `from` and `to`;
/// - `POST /api/v2/portfolios/{id}/restore` (with `If-Match`) and `…/conflicts/{version}/{index}/keep-mine`.
///
/// Answers about a version of one portfolio carry its version's `ETag`, and reading one is 304 where `If-None-Match`
/// names it; refusals are problem documents.
pub async fn handle(app: &App, event: Event) -> Answer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<Reply, Error> {
    match call.operation {
        Operation::Create => create(call).await,
        Operation::ListV1 => Reply::ok(&portfolios::list_v1(&call.log, &call.request.user).await?),
        Operation::ListV2 => Reply::ok(&portfolios::list_v2(&call.log, &call.request.user).await?),
        Operation::ReadV1 => read(call).await,
        Operation::ReadV2 => read_document(call).await,
        Operation::Replace => replace(call).await,
        Operation::Delete => delete(call).await,
        Operation::History => undo::history(call).await,
        Operation::Compare => undo::compare(call).await,
        Operation::Restore => undo::restore(call).await,
        Operation::KeepMine => undo::keep_mine(call).await,
        _ => Err(call.not_ours()),
    }
}

async fn create(mut call: Call) -> Result<Reply, Error> {
    let request = CreateRequest::from_json(call.request.document()?)?;
    let id = PortfolioId::parse(&Uuid::new_v4().to_string())?;
    let received = call.request.received;
    let answered = portfolios::create(&call.log, &call.request.user, request, id, received).await?;
    let portfolio = answered.answer;
    Ok(Reply::ok(&portfolio)?
        .created(format!("/api/v1/portfolios/{}", portfolio.id))
        .at(portfolio.version)
        .with(answered.report))
}

async fn read(call: Call) -> Result<Reply, Error> {
    let answered = portfolios::read_v1(&call.log, &call.request.key()?).await?;
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

async fn read_document(call: Call) -> Result<Reply, Error> {
    let version = call.request.query()?.version("version")?;
    let known = call.request.known();
    let answered = portfolios::read_v2(&call.log, &call.request.key()?, version, &known).await?;
    let reply = match answered.answer {
        Reading::Known(version) => Reply::not_modified(version),
        Reading::Document(portfolio) => Reply::ok(&portfolio)?.at(portfolio.version),
    };
    Ok(reply.with(answered.report))
}

async fn replace(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let expected = call.request.expected()?;
    let request = UpdateRequest::from_json(call.request.document()?)?;
    let received = call.request.received;
    let answered = portfolios::update(
        &call.log,
        &mut call.backoff,
        &key,
        request,
        expected.as_deref(),
        received,
    )
    .await?;
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

async fn delete(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let received = call.request.received;
    let answered = portfolios::delete(&call.log, &mut call.backoff, &key, received).await?;
    Ok(Reply::no_content().with(answered.report))
}
