//! Portfolios as wholes: create, list, read, replace, delete (design section 5); their history, and undoing.

mod history;

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event, Reply};
use coinolio_aws::invocation::{self, serve};
use coinolio_aws::routes::PortfoliosOperation;
use coinolio_core::Error;
use coinolio_core::id::PortfolioId;
use coinolio_core::portfolio::Portfolio;
use coinolio_core::sync::portfolios::{self, Reading};
use coinolio_core::wire::v1::{CreateRequest, UpdateRequest};
use uuid::Uuid;

/// A call of this function's operations.
type Call = invocation::Call<PortfoliosOperation>;

/// Answers one event of a route of [`PortfoliosOperation`].
///
/// Answers about a version of one portfolio carry its version's `ETag`, and reading one is 304 where `If-None-Match`
/// names it; refusals are problem documents.
pub async fn handle(app: &App, event: Event) -> Answer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<Reply, Error> {
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

async fn list_documents(call: Call) -> Result<Reply, Error> {
    Reply::ok(&portfolios::list_v1(&call.log, &call.request.user).await?)
}

async fn list_portfolios(call: Call) -> Result<Reply, Error> {
    Reply::ok(&portfolios::list_v2(&call.log, &call.request.user).await?)
}

async fn create_portfolio(mut call: Call) -> Result<Reply, Error> {
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

async fn read_document(call: Call) -> Result<Reply, Error> {
    let answered = Portfolio::new(&call.log, &call.request.key()?).read_v1().await?;
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

async fn read_portfolio(call: Call) -> Result<Reply, Error> {
    let version = call.request.query()?.version("version")?;
    let known = call.request.known();
    let answered = Portfolio::new(&call.log, &call.request.key()?)
        .read_v2(version, &known)
        .await?;
    let reply = match answered.answer {
        Reading::Known(version) => Reply::not_modified(version),
        Reading::Document(portfolio) => Reply::ok(&portfolio)?.at(portfolio.version),
    };
    Ok(reply.with(answered.report))
}

async fn replace_portfolio(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let expected = call.request.expected()?;
    let request = UpdateRequest::from_json(call.request.document()?)?;
    let received = call.request.received;
    let answered = Portfolio::new(&call.log, &key)
        .update(&mut call.backoff, request, expected.as_deref(), received)
        .await?;
    Ok(Reply::ok(&answered.answer)?
        .at(answered.answer.version)
        .with(answered.report))
}

async fn delete_portfolio(mut call: Call) -> Result<Reply, Error> {
    let key = call.request.key()?;
    let received = call.request.received;
    let answered = Portfolio::new(&call.log, &key)
        .delete(&mut call.backoff, received)
        .await?;
    Ok(Reply::no_content().with(answered.report))
}
