//! The events of `events/`.

use crate::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coinolio_aws::routes::{Function, Match, route};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::{HeaderMap, Method};
use std::path::Path;

/// Headers that the gateway or the connection adds to a request, not the client.
const NOT_THE_CLIENTS: [&str; 6] = [
    "content-length",
    "host",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
];

/// An event, and the request that it represents.
#[derive(Debug)]
pub(crate) struct GatewayEvent {
    /// The unchanged text of the file.
    pub(crate) text: String,
    /// The request's method.
    pub(crate) method: Method,
    /// The request's path, without the query.
    pub(crate) path: String,
    /// The request's query, empty if it has none.
    pub(crate) query: String,
    /// The headers that a client sends.
    pub(crate) headers: HeaderMap,
    /// The bytes of the body as the client sends them.
    pub(crate) body: Vec<u8>,
}

/// Reads `events/<name>.json`.
pub(crate) fn read(name: &str) -> Result<GatewayEvent, Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../events/{name}.json"));
    let text = std::fs::read_to_string(&path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    let event: ApiGatewayV2httpRequest = serde_json::from_str(&text)?;
    let body = event.body.unwrap_or_default();
    let mut headers = event.headers;
    for name in NOT_THE_CLIENTS {
        headers.remove(name);
    }
    Ok(GatewayEvent {
        text,
        method: event.request_context.http.method,
        path: event.raw_path.unwrap_or_default(),
        query: event.raw_query_string.unwrap_or_default(),
        headers,
        body: if event.is_base64_encoded {
            STANDARD.decode(body)?
        } else {
            body.into_bytes()
        },
    })
}

impl GatewayEvent {
    /// Returns the function that serves the event's route.
    pub(crate) fn function(&self) -> Result<Function, Failure> {
        match route(&self.method, &self.path) {
            Match::Route(route, _) => Ok(route.operation.function()),
            _ => Err(format!("{} {} has no route", self.method, self.path).into()),
        }
    }
}
