//! `POST /api/v2/sync`: syncs several portfolios, each with a separate result.

use crate::Call;
use coinolio_aws::http::OperationAnswer;
use coinolio_aws::http::problem::Problem;
use coinolio_aws::registrar::{Shown, Syncing};
use coinolio_aws::telemetry::Tally;
use coinolio_core::id::PortfolioId;
use coinolio_core::log::PortfolioKey;
use coinolio_core::portfolio::Portfolio;
use coinolio_core::sync::Report;
use coinolio_core::wire::batch::{BatchRequest, MAX_PORTFOLIOS, Part};
use coinolio_core::wire::v2::SyncRequest;
use coinolio_core::{Code, Error};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// The maximum total size of the results' bodies, in bytes of JSON. Lambda's limit for an answer is 6 MB, and a
/// large answer is gzipped and encoded as base64. Bodies that do not compress grow by a third, to 5.6 MB, which
/// leaves room for the JSON around them.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The body of the answer.
#[derive(Serialize)]
struct BatchAnswer {
    results: Vec<PartAnswer>,
}

/// The result of one portfolio: a `body`, or the `problem` that a sync of only this portfolio would have got.
#[derive(Serialize)]
struct PartAnswer {
    portfolio_id: Option<String>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Box<RawValue>>,
}

/// The result of a successful sync: the answer as JSON, and the engine's report.
struct Done {
    portfolio: PortfolioId,
    body: Result<Box<RawValue>, Error>,
    report: Report,
}

/// The result of one portfolio, before the size of the answer is checked.
struct PartResult {
    named: Option<String>,
    done: Result<Done, Error>,
}

/// Syncs the portfolios of the request concurrently and independently: a failure of one does not affect the others.
pub(crate) async fn sync_all(mut call: Call) -> Result<OperationAnswer, Error> {
    let BatchRequest { device_id, portfolios } = BatchRequest::from_json(&call.request.document()?)?;
    let syncing = Syncing {
        user: &call.request.user,
        device: &device_id,
        received: call.request.received,
    };
    let wanted = portfolios.iter().filter_map(|part| part.sync.as_ref().ok());
    let wanted: Vec<PortfolioId> = wanted.map(|(portfolio, _)| portfolio.clone()).collect();
    let syncs = stream::iter(portfolios).map(|part| sync_part(&call, part));
    let outcomes = syncs.buffered(MAX_PORTFOLIOS).collect::<Vec<_>>();
    let outcomes = call
        .registrar
        .register_beside(&call.store, syncing, &wanted, outcomes, |outcomes| shown(outcomes))
        .await;
    let (results, tally) = answered(outcomes);
    Ok(OperationAnswer::ok(&BatchAnswer { results })?.tallied(tally))
}

async fn sync_part(call: &Call, part: Part) -> PartResult {
    let done = match part.sync {
        Ok((portfolio, request)) => sync_one(call, portfolio, &request).await,
        Err(error) => Err(error),
    };
    PartResult {
        named: part.named,
        done,
    }
}

async fn sync_one(call: &Call, portfolio: PortfolioId, request: &SyncRequest) -> Result<Done, Error> {
    let key = PortfolioKey {
        user: call.request.user.clone(),
        portfolio,
    };
    let mut backoff = call.backoff.another();
    let answered = Portfolio::new(&call.store, &key)
        .sync_v2(&mut backoff, request, call.request.received)
        .await?;
    Ok(Done {
        portfolio: key.portfolio,
        // Serialized here, so that until all syncs are done, memory contains only the text of each document.
        body: json(&answered.answer),
        report: answered.report,
    })
}

fn shown(outcomes: &[PartResult]) -> Vec<Shown> {
    let done = outcomes.iter().filter_map(|outcome| outcome.done.as_ref().ok());
    done.map(|done| (done.portfolio.clone(), done.report.base)).collect()
}

/// Returns the results in the request's order, and the sum of their reports. A body that does not fit into the
/// answer is replaced with a problem.
fn answered(outcomes: Vec<PartResult>) -> (Vec<PartAnswer>, Tally) {
    let mut tally = Tally::default();
    let mut room = MAX_BODY_BYTES;
    let mut results = Vec::with_capacity(outcomes.len());
    for PartResult { named, done } in outcomes {
        let body = done.and_then(|done| {
            tally.add(&done.report);
            done.body
        });
        let body = body.map(|body| match room.checked_sub(body.get().len()) {
            Some(left) => {
                room = left;
                Ok(body)
            }
            None => Err(no_room()),
        });
        results.push(match body {
            Ok(Ok(body)) => PartAnswer {
                portfolio_id: named,
                status: 200,
                body: Some(body),
                problem: None,
            },
            // The sync itself succeeded, so it counts as a success although its body was refused.
            Ok(Err(error)) => refused(named, &error),
            Err(error) => {
                tally.refuse(&error);
                refused(named, &error)
            }
        });
    }
    (results, tally)
}

fn refused(named: Option<String>, error: &Error) -> PartAnswer {
    PartAnswer {
        portfolio_id: named,
        status: error.code.status(),
        body: None,
        problem: json(&Problem::from(error)).ok(),
    }
}

fn no_room() -> Error {
    Error::new(
        Code::TooLarge,
        "the sync succeeded, but the answer has no room for its result; repeat this sync alone, with the same sync_id",
    )
}

fn json(value: &impl Serialize) -> Result<Box<RawValue>, Error> {
    to_raw_value(value).map_err(|e| Error::new(Code::Internal, "the answer could not be written").because(e))
}
