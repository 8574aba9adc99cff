//! `POST /api/v2/sync`: several portfolios at once, each with a result of its own.

use crate::Call;
use coinolio_aws::http::Reply;
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

/// The most that the results' bodies may come to, in bytes of JSON. Lambda carries answers of 6 MB, a large one gzipped and
/// in base64: what does not compress at all grows by a third, to 5.6 MB, which leaves the rest for what is around it.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The answer's body.
#[derive(Serialize)]
struct BatchAnswer {
    results: Vec<PartAnswer>,
}

/// What became of one portfolio: `body`, or the `problem` that a sync of it alone would have been answered with.
#[derive(Serialize)]
struct PartAnswer {
    portfolio_id: Option<String>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Box<RawValue>>,
}

/// A portfolio that was carried out: the answer as JSON, and what it came to.
struct Done {
    portfolio: PortfolioId,
    body: Result<Box<RawValue>, Error>,
    report: Report,
}

/// What became of one portfolio, before it is known what the answer has room for.
struct Outcome {
    named: Option<String>,
    done: Result<Done, Error>,
}

/// Syncs the request's portfolios side by side, each as a sync of its own: one that fails does not touch the others.
pub(crate) async fn sync_all(mut call: Call) -> Result<Reply, Error> {
    let BatchRequest { device_id, portfolios } = BatchRequest::from_json(&call.request.document()?)?;
    let syncing = Syncing {
        user: &call.request.user,
        device: &device_id,
        received: call.request.received,
    };
    let wanted = portfolios.iter().filter_map(|part| part.sync.as_ref().ok());
    let wanted: Vec<PortfolioId> = wanted.map(|(portfolio, _)| portfolio.clone()).collect();
    let syncs = stream::iter(portfolios).map(|part| carry_out(&call, part));
    let outcomes = syncs.buffered(MAX_PORTFOLIOS).collect::<Vec<_>>();
    let outcomes = call
        .registrar
        .beside(&call.log, syncing, &wanted, outcomes, |outcomes| shown(outcomes))
        .await;
    let (results, tally) = answered(outcomes);
    Ok(Reply::ok(&BatchAnswer { results })?.tallied(tally))
}

async fn carry_out(call: &Call, part: Part) -> Outcome {
    let done = match part.sync {
        Ok((portfolio, request)) => sync_one(call, portfolio, &request).await,
        Err(error) => Err(error),
    };
    Outcome {
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
    let answered = Portfolio::new(&call.log, &key)
        .sync_v2(&mut backoff, request, call.request.received)
        .await?;
    Ok(Done {
        portfolio: key.portfolio,
        // Written here, so that no more than the text of a document is held until the others are done.
        body: json(&answered.answer),
        report: answered.report,
    })
}

fn shown(outcomes: &[Outcome]) -> Vec<Shown> {
    let done = outcomes.iter().filter_map(|outcome| outcome.done.as_ref().ok());
    done.map(|done| (done.portfolio.clone(), done.report.base)).collect()
}

/// The results in the request's order, as many bodies among them as there is room for, and the sum of all.
fn answered(outcomes: Vec<Outcome>) -> (Vec<PartAnswer>, Tally) {
    let mut tally = Tally::default();
    let mut room = MAX_BODY_BYTES;
    let mut results = Vec::with_capacity(outcomes.len());
    for Outcome { named, done } in outcomes {
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
            // It was carried out, and counts as that.
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
        "the sync was carried out, but the answer has no room for its result; repeat it alone, with the same sync_id",
    )
}

fn json(value: &impl Serialize) -> Result<Box<RawValue>, Error> {
    to_raw_value(value).map_err(|e| Error::new(Code::Internal, "the answer could not be written").because(e))
}
