//! A local API Gateway: an HTTP API with a JWT authorizer in front of the functions.
//!
//! As in AWS, a request passes through the shared route table, the authorizer and the event reader of the
//! functions' own runtime, in this order. Each invocation is a task of its own: it runs to its end even if the
//! client disconnects, and a panic fails only that request.

mod body;
mod event;
mod percent;
mod problem;

use crate::token::{Claims, Tokens};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coinolio_aws::routes::{Match, Operation, route};
use coinolio_core::{Code, Error};
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::{Context, LambdaEvent};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// The time limit of an invocation: API Gateway's limit for an integration (30 seconds).
const INVOCATION: Duration = Duration::from_secs(30);

/// The maximum size of the request line and the headers together, in bytes ("Quotas for configuring and running
/// an HTTP API": 10,240).
const HEAD_LIMIT: usize = 10_240;

/// The maximum size of an event and of an answer, in bytes ("Lambda quotas": 6 MB for a synchronous invocation's
/// payload).
const LAMBDA_LIMIT: usize = 6 * 1024 * 1024;

/// The functions behind the gateway.
pub trait Functions: Send + Sync + 'static {
    /// Invokes the function that answers `operation`, with the event that its runtime would hand it.
    fn invoke(
        &self,
        operation: Operation,
        event: LambdaEvent<ApiGatewayV2httpRequest>,
    ) -> impl Future<Output = ApiGatewayV2httpResponse> + Send;
}

/// The gateway's state.
pub struct Gateway<F> {
    functions: F,
    tokens: Arc<Tokens>,
    port: u16,
    running: mpsc::Sender<()>,
}

/// A handle that waits for the end of all invocations.
pub struct Idle(mpsc::Receiver<()>);

impl Idle {
    /// Waits until the gateway is dropped and all its invocations have ended.
    pub async fn reached(mut self) {
        // Nothing is ever sent: the channel closes when its last sender is dropped.
        while self.0.recv().await.is_some() {}
    }
}

/// Returns the HTTP service in front of `functions`, reached at `port`, and a handle that waits for its last
/// invocation.
pub fn service<F: Functions>(functions: F, tokens: Arc<Tokens>, port: u16) -> (Router, Idle) {
    let (running, idle) = mpsc::channel(1);
    let gateway = Arc::new(Gateway {
        functions,
        tokens,
        port,
        running,
    });
    let router = Router::new()
        .route(
            "/health",
            get(|| async { axum::Json(serde_json::json!({"status": "ok"})) }),
        )
        .fallback(answer::<F>)
        .with_state(gateway);
    (router, Idle(idle))
}

async fn answer<F: Functions>(State(gateway): State<Arc<Gateway<F>>>, request: Request) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    let mut response = gateway.serve(request, &id).await.unwrap_or_else(|refusal| *refusal);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}

/// An answer of the gateway itself, not of a function. Boxed because it is rare and large.
type Refusal = Box<Response>;

impl<F: Functions> Gateway<F> {
    async fn serve(self: &Arc<Self>, request: Request, id: &str) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let body = body::read(body).await.map_err(|refused| match refused {
            body::Refused::TooLarge => problem::response(&Error::new(
                Code::TooLarge,
                format!("a request body may hold {} bytes", body::LIMIT),
            )),
            body::Refused::Broken => problem::response(&Error::malformed("the request body broke off")),
        })?;
        check_head(&parts)?;
        let (route, parameters) = match route(&parts.method, parts.uri.path()) {
            Match::Route(route, parameters) => (route, parameters),
            Match::MethodNotAllowed(allow) => return Err(problem::method_not_allowed(&allow)),
            Match::NotFound => {
                return Err(problem::response(&Error::new(Code::NotFound, "there is no such route")));
            }
        };
        let claims = self.authorize(&parts.headers)?;
        let event = event::json(
            &parts,
            &body,
            &event::Facts {
                id,
                route_key: &route.to_string(),
                parameters: &parameters,
                claims: &claims,
                port: self.port,
            },
        )
        .map_err(internal)?;
        drop(body);
        if event.len() > LAMBDA_LIMIT {
            return Err(problem::response(&Error::new(
                Code::TooLarge,
                format!("an invocation's event may hold {LAMBDA_LIMIT} bytes: send the body compressed"),
            )));
        }
        outgoing(self.invoke(route.operation, event, id.to_owned()).await?)
    }

    /// Verifies the bearer token, as the JWT authorizer does. Returns the claims, or refuses with 401.
    fn authorize(&self, headers: &HeaderMap) -> Result<Claims, Refusal> {
        let Some(token) = bearer(headers) else {
            return Err(problem::unauthenticated("a bearer token is required", "Bearer"));
        };
        self.tokens.verify(token).ok_or_else(|| {
            problem::unauthenticated(
                "the bearer token is invalid or has expired",
                r#"Bearer error="invalid_token""#,
            )
        })
    }

    async fn invoke(
        self: &Arc<Self>,
        operation: Operation,
        event: String,
        id: String,
    ) -> Result<ApiGatewayV2httpResponse, Refusal> {
        let gateway = Arc::clone(self);
        let running = self.running.clone();
        let invocation = tokio::spawn(async move {
            let payload = serde_json::from_str(&event)?;
            drop(event);
            let event = LambdaEvent::new(payload, context(id));
            let response = gateway.functions.invoke(operation, event).await;
            drop(running);
            Ok::<_, serde_json::Error>(response)
        });
        invocation.await.map_err(internal)?.map_err(internal)
    }
}

/// Refuses a request line and headers that are larger than API Gateway allows.
fn check_head(parts: &Parts) -> Result<(), Refusal> {
    let line = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    if line + headers.sum::<usize>() > HEAD_LIMIT {
        return Err(Box::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response()));
    }
    Ok(())
}

/// Returns the token of `Authorization: Bearer …`. The scheme's case does not matter (RFC 9110 section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn context(request_id: String) -> Context {
    let deadline = SystemTime::now() + INVOCATION;
    let mut context = Context::default();
    context.request_id = request_id;
    context.deadline = deadline
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    context
}

fn internal(cause: impl std::fmt::Display) -> Refusal {
    tracing::error!(%cause, "an invocation failed");
    problem::response(&Error::new(Code::Internal, "the invocation failed"))
}

/// Converts a function's answer to the gateway's response.
///
/// If several headers have the same name, only the first is sent, because a function's runtime drops the others too.
fn outgoing(answer: ApiGatewayV2httpResponse) -> Result<Response, Refusal> {
    let body = match answer.body {
        Some(lambda_http::Body::Binary(bytes)) => bytes,
        Some(lambda_http::Body::Text(text)) if answer.is_base64_encoded => STANDARD.decode(text).map_err(internal)?,
        Some(lambda_http::Body::Text(text)) => text.into_bytes(),
        _ => Vec::new(),
    };
    // Encoding at most doubles a body, so only a large one needs counting.
    if body.len() > LAMBDA_LIMIT / 2 && escaped_length(&body, answer.is_base64_encoded) > LAMBDA_LIMIT {
        return Err(internal("the function's answer is over Lambda's limit"));
    }
    let status = u16::try_from(answer.status_code).map_err(internal)?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).map_err(internal)?;
    let headers = response.headers_mut();
    for name in answer.headers.keys().filter(|name| *name != CONTENT_LENGTH) {
        headers.insert(name.clone(), answer.headers[name].clone());
    }
    for cookie in &answer.cookies {
        headers.append(SET_COOKIE, HeaderValue::from_str(cookie).map_err(internal)?);
    }
    Ok(response)
}

/// Returns the length of a body, in bytes, as part of the JSON that a function answers with.
fn escaped_length(body: &[u8], base64: bool) -> usize {
    if base64 {
        return body.len().div_ceil(3) * 4;
    }
    let escapes = body
        .iter()
        .filter(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t'));
    body.len() + escapes.count()
}

#[cfg(test)]
mod tests;
