//! Portfolios as wholes: create, list, read, replace, delete (design section 5).

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event, Reply};
use coinolio_aws::invocation::{Call, serve};
use coinolio_core::Error;

/// Answers one event; refusals are problem documents.
pub async fn handle(app: &App, event: Event) -> Answer {
    serve(app, event, operate).await
}

async fn operate(call: Call) -> Result<Reply, Error> {
    Err(call.not_ours())
}
