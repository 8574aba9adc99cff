//! A proxy in front of a DynamoDB API that injects faults.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// The way in which the proxy treats a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Serves it.
    Serve,
    /// Serves it, but answers with a 500, so that the client does not know that the request was served.
    LoseAnswer,
    /// Serves it and delays the answer by this time, as a network does.
    ServeLate(Duration),
    /// Answers with this status and error code, without serving it.
    Answer(u16, &'static str),
    /// Closes the connection without an answer, without serving it.
    Cut,
    /// Serves it, then closes the connection without an answer.
    CutAnswer,
}

type Decide = dyn Fn(&str, usize) -> Fault + Send + Sync;

/// The proxy.
#[derive(Clone)]
pub struct Faults {
    upstream: String,
    client: reqwest::Client,
    decide: Arc<Decide>,
    seen: Arc<Mutex<HashMap<String, usize>>>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}

impl Faults {
    /// Starts a proxy in front of `upstream` and returns its endpoint. `decide` gets the operation's name and the
    /// number of earlier requests of that operation.
    pub async fn start(upstream: &str, decide: impl Fn(&str, usize) -> Fault + Send + Sync + 'static) -> String {
        let faults = Self {
            upstream: upstream.to_owned(),
            client: reqwest::Client::new(),
            decide: Arc::new(decide),
            seen: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(serve)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(faults);
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoint
    }

    fn decide(&self, operation: &str) -> Fault {
        let mut seen = self.seen.lock().unwrap();
        let count = seen.entry(operation.to_owned()).or_default();
        let fault = (self.decide)(operation, *count);
        *count += 1;
        fault
    }
}

async fn serve(State(faults): State<Faults>, mut headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap, Bytes) {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target
        .and_then(|target| target.split('.').next_back())
        .unwrap_or_default();
    let fault = faults.decide(operation);
    match fault {
        Fault::Answer(status, code) => return failure(status, code),
        Fault::Cut => cut(),
        _ => {}
    }
    headers.remove("host");
    headers.remove("content-length");
    let request = faults.client.post(&faults.upstream).headers(headers).body(body);
    // If DynamoDB has stopped, the client gets no answer either.
    let answer = request.send().await.unwrap_or_else(|_| cut());
    match fault {
        Fault::LoseAnswer => return failure(500, "InternalServerError"),
        Fault::CutAnswer => cut(),
        Fault::ServeLate(late) => tokio::time::sleep(late).await,
        _ => {}
    }
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove("transfer-encoding");
    (status, headers, answer.bytes().await.unwrap_or_else(|_| cut()))
}

/// Ends the connection's task by unwinding: the only way for an `axum` handler to send no answer.
fn cut() -> ! {
    std::panic::resume_unwind(Box::new("the connection is cut"))
}

fn failure(status: u16, code: &str) -> (StatusCode, HeaderMap, Bytes) {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"on purpose"}}"#);
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/x-amz-json-1.0".parse().unwrap());
    (StatusCode::from_u16(status).unwrap(), headers, body.into())
}
