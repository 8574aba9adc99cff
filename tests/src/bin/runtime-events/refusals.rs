//! Events that no client of a route causes. The function must refuse each with a clear answer and keep running.

use crate::{Failure, events};
use coinolio_aws::routes::Function;
use coinolio_tests::answered::Answered;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// An event that a function must refuse.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// A description of the event for the report.
    pub(crate) name: &'static str,
    /// The function to invoke.
    pub(crate) function: Function,
    /// The event.
    pub(crate) event: String,
    status: u16,
    code: &'static str,
}

impl Refusal {
    /// Compares an answer with a problem document of the expected status and code. Returns the differences as text.
    pub(crate) fn differences(&self, answered: &Answered) -> String {
        let mut differences = String::new();
        if (answered.status, answered.header("content-type")) != (self.status, Some("application/problem+json")) {
            let _ = writeln!(
                differences,
                "status {}, expected {}: {:?}",
                answered.status, self.status, answered.headers
            );
        }
        let code = serde_json::from_str(&answered.text).map(|problem: Value| problem["code"] == self.code);
        if !code.is_ok_and(|is_the_same| is_the_same) {
            let _ = writeln!(
                differences,
                "body     {}\nexpected the code {}",
                answered.text, self.code
            );
        }
        differences
    }
}

/// Returns every refusal.
pub(crate) fn all() -> Result<Vec<Refusal>, Failure> {
    let mut nobody: Value = serde_json::from_str(&events::read("v1-read")?.text)?;
    if let Some(context) = nobody["requestContext"].as_object_mut() {
        context.remove("authorizer");
    }
    // "Input format of a Lambda function for proxy integration", API Gateway Developer Guide.
    let rest = json!({
        "resource": "/api/v1/portfolios/{id}",
        "path": "/api/v1/portfolios/main",
        "httpMethod": "GET",
        "headers": {"accept": "application/json"},
        "multiValueHeaders": {"accept": ["application/json"]},
        "queryStringParameters": null,
        "pathParameters": {"id": "main"},
        "requestContext": {
            "resourcePath": "/api/v1/portfolios/{id}",
            "httpMethod": "GET",
            "path": "/prod/api/v1/portfolios/main",
            "stage": "prod",
            "identity": {"sourceIp": "203.0.113.7"},
            "authorizer": {"claims": {"sub": "5f0c6a1e-8f0b-4c57-9d5e-2b7f0f6b7a11"}},
        },
        "body": null,
        "isBase64Encoded": false,
    });
    Ok(vec![
        Refusal {
            name: "an event without claims",
            function: Function::Portfolios,
            event: nobody.to_string(),
            status: 401,
            code: "unauthenticated",
        },
        Refusal {
            name: "an event of a REST API",
            function: Function::Portfolios,
            event: rest.to_string(),
            status: 400,
            code: "malformed",
        },
    ])
}
