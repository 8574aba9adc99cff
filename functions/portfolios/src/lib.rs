//! The `portfolios` function: portfolios as a whole, their history, and undo (`docs/PROTOCOL.md`).

mod history;

use coinolio_aws::App;
use coinolio_aws::http::{Event, HttpAnswer, OperationAnswer};
use coinolio_aws::invocation::http::{self, serve};
use coinolio_aws::routes::PortfoliosOperation;
use coinolio_core::Error;
use coinolio_core::id::PortfolioId;
use coinolio_core::portfolio::Portfolio;
use coinolio_core::sync::portfolios::{self, Reading};
use coinolio_core::wire::v1::{CreateRequest, UpdateRequest};
use uuid::Uuid;

/// A call of one of this function's operations.
type Call = http::Call<PortfoliosOperation>;

/// Answers one event of a route of [`PortfoliosOperation`].
///
/// The `ETag` of an answer about one version of a portfolio is that version. Reading a version is answered with 304
/// if `If-None-Match` names it. Refusals are problem documents.
pub async fn handle(app: &App, event: Event) -> HttpAnswer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<OperationAnswer, Error> {
    match call.operation {
        PortfoliosOperation::CreatePortfolio => create_portfolio(call).await,
        PortfoliosOperation::ListDocuments => list_documents(call).await,
        PortfoliosOperation::ReadDocument => read_document(call).await,
        PortfoliosOperation::ReplacePortfolio => replace_portfolio(call).await,
        PortfoliosOperation::DeletePortfolio => delete_portfolio(call).await,
        PortfoliosOperation::ListPortfolios => list_portfolios(call).await,
        PortfoliosOperation::ReadPortfolio => read_portfolio(call).await,
        PortfoliosOperation::ReadHistory => history::read_history(call).await,
        PortfoliosOperation::CompareVersions => history::compare_versions(call).await,
        PortfoliosOperation::RestoreVersion => history::restore_version(call).await,
        PortfoliosOperation::KeepMine => history::keep_mine(call).await,
    }
}

async fn list_documents(call: Call) -> Result<OperationAnswer, Error> {
    OperationAnswer::ok(&portfolios::list_v1(&call.store, &call.request.user).await?)
}

async fn list_portfolios(call: Call) -> Result<OperationAnswer, Error> {
    OperationAnswer::ok(&portfolios::list_v2(&call.store, &call.request.user).await?)
}

async fn create_portfolio(mut call: Call) -> Result<OperationAnswer, Error> {
    let request = CreateRequest::from_json(call.request.document()?)?;
    let id = PortfolioId::parse(&Uuid::new_v4().to_string())?;
    let received = call.request.received;
    let answered = portfolios::create(&call.store, &call.request.user, request, id, received).await?;
    let portfolio = answered.answer;
    Ok(OperationAnswer::ok(&portfolio)?
        .created(format!("/api/v1/portfolios/{}", portfolio.id))
        .at(portfolio.version)
        .with(answered.report))
}

async fn read_document(call: Call) -> Result<OperationAnswer, Error> {
    let answered = Portfolio::new(&call.store, &call.request.key()?).read_v1().await?;
    Ok(OperationAnswer::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

async fn read_portfolio(call: Call) -> Result<OperationAnswer, Error> {
    let version = call.request.query()?.version("version")?;
    let known = call.request.known();
    let answered = Portfolio::new(&call.store, &call.request.key()?)
        .read_v2(version, &known)
        .await?;
    let reply = match answered.answer {
        Reading::Known(version) => OperationAnswer::not_modified(version),
        Reading::Document(portfolio) => OperationAnswer::ok(&portfolio)?.at(portfolio.version),
    };
    Ok(reply.with(answered.report))
}

async fn replace_portfolio(mut call: Call) -> Result<OperationAnswer, Error> {
    let key = call.request.key()?;
    let expected = call.request.expected()?;
    let request = UpdateRequest::from_json(call.request.document()?)?;
    let received = call.request.received;
    let answered = Portfolio::new(&call.store, &key)
        .update(&mut call.backoff, request, expected.as_deref(), received)
        .await?;
    Ok(OperationAnswer::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

async fn delete_portfolio(mut call: Call) -> Result<OperationAnswer, Error> {
    let key = call.request.key()?;
    let received = call.request.received;
    let answered = Portfolio::new(&call.store, &key)
        .delete(&mut call.backoff, received)
        .await?;
    Ok(OperationAnswer::no_content().with(answered.report))
}
