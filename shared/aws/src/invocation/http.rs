//! An invocation by the HTTP API: finds the route, checks the request, runs the operation, and returns its answer.

use super::now;
use crate::app::App;
use crate::dynamodb::{DynamoStore, Meter, Usage};
use crate::http::{Event, HttpAnswer, OperationAnswer, Request, http_answer, refusal, upload};
use crate::registrar::Registrar;
use crate::retry::Retry;
use crate::routes::{Match, Operation, Route, route};
use crate::telemetry::{HttpInvocation, Tally};
use coinolio_core::time::Timestamp;
use coinolio_core::{Code, Error};
use lambda_http::Context;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A call of an operation: the request, and everything that the operation needs.
#[derive(Debug)]
pub struct Call<O> {
    /// The operation that the request asks for.
    pub operation: O,
    /// The request.
    pub request: Request,
    /// The store, metered for this invocation.
    pub store: DynamoStore,
    /// The waits between append attempts, limited by this invocation's time.
    pub backoff: Retry,
    /// Registers devices when they sync.
    pub registrar: Registrar,
}

/// The reason for a refusal. If the method is not allowed, also the methods that the path has.
struct Refused {
    error: Error,
    allow: Option<String>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, allow: None }
    }
}

/// The facts about a request that the log event contains, even if the request is refused.
#[derive(Default)]
struct Arrival {
    route: Option<&'static Route>,
    upload_bytes: usize,
}

/// Answers `event` with the result of `operate` or with a problem document, and writes the invocation's log event.
///
/// `O` is the enum of this function's operations. A request for another function's operation gets 404, although API
/// Gateway never sends one.
pub async fn serve<O, F, R>(app: &App, event: Event, operate: F) -> HttpAnswer
where
    O: TryFrom<Operation>,
    F: FnOnce(Call<O>) -> R,
    R: Future<Output = Result<OperationAnswer, Error>>,
{
    let began = Instant::now();
    let received = now();
    let (mut event, context) = event.into_parts();
    let meter = Meter::default();
    let backoff = Retry::until(context.deadline());
    let waits = backoff.waits();
    let mut arrival = Arrival::default();
    let operated = match prepare(app, &mut event, received, &mut arrival) {
        Ok((operation, request)) => {
            let call = Call {
                operation,
                request,
                store: app.store.with_meter(meter.clone()),
                backoff,
                registrar: app.registrar.clone(),
            };
            operate(call).await.map_err(Refused::from)
        }
        Err(refused) => Err(refused),
    };
    let (answer, tally, error) = answered(&event, operated);
    let invocation = HttpInvocation {
        request_id: &context.request_id,
        route: arrival.route.map(Route::to_string),
        is_sync: arrival
            .route
            .is_some_and(|route| matches!(route.operation, Operation::Sync(_))),
        is_first: app.is_first_invocation(),
        status: answer.status().as_u16(),
        error: error.as_ref(),
        tally,
        optimistic_retries: waits.load(Ordering::Relaxed),
        upload_bytes: arrival.upload_bytes,
        download_bytes: answer.body().len(),
        usage: meter.usage(),
        duration: began.elapsed(),
    };
    invocation.log();
    answer
}

/// Returns the HTTP answer. For the log event, also returns the sum of the engine's reports, and the error.
fn answered(
    event: &ApiGatewayV2httpRequest,
    operated: Result<OperationAnswer, Refused>,
) -> (HttpAnswer, Option<Tally>, Option<Error>) {
    match operated {
        Ok(operation) => {
            let tally = operation.tally().cloned();
            match http_answer(&event.request_context.http.method, &event.headers, operation) {
                Ok(answer) => (answer, tally, None),
                Err(error) => (refusal(&error, None), tally, Some(error)),
            }
        }
        Err(Refused { error, allow }) => (refusal(&error, allow.as_deref()), None, Some(error)),
    }
}

/// Writes the log event of an invocation whose payload is not an event of the HTTP API. `cause` names the expected
/// payload.
pub(crate) fn log_unexpected(app: &App, context: &Context, cause: &str) {
    let error = Error::malformed(cause).because(cause);
    let invocation = HttpInvocation {
        request_id: &context.request_id,
        route: None,
        is_sync: false,
        is_first: app.is_first_invocation(),
        status: error.code.status(),
        error: Some(&error),
        tally: None,
        optimistic_retries: 0,
        upload_bytes: 0,
        download_bytes: 0,
        usage: Usage::default(),
        duration: Duration::ZERO,
    };
    invocation.log();
}

/// Finds the route of `event` and makes all checks that precede the operation, in this order: the route, the
/// identity, the ids in the path, and the size of the body.
fn prepare<O: TryFrom<Operation>>(
    app: &App,
    event: &mut ApiGatewayV2httpRequest,
    received: Timestamp,
    arrival: &mut Arrival,
) -> Result<(O, Request), Refused> {
    let body = upload::received(event);
    arrival.upload_bytes = body.as_ref().ok().and_then(Option::as_ref).map_or(0, Vec::len);
    let path = event.raw_path.take().unwrap_or_default();
    let path = without_stage(event, &path);
    let (route, parameters) = match route(&event.request_context.http.method, path) {
        Match::Route(route, parameters) => (route, parameters),
        Match::MethodNotAllowed(allow) => {
            return Err(Refused {
                error: Error::new(Code::MethodNotAllowed, format!("this path has {allow}")),
                allow: Some(allow),
            });
        }
        Match::NotFound => return Err(no_such_route().into()),
    };
    arrival.route = Some(route);
    let operation = O::try_from(route.operation).map_err(|_| no_such_route())?;
    let request = Request::new(event, app.dev_user.as_ref(), &parameters, received)?;
    Ok((operation, request.with_body(body?)))
}

/// Removes the stage from a path. Only a named stage precedes the path; the default stage does not (API Gateway
/// Developer Guide, "Stages for HTTP APIs").
fn without_stage<'p>(event: &ApiGatewayV2httpRequest, path: &'p str) -> &'p str {
    let stage = event.request_context.stage.as_deref().unwrap_or_default();
    path.strip_prefix('/')
        .and_then(|rest| rest.strip_prefix(stage))
        .filter(|rest| !stage.is_empty() && rest.starts_with('/'))
        .unwrap_or(path)
}

fn no_such_route() -> Error {
    Error::new(Code::NotFound, "there is no such route")
}

#[cfg(test)]
mod tests {
    use super::serve;
    use crate::App;
    use crate::config::emulator_client;
    use crate::dynamodb::DynamoStore;
    use crate::http::{Event, OperationAnswer};
    use crate::routes::{DevicesOperation, SyncOperation};
    use lambda_http::Context;

    fn event(path: &str) -> Event {
        let event = format!(
            r#"{{"version":"2.0","rawPath":"{path}","headers":{{}},"requestContext":{{"http":{{"method":"GET"}},
                "authorizer":{{"jwt":{{"claims":{{"sub":"ada"}}}}}}}}}}"#
        );
        Event::new(serde_json::from_str(&event).unwrap(), Context::default())
    }

    #[tokio::test]
    async fn a_function_answers_only_its_own_routes() {
        // The test sends no request to this endpoint.
        let app = App::new(DynamoStore::new(emulator_client("http://127.0.0.1:1"), "coinolio"));
        let own = serve::<DevicesOperation, _, _>(&app, event("/api/v2/devices"), |call| async move {
            assert_eq!(call.operation, DevicesOperation::ListDevices);
            Ok(OperationAnswer::no_content())
        });
        assert_eq!(own.await.status(), 204);
        let other = serve::<SyncOperation, _, _>(&app, event("/api/v2/devices"), |_| async {
            Ok(OperationAnswer::no_content())
        });
        assert_eq!(other.await.status(), 404);
    }
}
