//! The gateway's own refusals.

use super::Refusal;
use axum::http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use coinolio_core::{Code, Error};
use serde_json::{Value, json};

/// `error` as a problem document (RFC 9457).
pub(super) fn response(error: &Error) -> Refusal {
    with(error, document(error), None)
}

/// 405 with the methods that the route has.
pub(super) fn method_not_allowed(allow: &str) -> Refusal {
    let error = Error::new(Code::MethodNotAllowed, format!("this route has {allow}"));
    with(&error, document(&error), Some((ALLOW, allow)))
}

/// 401 with a challenge (RFC 6750 section 3), and the `message` that API Gateway's own 401 has.
pub(super) fn unauthenticated(detail: &str, challenge: &str) -> Refusal {
    let error = Error::new(Code::Unauthenticated, detail);
    let mut document = document(&error);
    document["message"] = Value::from("Unauthorized");
    with(&error, document, Some((WWW_AUTHENTICATE, challenge)))
}

fn document(error: &Error) -> Value {
    let status = status(error);
    json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": error.code.as_str(),
        "detail": error.detail,
    })
}

fn with(error: &Error, document: Value, header: Option<(HeaderName, &str)>) -> Refusal {
    let mut response = (status(error), document.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some((name, value)) = header
        && let Ok(value) = HeaderValue::from_str(value)
    {
        headers.insert(name, value);
    }
    Box::new(response)
}

fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
