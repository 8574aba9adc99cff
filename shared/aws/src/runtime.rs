//! A function from its start to its end: the one place for what happens in which order before the first event.

use crate::app::App;
use crate::config::{Config, ConfigError};
use crate::http::{Answer, Arrival, Event, Payload, Returned, to_gateway};
use crate::invocation;
use crate::stream;
use crate::telemetry::{self, Format};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// Runs a function that answers events with `handle`, as Lambda starts it, until Lambda ends it.
///
/// In this order: the environment's variables, the log, the connection to DynamoDB, the first event. An
/// environment hands out one invocation at a time, so that one thread does it all.
///
/// What keeps it from starting is one line on standard error, which Lambda puts into the function's log, and
/// exit status 1.
pub fn run(handle: impl AsyncFn(&App, Event) -> Answer) -> ExitCode {
    exit(start(async |app: &App, event| answer(app, event, &handle).await))
}

/// Runs a function that takes the batches of the table's stream, otherwise as [`run`].
pub fn run_on_stream(handle: impl AsyncFn(&App, stream::Event) -> stream::Failures) -> ExitCode {
    exit(start(async |app: &App, event: LambdaEvent<Payload>| {
        let LambdaEvent { payload, context } = event;
        let event = payload
            .json()
            .and_then(|json| stream::Event::read(&context.request_id, json));
        match event {
            Some(event) => Ok(handle(app, event).await),
            None => Err(UnexpectedEvent(
                "this function takes the events of a DynamoDB stream".to_owned(),
            )),
        }
    }))
}

fn exit(ended: Result<(), RunError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = error.to_string().replace('\n', " ");
            // Where even standard error is gone, the exit status still tells.
            let _ = writeln!(std::io::stderr(), "error: {line}");
            ExitCode::FAILURE
        }
    }
}

/// Why a function ends.
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
        app.log.connect().await;
        let handle = &handle;
        let service = service_fn(async |event: LambdaEvent<Payload>| handle(app, event).await);
        Runtime::new(service).run().await.map_err(RunError::RuntimeApi)
    })
}

/// Answers one invocation, whatever arrived.
///
/// # Errors
/// Where it is no request: nobody would read a refusal, and only a failed invocation reaches the retries, the
/// on-failure destination and the alarms of whoever set the function up as that event's target.
async fn answer(
    app: &App,
    event: LambdaEvent<Payload>,
    handle: &impl AsyncFn(&App, Event) -> Answer,
) -> Result<Returned, UnexpectedEvent> {
    let LambdaEvent { payload, context } = event;
    match payload.arrival() {
        Arrival::Event(event) => {
            let answer = handle(app, Event::new(*event, context)).await;
            Ok(Returned::HttpApi(to_gateway(answer)))
        }
        Arrival::Request(integration, detail) => {
            let answer = invocation::refuse(app, &context, detail);
            Ok(integration.returned(answer))
        }
        Arrival::Unexpected(detail) => {
            invocation::refuse(app, &context, detail.clone());
            Err(UnexpectedEvent(detail))
        }
    }
}

/// The function was invoked with what is no request.
struct UnexpectedEvent(String);

/// Lambda's runtime library logs this form.
impl fmt::Debug for UnexpectedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the invocation failed: {}", self.0)
    }
}

impl From<UnexpectedEvent> for Diagnostic {
    fn from(error: UnexpectedEvent) -> Self {
        Self {
            error_type: "UnexpectedEvent".to_owned(),
            error_message: error.0,
        }
    }
}
