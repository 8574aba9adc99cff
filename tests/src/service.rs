//! The functions on their own DynamoDB API, called with the events of `events/`.

use crate::answered::Answered;
use crate::contract::CONTRACT;
use crate::dynamodb::{Dynamo, TABLE};
use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_aws::App;
use coinolio_aws::dynamodb::DynamoLog;
use coinolio_aws::http::{Answer, Event};
use coinolio_aws::routes::{Match, Operation, SyncOperation, route};
use coinolio_aws::stream;
use coinolio_core::sync::Retention;
use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_http::Context;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::{HeaderName, HeaderValue, Method};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// The functions and their table.
#[derive(Debug)]
pub struct Service {
    /// The DynamoDB API.
    pub dynamo: Dynamo,
    app: App,
}

impl Service {
    /// Starts the functions with an empty table.
    pub async fn start() -> Self {
        let dynamo = Dynamo::start().await;
        let app = App::new(dynamo.log());
        Self { dynamo, app }
    }

    /// Starts the functions with the portfolio `main` of `events/v1-create.json`, at version 1.
    pub async fn with_portfolio() -> Self {
        let service = Self::start().await;
        let created = service.call(Call::of("v1-create")).await;
        assert_eq!(created.status, 201, "{}", created.text);
        service
    }

    /// Returns the functions on the same table, accessed through another store.
    #[must_use]
    pub fn on(&self, log: DynamoLog) -> Self {
        let dynamo = self.dynamo.clone();
        Self {
            dynamo,
            app: App::new(log),
        }
    }

    /// Calls [`Self::handle`] with the call's event, and asserts that
    /// `docs/openapi.yaml` documents the answer.
    pub async fn call(&self, call: Call) -> Answered {
        let (method, path) = (call.method(), call.path());
        let answered = answered(self.handle(call.event()).await);
        CONTRACT.assert_documents(&method, &path, &answered);
        answered
    }

    /// Hands the event to the function that serves its route, or to `sync` if it has no route.
    pub async fn handle(&self, event: Event) -> Answer {
        let method = &event.payload.request_context.http.method;
        let path = event.payload.raw_path.as_deref().unwrap_or_default();
        let operation = match route(method, path) {
            Match::Route(route, _) => route.operation,
            _ => Operation::Sync(SyncOperation::SyncChanges),
        };
        coinolio_functions::handle(&self.app, operation, event).await
    }

    /// Hands records to the function on the table's stream. Returns the sequence numbers of those that it reports as
    /// failed.
    pub async fn stream(&self, records: &[Value], retention: Retention) -> Vec<Option<String>> {
        self.invoke_stream(&Uuid::new_v4().to_string(), records, retention)
            .await
    }

    /// Calls the function as [`Self::stream`] does, in an invocation with this id.
    pub async fn invoke_stream(
        &self,
        request_id: &str,
        records: &[Value],
        retention: Retention,
    ) -> Vec<Option<String>> {
        let payload = serde_json::json!({ "Records": records }).to_string();
        let event = stream::Event::read(request_id, &payload).unwrap();
        let mut app = self.app.clone();
        app.retention = retention;
        // What Lambda reads.
        let answer = serde_json::to_value(coinolio_functions::handle_batch(&app, event).await).unwrap();
        let failures = answer["batchItemFailures"].as_array().unwrap().iter();
        failures
            .map(|failure| failure["itemIdentifier"].as_str().map(str::to_owned))
            .collect()
    }

    /// Returns every item of the table, sorted by key.
    pub async fn items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let pages = self.dynamo.client.scan().table_name(TABLE).consistent_read(true);
        let mut items = pages
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .unwrap();
        items.sort_by_key(|item| {
            let key = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
            (key("pk"), key("sk"))
        });
        items
    }

    /// Makes a call and asserts that it is refused with a complete problem document and leaves the table unchanged.
    pub async fn assert_refused(&self, call: Call, status: u16, code: &str) -> Answered {
        let before = self.items().await;
        let what = call.describe();
        let answered = self.call(call).await;
        assert_eq!(answered.status, status, "{what}: {}", answered.text);
        assert_eq!(
            answered.header("content-type"),
            Some("application/problem+json"),
            "{what}"
        );
        let problem = answered.json();
        assert_eq!(problem["code"], code, "{what}: {problem}");
        assert_eq!(problem["status"], status, "{what}");
        assert_eq!(problem["type"], format!("/problems/{code}"), "{what}");
        assert!(
            problem["title"].is_string() && problem["detail"].is_string(),
            "{what}: {problem}"
        );
        assert_eq!(
            problem.as_object().map(serde_json::Map::len),
            Some(5),
            "{what}: {problem}"
        );
        assert!(self.items().await == before, "{what} changed the table");
        answered
    }
}

fn answered(answer: Answer) -> Answered {
    let (parts, body) = answer.into_parts();
    Answered::new(parts.status.as_u16(), parts.headers, &body).unwrap()
}

/// An event of `events/` that can be changed and sent.
#[derive(Clone, Debug)]
pub struct Call {
    name: String,
    event: ApiGatewayV2httpRequest,
    left: Duration,
    request_id: String,
}

impl Call {
    /// Reads the event `events/<name>.json`.
    pub fn of(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../events/{name}.json"));
        let event = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        Self {
            name: name.to_owned(),
            event,
            left: Duration::from_secs(30),
            request_id: Uuid::new_v4().to_string(),
        }
    }

    /// Sets the method and the path.
    #[must_use]
    pub fn to(mut self, method: Method, path: &str) -> Self {
        self.event.request_context.http.method = method;
        self.event.raw_path = Some(path.to_owned());
        self
    }

    /// Puts `id` into the path in place of the portfolio `main`. It must be percent-encoded already, if it needs to be.
    #[must_use]
    pub fn about(mut self, id: &str) -> Self {
        let path = self.event.raw_path.take().unwrap_or_default();
        self.event.raw_path = Some(path.replace("/main", &format!("/{id}")));
        self
    }

    /// Sets the query string.
    #[must_use]
    pub fn query(mut self, query: &str) -> Self {
        self.event.raw_query_string = Some(query.to_owned());
        self
    }

    /// Sets the user.
    #[must_use]
    pub fn by(mut self, user: &str) -> Self {
        self.claims().insert("sub".to_owned(), user.to_owned());
        self
    }

    /// Removes the user: the token then has no `sub`.
    #[must_use]
    pub fn by_nobody(mut self) -> Self {
        self.claims().remove("sub");
        self
    }

    /// Replaces the authorizer's part of the event, for example by that of another kind of authorizer.
    #[must_use]
    pub fn authorized_by(mut self, authorizer: &Value) -> Self {
        self.event.request_context.authorizer = Some(serde_json::from_value(authorizer.clone()).unwrap());
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).unwrap();
        self.event.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// Removes a header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.event.headers.remove(name);
        self
    }

    /// Sets a body of text.
    #[must_use]
    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.event.body = Some(body.into());
        self.event.is_base64_encoded = false;
        self
    }

    /// Sets a body of bytes, encoded in base64.
    #[must_use]
    pub fn bytes(mut self, body: &[u8]) -> Self {
        self.event.body = Some(base64(body));
        self.event.is_base64_encoded = true;
        self
    }

    /// Marks the body as base64, even if it is not.
    #[must_use]
    pub fn marked_base64(mut self) -> Self {
        self.event.is_base64_encoded = true;
        self
    }

    /// Sets a body and compresses it with gzip.
    #[must_use]
    pub fn gzipped(self, body: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        self.header("content-encoding", "gzip")
            .bytes(&encoder.finish().unwrap())
    }

    /// Changes the JSON body with `edit`.
    #[must_use]
    pub fn with(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut body = serde_json::from_str(self.event.body.as_deref().unwrap_or("{}")).unwrap();
        edit(&mut body);
        self.event.body = Some(body.to_string());
        self
    }

    /// Changes the body with `edit` if it is JSON.
    #[must_use]
    pub fn with_json(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        if let Some(mut body) = self
            .event
            .body
            .as_deref()
            .and_then(|body| serde_json::from_str(body).ok())
        {
            edit(&mut body);
            self.event.body = Some(body.to_string());
        }
        self
    }

    /// Returns the event as API Gateway delivers it.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(&self.event).unwrap()
    }

    /// Sets the time left for the invocation.
    #[must_use]
    pub const fn with_time_left(mut self, left: Duration) -> Self {
        self.left = left;
        self
    }

    /// Returns the route that API Gateway names in the event.
    pub fn route_key(&self) -> String {
        self.event.route_key.clone().unwrap_or_default()
    }

    /// Returns the method.
    pub fn method(&self) -> Method {
        self.event.request_context.http.method.clone()
    }

    /// Returns the path.
    pub fn path(&self) -> String {
        self.event.raw_path.clone().unwrap_or_default()
    }

    /// Returns the id of the invocation.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    fn claims(&mut self) -> &mut HashMap<String, String> {
        let authorizer = self.event.request_context.authorizer.as_mut().unwrap();
        &mut authorizer.jwt.as_mut().unwrap().claims
    }

    /// Returns the event with the context of its invocation.
    pub fn event(self) -> Event {
        let deadline = (SystemTime::now() + self.left).duration_since(SystemTime::UNIX_EPOCH);
        let mut context = Context::default();
        context.request_id = self.request_id;
        context.deadline = deadline.unwrap().as_millis().try_into().unwrap();
        Event::new(self.event, context)
    }

    fn describe(&self) -> String {
        let mut text = format!(
            "{} {:?}?{:?}",
            self.name, self.event.raw_path, self.event.raw_query_string
        );
        let body: String = self.event.body.iter().flat_map(|body| body.chars()).take(200).collect();
        let _ = write!(text, " {body}");
        text
    }
}

fn base64(bytes: &[u8]) -> String {
    // `lambda_http` writes a binary body of a response as base64, by the code that also reads the gateway's events.
    let body = lambda_http::Body::Binary(bytes.to_vec());
    serde_json::to_value(body).unwrap().as_str().unwrap().to_owned()
}
