//! The functions on a DynamoDB API of their own, called with the events of `events/`.

use crate::answered::Answered;
use crate::contract::CONTRACT;
use crate::dynamodb::{Dynamo, TABLE};
use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_aws::App;
use coinolio_aws::dynamodb::DynamoLog;
use coinolio_aws::http::{Answer, Event};
use coinolio_aws::routes::{Function, Match, route};
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
    /// Starts with an empty table.
    pub async fn start() -> Self {
        let dynamo = Dynamo::start().await;
        let app = App::new(dynamo.log());
        Self { dynamo, app }
    }

    /// Starts with the portfolio `main` of `events/v1-create.json`, at version 1.
    pub async fn with_portfolio() -> Self {
        let service = Self::start().await;
        let created = service.call(Call::of("v1-create")).await;
        assert_eq!(created.status, 201, "{}", created.text);
        service
    }

    /// The same table behind another log.
    #[must_use]
    pub fn on(&self, log: DynamoLog) -> Self {
        let dynamo = self.dynamo.clone();
        Self {
            dynamo,
            app: App::new(log),
        }
    }

    /// As [`Self::handle`] with the call's event, and asserts that
    /// `docs/openapi.yaml` has the answer.
    pub async fn call(&self, call: Call) -> Answered {
        let (method, path) = (call.method(), call.path());
        let answered = answered(self.handle(call.event()).await);
        CONTRACT.assert_documents(&method, &path, &answered);
        answered
    }

    /// Hands the event to the function that its route belongs to, one without a route to `sync`.
    pub async fn handle(&self, event: Event) -> Answer {
        let method = &event.payload.request_context.http.method;
        let path = event.payload.raw_path.as_deref().unwrap_or_default();
        let function = match route(method, path) {
            Match::Route(route, _) => route.function,
            _ => Function::Sync,
        };
        match function {
            Function::SyncStatus => sync_status::handle(&self.app, event).await,
            Function::Sync => sync::handle(&self.app, event).await,
            Function::Portfolios => portfolios::handle(&self.app, event).await,
            Function::Devices => devices::handle(&self.app, event).await,
        }
    }

    /// Hands records to the function on the table's stream; the sequence numbers that it answers with.
    pub async fn stream(&self, records: &[Value], retention: Retention) -> Vec<Option<String>> {
        self.invoke_stream(&Uuid::new_v4().to_string(), records, retention)
            .await
    }

    /// As [`Self::stream`], in the invocation of this id.
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
        let answer = serde_json::to_value(change_stream::handle(&app, event).await).unwrap();
        let failures = answer["batchItemFailures"].as_array().unwrap().iter();
        failures
            .map(|failure| failure["itemIdentifier"].as_str().map(str::to_owned))
            .collect()
    }

    /// Every item of the table, sorted by its key.
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

    /// Calls, and asserts the refusal's whole form and that the table is as it was.
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

/// An event of `events/`, to be varied and sent.
#[derive(Clone, Debug)]
pub struct Call {
    name: String,
    event: ApiGatewayV2httpRequest,
    left: Duration,
    request_id: String,
}

impl Call {
    /// The event `events/<name>.json`.
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

    /// The same with another method and path.
    #[must_use]
    pub fn to(mut self, method: Method, path: &str) -> Self {
        self.event.request_context.http.method = method;
        self.event.raw_path = Some(path.to_owned());
        self
    }

    /// The same about another portfolio, `id` as it stands in the path.
    #[must_use]
    pub fn about(mut self, id: &str) -> Self {
        let path = self.event.raw_path.take().unwrap_or_default();
        self.event.raw_path = Some(path.replace("/main", &format!("/{id}")));
        self
    }

    /// The same with another query string.
    #[must_use]
    pub fn query(mut self, query: &str) -> Self {
        self.event.raw_query_string = Some(query.to_owned());
        self
    }

    /// The same by another user.
    #[must_use]
    pub fn by(mut self, user: &str) -> Self {
        self.claims().insert("sub".to_owned(), user.to_owned());
        self
    }

    /// The same by nobody: the token has no `sub`.
    #[must_use]
    pub fn by_nobody(mut self) -> Self {
        self.claims().remove("sub");
        self
    }

    /// The same with what another authorizer, or none, has put into the event.
    #[must_use]
    pub fn authorized_by(mut self, authorizer: &Value) -> Self {
        self.event.request_context.authorizer = Some(serde_json::from_value(authorizer.clone()).unwrap());
        self
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).unwrap();
        self.event.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The same without a header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.event.headers.remove(name);
        self
    }

    /// The same with a body of text.
    #[must_use]
    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.event.body = Some(body.into());
        self.event.is_base64_encoded = false;
        self
    }

    /// The same with a body of bytes, in base64.
    #[must_use]
    pub fn bytes(mut self, body: &[u8]) -> Self {
        self.event.body = Some(base64(body));
        self.event.is_base64_encoded = true;
        self
    }

    /// The same, its body marked as base64 whatever it is.
    #[must_use]
    pub fn marked_base64(mut self) -> Self {
        self.event.is_base64_encoded = true;
        self
    }

    /// The same with a compressed body.
    #[must_use]
    pub fn gzipped(self, body: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        self.header("content-encoding", "gzip")
            .bytes(&encoder.finish().unwrap())
    }

    /// The same with its JSON body changed by `edit`.
    #[must_use]
    pub fn with(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut body = serde_json::from_str(self.event.body.as_deref().unwrap_or("{}")).unwrap();
        edit(&mut body);
        self.event.body = Some(body.to_string());
        self
    }

    /// The same with its body changed by `edit`, where it is JSON.
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

    /// The event as API Gateway hands it over.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(&self.event).unwrap()
    }

    /// The same with this much of the invocation's time left.
    #[must_use]
    pub const fn with_time_left(mut self, left: Duration) -> Self {
        self.left = left;
        self
    }

    /// The route that API Gateway names in the event.
    pub fn route_key(&self) -> String {
        self.event.route_key.clone().unwrap_or_default()
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.event.request_context.http.method.clone()
    }

    /// The path.
    pub fn path(&self) -> String {
        self.event.raw_path.clone().unwrap_or_default()
    }

    /// The invocation's id.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    fn claims(&mut self) -> &mut HashMap<String, String> {
        let authorizer = self.event.request_context.authorizer.as_mut().unwrap();
        &mut authorizer.jwt.as_mut().unwrap().claims
    }

    /// The event of an invocation.
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
    // A body's own JSON form in a response is base64: the same code as the gateway's events are read by.
    let body = lambda_http::Body::Binary(bytes.to_vec());
    serde_json::to_value(body).unwrap().as_str().unwrap().to_owned()
}
