//! One invocation: from the gateway's event to the answer, and the event that tells of it.

use crate::app::App;
use crate::dynamodb::{DynamoLog, Meter, Usage};
use crate::http::{Answer, Event, Reply, Request, refusal, response, upload};
use crate::registrar::Registrar;
use crate::retry::Retry;
use crate::routes::{Match, Operation, Route, route};
use crate::telemetry::Record;
use coinolio_core::time::Timestamp;
use coinolio_core::{Code, Error};
use lambda_http::Context;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

/// What an operation works with.
#[derive(Debug)]
pub struct Call<O> {
    /// The operation that the request asks for.
    pub operation: O,
    /// The request.
    pub request: Request,
    /// The change log, metered for this invocation.
    pub log: DynamoLog,
    /// The waits between attempts, within this invocation's time.
    pub backoff: Retry,
    /// What this environment knows of the devices' registration.
    pub registrar: Registrar,
}

/// Why there is no reply.
struct Refused {
    error: Error,
    allow: Option<String>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, allow: None }
    }
}

/// Answers `event` with what `operate` replies, every refusal as a problem document, and writes the
/// invocation's one log event.
///
/// `O` are the operations of the function that serves: the route of any other function is none here.
pub async fn serve<O, F, R>(app: &App, event: Event, operate: F) -> Answer
where
    O: TryFrom<Operation>,
    F: FnOnce(Call<O>) -> R,
    R: Future<Output = Result<Reply, Error>>,
{
    let began = Instant::now();
    let received = now();
    let (mut event, context) = event.into_parts();
    let meter = Meter::default();
    let backoff = Retry::until(context.deadline());
    let waits = backoff.waits();
    let mut upload_bytes = 0;
    let mut asked = None;
    let replied = match prepare(app, &mut event, received, &mut asked, &mut upload_bytes) {
        Ok((operation, request)) => {
            let log = app.log.with_meter(meter.clone());
            let call = Call {
                operation,
                request,
                log,
                backoff,
                registrar: app.registrar.clone(),
            };
            operate(call).await.map_err(Refused::from)
        }
        Err(refused) => Err(refused),
    };
    let (answer, tally, error) = match replied {
        Ok(reply) => {
            let tally = reply.tally().cloned();
            match response(&event.request_context.http.method, &event.headers, reply) {
                Ok(answer) => (answer, tally, None),
                Err(error) => (refusal(&error, None), tally, Some(error)),
            }
        }
        Err(Refused { error, allow }) => (refusal(&error, allow.as_deref()), None, Some(error)),
    };
    let record = Record {
        request_id: &context.request_id,
        route: asked.map(Route::to_string),
        is_sync: asked.is_some_and(|route| matches!(route.operation, Operation::Sync(_))),
        is_first: app.is_first_invocation(),
        status: answer.status().as_u16(),
        error: error.as_ref(),
        tally,
        optimistic_retries: waits.load(Ordering::Relaxed),
        upload_bytes,
        download_bytes: answer.body().len(),
        usage: meter.usage(),
        duration: began.elapsed(),
    };
    record.emit();
    answer
}

/// Refuses an invocation whose payload is not the event that the function takes: `detail` says what it is and what
/// is needed. Writes the invocation's one log event.
pub(crate) fn refuse(app: &App, context: &Context, detail: String) -> Answer {
    let error = Error::malformed(detail.clone()).because(detail);
    let answer = refusal(&error, None);
    let record = Record {
        request_id: &context.request_id,
        route: None,
        is_sync: false,
        is_first: app.is_first_invocation(),
        status: answer.status().as_u16(),
        error: Some(&error),
        tally: None,
        optimistic_retries: 0,
        upload_bytes: 0,
        download_bytes: answer.body().len(),
        usage: Usage::default(),
        duration: Duration::ZERO,
    };
    record.emit();
    answer
}

/// Finds the route of `event` and checks what is to be checked before any operation: first the route, then
/// the identity, then the id in the path, then the size of the body.
fn prepare<O: TryFrom<Operation>>(
    app: &App,
    event: &mut ApiGatewayV2httpRequest,
    received: Timestamp,
    asked: &mut Option<&'static Route>,
    upload_bytes: &mut usize,
) -> Result<(O, Request), Refused> {
    let body = upload::received(event);
    *upload_bytes = body.as_ref().ok().and_then(Option::as_ref).map_or(0, Vec::len);
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
    *asked = Some(route);
    let operation = O::try_from(route.operation).map_err(|_| no_such_route())?;
    let request = Request::new(event, app.dev_user.as_ref(), &parameters, received)?;
    Ok((operation, request.with_body(body?)))
}

/// A named stage stands before the path, the default one does not (API Gateway Developer Guide, "Stages
/// for HTTP APIs").
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

/// The time.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::serve;
    use crate::App;
    use crate::config::emulator_client;
    use crate::dynamodb::DynamoLog;
    use crate::http::{Event, Reply};
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
    async fn a_function_answers_its_own_routes_only() {
        // No request is sent to this endpoint.
        let app = App::new(DynamoLog::new(emulator_client("http://127.0.0.1:1"), "coinolio"));
        let own = serve::<DevicesOperation, _, _>(&app, event("/api/v2/devices"), |call| async move {
            assert_eq!(call.operation, DevicesOperation::ListDevices);
            Ok(Reply::no_content())
        });
        assert_eq!(own.await.status(), 204);
        let other = serve::<SyncOperation, _, _>(&app, event("/api/v2/devices"), |_| async { Ok(Reply::no_content()) });
        assert_eq!(other.await.status(), 404);
    }
}
