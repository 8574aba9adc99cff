//! What arrives at a function: the events it takes, and what else AWS may be set up to send it.

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// What the function takes, to be read after "this function takes".
const TAKEN: &str = "API Gateway HTTP API events, payload format 2.0";

/// An invocation's payload as Lambda hands it over.
///
/// Reading it never fails: whatever it is has to be answered, and an error of Lambda's runtime library answers
/// nobody.
#[derive(Debug)]
pub struct Payload(Result<Box<RawValue>, NotJson>);

#[derive(Debug)]
struct NotJson;

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(deserializer).map_err(|_| NotJson)))
    }
}

/// What a payload turns out to be.
#[derive(Debug)]
pub enum Arrival {
    /// An event that the function takes.
    Event(Box<ApiGatewayV2httpRequest>),
    /// A request by an integration that the function does not speak to: whoever sent it gets a refusal.
    Request(Integration, String),
    /// No request at all, so that nobody reads an answer: the invocation fails.
    Unexpected(String),
}

/// The integrations whose requests are refused in a form that they pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integration {
    /// API Gateway: a REST API, an HTTP API of payload format 1.0, a WebSocket API.
    ApiGateway,
    /// An Application Load Balancer, or VPC Lattice, which takes the same.
    LoadBalancer {
        /// True where headers may have several values ("Lambda functions as targets", "Multi-value headers").
        multi_value_headers: bool,
    },
}

impl Payload {
    /// The payload's JSON; `None` where it is none.
    pub fn json(&self) -> Option<&str> {
        self.0.as_ref().ok().map(|json| json.get())
    }

    /// Tells what the payload is. The descriptions in it are fixed words and names of AWS services: nothing of
    /// what a client sent.
    pub fn arrival(self) -> Arrival {
        let Ok(json) = self.0 else {
            return Arrival::Unexpected(needed("a payload that is not JSON"));
        };
        // Serde would take a list for a struct, member by member.
        if !json.get().starts_with('{') {
            return Shape::default().arrival();
        }
        let Ok(event) = serde_json::from_str::<ApiGatewayV2httpRequest>(json.get()) else {
            return Shape::of(&json).arrival();
        };
        if event.version.as_deref() == Some("2.0") {
            Arrival::Event(Box::new(event))
        } else {
            Shape::of(&json).arrival()
        }
    }
}

fn needed(what: &str) -> String {
    format!("{what}; this function takes {TAKEN}")
}

/// The members that tell one kind of event from another.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Shape {
    http_method: Option<IgnoredAny>,
    method: Option<IgnoredAny>,
    request_context: Option<Context>,
    multi_value_headers: Option<IgnoredAny>,
    source: Value,
    #[serde(rename = "detail-type")]
    detail_type: Option<IgnoredAny>,
    #[serde(rename = "Records")]
    records: Option<Vec<Item>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Context {
    elb: Option<IgnoredAny>,
    http: Option<IgnoredAny>,
    connection_id: Option<IgnoredAny>,
    service_network_arn: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    #[serde(rename = "eventSource", alias = "EventSource")]
    event_source: Value,
}

impl Shape {
    fn of(json: &RawValue) -> Self {
        serde_json::from_str(json.get()).unwrap_or_default()
    }

    fn arrival(&self) -> Arrival {
        let refused = |integration, what| Arrival::Request(integration, needed(what));
        let multi_value_headers = self.multi_value_headers.is_some();
        let balancer = Integration::LoadBalancer { multi_value_headers };
        if let Some(context) = &self.request_context {
            if context.elb.is_some() {
                return refused(balancer, "an Application Load Balancer's event");
            }
            if context.service_network_arn.is_some() {
                return refused(balancer, "a VPC Lattice event");
            }
            if context.connection_id.is_some() {
                return refused(Integration::ApiGateway, "an API Gateway WebSocket API event");
            }
            if context.http.is_some() {
                let what = "an API Gateway HTTP API event that is broken or of another payload format";
                return refused(Integration::ApiGateway, what);
            }
            if self.http_method.is_some() {
                return refused(
                    Integration::ApiGateway,
                    "an API Gateway REST API event (payload format 1.0)",
                );
            }
        }
        if self.http_method.is_some() || self.method.is_some() {
            return refused(balancer, "an HTTP request that is not API Gateway's");
        }
        Arrival::Unexpected(needed(&self.other()))
    }

    /// What it is when it is no request.
    fn other(&self) -> String {
        let record = self.records.iter().flatten().next();
        if let Some(service) = record.and_then(|record| service(&record.event_source)) {
            return format!("an event of {service}");
        }
        match service(&self.source) {
            Some(service) if self.detail_type.is_some() => format!("an EventBridge event of {service}"),
            _ if self.detail_type.is_some() => "an EventBridge event".to_owned(),
            _ => "a payload that is no event".to_owned(),
        }
    }
}

/// The name of an AWS service, such as `aws:sqs` and `aws.events`; nothing else of an event is repeated.
fn service(name: &Value) -> Option<&str> {
    let name = name.as_str()?;
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b':' | b'-');
    let is_service = name.starts_with("aws") && name.len() <= 40 && name.bytes().all(allowed);
    is_service.then_some(name)
}
