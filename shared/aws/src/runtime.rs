//! A function from its start to its end. Everything before the first event happens here, in order.

use crate::app::App;
use crate::config::{Config, ConfigError};
use crate::http::{Event, GatewayAnswer, HttpAnswer, Payload, gateway_answer};
use crate::invocation::http::log_unexpected;
use crate::invocation::stream::{Batch, Failures};
use crate::telemetry::{self, Format};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// Runs a function that answers events of the HTTP API with `handle`, until Lambda stops it.
///
/// Reads the environment variables, sets up the log, connects to DynamoDB, and polls for the first event, in this
/// order. An execution environment runs one invocation at a time, so a single thread is enough.
///
/// If the function cannot start, prints one line to standard error, which Lambda copies to the function's log, and
/// exits with status 1.
pub fn run(handle: impl AsyncFn(&App, Event) -> HttpAnswer) -> ExitCode {
    exit(start(async |app: &App, event| answer(app, event, &handle).await))
}

/// Runs a function that handles batches of the table's stream with `handle`. Otherwise the same as [`run`].
pub fn run_on_stream(handle: impl AsyncFn(&App, Batch) -> Failures) -> ExitCode {
    exit(start(async |app: &App, event: LambdaEvent<Payload>| {
        let LambdaEvent { payload, context } = event;
        let batch = payload
            .json()
            .and_then(|json| Batch::read(&context.request_id, json))
            .ok_or(UnexpectedEvent("this function takes the events of a DynamoDB stream"))?;
        Ok(handle(app, batch).await)
    }))
}

fn exit(ended: Result<(), RunError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = error.to_string().replace('\n', " ");
            // Even if standard error is closed, the exit status reports the failure.
            let _ = writeln!(std::io::stderr(), "error: {line}");
            ExitCode::FAILURE
        }
    }
}

/// The reason why a function ends.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the runtime cannot start: {0}")]
    System(#[from] std::io::Error),
    #[error("the Lambda runtime API does not answer: {0}")]
    RuntimeApi(lambda_runtime::Error),
}

fn start<R: Serialize>(
    handle: impl AsyncFn(&App, LambdaEvent<Payload>) -> Result<R, UnexpectedEvent>,
) -> Result<(), RunError> {
    let config = Config::from_env()?;
    telemetry::init(Format::Json(config.metrics.clone()), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = &App::of(&config);
        app.store.connect().await;
        let handle = &handle;
        let service = service_fn(async |event: LambdaEvent<Payload>| handle(app, event).await);
        Runtime::new(service).run().await.map_err(RunError::RuntimeApi)
    })
}

/// Answers one invocation.
///
/// # Errors
/// Fails the invocation if the payload is not an event of the HTTP API. Such a payload comes from a misconfigured
/// integration, and the operator's alarms see only failed invocations.
async fn answer(
    app: &App,
    event: LambdaEvent<Payload>,
    handle: &impl AsyncFn(&App, Event) -> HttpAnswer,
) -> Result<GatewayAnswer, UnexpectedEvent> {
    const NEEDED: &str = "this function takes API Gateway HTTP API events, payload format 2.0";
    let LambdaEvent { payload, context } = event;
    match payload.http_event() {
        Some(event) => Ok(gateway_answer(handle(app, Event::new(event, context)).await)),
        None => {
            log_unexpected(app, &context, NEEDED);
            Err(UnexpectedEvent(NEEDED))
        }
    }
}

/// The error of an invocation with an unexpected payload. The text names the expected payload.
struct UnexpectedEvent(&'static str);

/// Lambda's runtime library logs the `Debug` form.
impl fmt::Debug for UnexpectedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the invocation failed: {}", self.0)
    }
}

impl From<UnexpectedEvent> for Diagnostic {
    fn from(error: UnexpectedEvent) -> Self {
        Self {
            error_type: "UnexpectedEvent".to_owned(),
            error_message: error.0.to_owned(),
        }
    }
}
