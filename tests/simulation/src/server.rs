//! The functions: each passes a request's body to the real engine and returns the answer's body.

use crate::mutant::Mutant;
use crate::store::{Port, pause};
use coinolio_core::id::PortfolioId;
use coinolio_core::json::{Value, read};
use coinolio_core::log::{PortfolioKey, Version};
use coinolio_core::portfolio::Portfolio;
use coinolio_core::sync::{Backoff, ConflictId, Retention, portfolios};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::v1::{CreateRequest, SyncRequest as SyncRequestV1, UpdateRequest};
use coinolio_core::wire::v2::{KeepMineRequest, RestoreRequest, SyncRequest};
use coinolio_core::{Code, Error};
use std::pin::Pin;
use std::time::Duration;

/// A request, with its body.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    SyncV1(Value),
    SyncV2(Value),
    Create(Value),
    Replace(Value, Option<Version>),
    Delete,
    Restore(Value),
    KeepMine(Version, u64),
    Compact(Duration, u64),
}

/// The reason for refusing a request.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    pub(crate) detail: String,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let detail = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
        Self {
            code: error.code,
            detail: format!("{error}{detail}"),
        }
    }
}

/// The answer's body, or the refusal.
pub(crate) type Reply = Result<Value, Refused>;

/// A running function; dropping it kills it.
pub(crate) type Serving = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A number of retries, each after a pause.
pub(crate) struct Attempts(pub(crate) u32);

impl Backoff for Attempts {
    async fn wait(&mut self) -> bool {
        pause().await;
        let is_left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        is_left
    }
}

/// Serves a request that arrived at `received`.
pub(crate) fn serve(
    port: Port,
    key: PortfolioKey,
    mut attempts: Attempts,
    mut request: Request,
    received: Timestamp,
    mutant: Option<Mutant>,
) -> Serving {
    Box::pin(async move {
        if let (Some(mutant), Request::SyncV1(body) | Request::SyncV2(body)) = (mutant, &mut request) {
            mutant.request(body);
        }
        let mut reply = answer(&port, &key, &mut attempts, request, received, mutant).await;
        if let (Some(mutant), Ok(answer)) = (mutant, &mut reply) {
            mutant.answer(answer);
        }
        reply
    })
}

async fn answer(
    port: &Port,
    key: &PortfolioKey,
    attempts: &mut Attempts,
    request: Request,
    received: Timestamp,
    mutant: Option<Mutant>,
) -> Reply {
    let portfolio = Portfolio::new(port, key);
    match request {
        Request::SyncV1(body) => {
            let request = SyncRequestV1::from_json(body)?;
            json(&portfolio.sync_v1(attempts, request, received).await?.answer)
        }
        Request::SyncV2(body) => {
            let request = SyncRequest::from_json(&body)?;
            json(&portfolio.sync_v2(attempts, &request, received).await?.answer)
        }
        Request::Create(body) => {
            let request = CreateRequest::from_json(body)?;
            let id = PortfolioId::parse("unused")?;
            json(&portfolios::create(port, &key.user, request, id, received).await?.answer)
        }
        Request::Replace(body, expected) => {
            let request = UpdateRequest::from_json(body)?;
            let expected = expected.as_ref().map(std::slice::from_ref);
            json(&portfolio.update(attempts, request, expected, received).await?.answer)
        }
        Request::Delete => {
            portfolio.delete(attempts, received).await?;
            Ok(Value::Null)
        }
        Request::Restore(body) => {
            let request = RestoreRequest::from_json(&body)?;
            json(&portfolio.restore(attempts, request, None, received).await?.answer)
        }
        Request::KeepMine(version, index) => {
            let conflict = ConflictId { version, index };
            let request = KeepMineRequest { device_id: None };
            json(&portfolio.keep_mine(attempts, conflict, request, received).await?.answer)
        }
        Request::Compact(age, versions) => {
            let age = if mutant == Some(Mutant::HastyRetention) {
                Duration::ZERO
            } else {
                age
            };
            let retention = Retention { age, versions };
            portfolio.compact(&retention, received).await.map_err(Error::from)?;
            Ok(Value::Null)
        }
    }
}

/// Converts an answer to JSON, as its client reads it.
fn json(answer: &impl serde::Serialize) -> Reply {
    let refused = |detail: String| Refused {
        code: Code::Internal,
        detail,
    };
    let text = serde_json::to_vec(answer).map_err(|error| refused(error.to_string()))?;
    read(&text).map_err(|error| refused(error.to_string()))
}
