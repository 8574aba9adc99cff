//! The gateway's own refusals, in the same form as those of the functions.

use super::Refusal;
use axum::http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use coinolio_aws::http::problem::{MEDIA_TYPE, Problem};
use coinolio_core::{Code, Error};
use serde::Serialize;

/// Returns `error` as a problem document (RFC 9457).
pub(super) fn response(error: &Error) -> Refusal {
    with(error.code, &Problem::from(error), None)
}

/// Returns 405 with the methods that the path allows.
pub(super) fn method_not_allowed(allow: &str) -> Refusal {
    let error = Error::new(Code::MethodNotAllowed, format!("this path has {allow}"));
    with(error.code, &Problem::from(&error), Some((ALLOW, allow)))
}

/// Returns 401 with a challenge (RFC 6750 section 3) and the `message` of API Gateway's own 401.
pub(super) fn unauthenticated(detail: &str, challenge: &str) -> Refusal {
    let error = Error::new(Code::Unauthenticated, detail);
    let mut document = serde_json::to_value(Problem::from(&error)).unwrap_or_default();
    document["message"] = "Unauthorized".into();
    with(error.code, &document, Some((WWW_AUTHENTICATE, challenge)))
}

fn with(code: Code, document: &impl Serialize, header: Option<(HeaderName, &str)>) -> Refusal {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // The document has only strings and a number, so serialising it cannot fail.
    let mut response = (status, serde_json::to_vec(document).unwrap_or_default()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if let Some((name, value)) = header
        && let Ok(value) = HeaderValue::from_str(value)
    {
        headers.insert(name, value);
    }
    Box::new(response)
}
