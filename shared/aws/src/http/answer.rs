//! The HTTP answer, and its conversion to the gateway's form.

use super::download::{self, Coded};
use super::etag::etag;
use super::problem::{self, Problem};
use super::{GatewayAnswer, HttpAnswer, OperationAnswer, request};
use coinolio_core::{Code, Error};
use lambda_http::Body;
use lambda_http::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, LOCATION, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE,
};
use lambda_http::http::{HeaderMap, HeaderValue, Method, StatusCode};

/// No cache may store an answer. An app stores its own copy and knows its version, so it can send `If-None-Match`
/// without a cache. Ids are unique only within a user: if two users share a phone, a cache could answer one user
/// with the other's copy.
const NO_STORE: &str = "no-store";

/// Returns the answer to a request with `method` and `headers`. It is 304 if the request is a GET whose
/// `If-None-Match` names the version. Otherwise it is the operation's answer, compressed if the client accepts
/// that.
///
/// # Errors
/// Returns a too-large error if the body exceeds Lambda's limit with and without compression. Lambda would fail the
/// invocation.
pub(crate) fn http_answer(
    method: &Method,
    headers: &HeaderMap,
    operation: OperationAnswer,
) -> Result<HttpAnswer, Error> {
    let mut answer = HttpAnswer::new(Body::Empty);
    set_static(&mut answer, CACHE_CONTROL, NO_STORE);
    set_static(&mut answer, VARY, "accept-encoding");
    if let Some(version) = operation.version {
        set(&mut answer, ETAG, &etag(version));
    }
    if let Some(location) = &operation.location {
        set(&mut answer, LOCATION, location);
    }
    let is_known = |version| request::known(headers).is_some_and(|tags| tags.match_weakly(version));
    if method == Method::GET && operation.status == StatusCode::OK && operation.version.is_some_and(is_known) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(answer);
    }
    *answer.status_mut() = operation.status;
    if operation.body.is_empty() {
        return Ok(answer);
    }
    set_static(&mut answer, CONTENT_TYPE, "application/json");
    match download::coded(headers, operation.body) {
        Some(Coded::Text(json)) => *answer.body_mut() = text(json),
        Some(Coded::Gzip(packed)) => {
            set_static(&mut answer, CONTENT_ENCODING, "gzip");
            *answer.body_mut() = Body::Binary(packed);
        }
        None => {
            return Err(Error::new(
                Code::TooLarge,
                "the answer exceeds 6 MB even when compressed; what the request stored remains stored; sync changes (v2) \
                 instead of the whole document, or make the document smaller",
            ));
        }
    }
    Ok(answer)
}

/// Returns the problem document of `error`. `allow` lists the methods that the path has, if the request's method is
/// not one of them.
pub(crate) fn refusal(error: &Error, allow: Option<&str>) -> HttpAnswer {
    let mut answer = HttpAnswer::new(text(serde_json::to_vec(&Problem::from(error)).unwrap_or_default()));
    *answer.status_mut() = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set_static(&mut answer, CONTENT_TYPE, problem::MEDIA_TYPE);
    set_static(&mut answer, CACHE_CONTROL, NO_STORE);
    if problem::is_transient(error.code) {
        set_static(&mut answer, RETRY_AFTER, "1");
    }
    if error.code == Code::Unauthenticated {
        // A 401 must name the authentication scheme (RFC 9110 section 11.6.1).
        set_static(&mut answer, WWW_AUTHENTICATE, "Bearer");
    }
    if let Some(allow) = allow {
        set(&mut answer, ALLOW, allow);
    }
    answer
}

/// Converts an answer to the gateway's form. A binary body, which is a compressed one, becomes base64.
pub fn gateway_answer(answer: HttpAnswer) -> GatewayAnswer {
    let (parts, body) = answer.into_parts();
    let mut gateway = GatewayAnswer::default();
    gateway.status_code = parts.status.as_u16().into();
    gateway.headers = parts.headers;
    gateway.is_base64_encoded = matches!(body, Body::Binary(_));
    gateway.body = (!body.is_empty()).then_some(body);
    gateway
}

/// Returns JSON as a text body. JSON is UTF-8, and a text body does not need base64.
fn text(json: Vec<u8>) -> Body {
    String::from_utf8(json).map_or_else(|e| Body::Binary(e.into_bytes()), Body::Text)
}

fn set_static(answer: &mut HttpAnswer, name: HeaderName, value: &'static str) {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
}

fn set(answer: &mut HttpAnswer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{gateway_answer, http_answer, refusal};
    use crate::http::OperationAnswer;
    use coinolio_core::{Code, Error};
    use lambda_http::http::{HeaderMap, HeaderValue, Method, StatusCode};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_get_of_a_version_that_the_client_has_is_304_without_a_body() {
        let operation = || OperationAnswer::ok(&"x").unwrap().at(4);
        for value in ["\"4\"", "W/\"4\"", "\"3\", \"4\"", "*"] {
            let answer = http_answer(&Method::GET, &headers(&[("if-none-match", value)]), operation()).unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{value}");
            assert_eq!(answer.headers()["etag"], "\"4\"");
            assert!(answer.body().is_empty());
        }
        for value in ["\"5\"", "4", "W/\"40\""] {
            let answer = http_answer(&Method::GET, &headers(&[("if-none-match", value)]), operation()).unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{value}");
        }
        let answer = http_answer(&Method::POST, &headers(&[("if-none-match", "\"4\"")]), operation()).unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    #[test]
    fn a_compressed_answer_goes_to_the_gateway_in_base64() {
        let operation = || OperationAnswer::ok(&"x".repeat(5000)).unwrap();
        let packed = http_answer(&Method::GET, &headers(&[("accept-encoding", "gzip")]), operation()).unwrap();
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        let plain = http_answer(&Method::GET, &HeaderMap::new(), operation()).unwrap();
        assert!(!plain.headers().contains_key("content-encoding"));
        for (answer, is_base64) in [(packed, true), (plain, false)] {
            assert_eq!(answer.headers()["vary"], "accept-encoding");
            assert_eq!(gateway_answer(answer).is_base64_encoded, is_base64);
        }
    }

    #[test]
    fn an_answer_over_lambdas_limit_is_refused() {
        let quotes_and_noise: String = (0..700_000_u64)
            .map(|n| format!("\"{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n << 17)))
            .collect();
        let operation = OperationAnswer::ok(&quotes_and_noise).unwrap();
        let error = http_answer(&Method::GET, &headers(&[("accept-encoding", "gzip")]), operation).unwrap_err();
        assert_eq!(error.code, Code::TooLarge);
    }

    #[test]
    fn a_refusal_is_a_problem_document_with_the_headers_that_its_status_needs() {
        for code in Code::ALL {
            let answer = refusal(&Error::new(code, "why").because("secret"), None);
            assert_eq!(answer.status().as_u16(), code.status());
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            assert_eq!(
                answer.headers().contains_key("retry-after"),
                matches!(code, Code::Busy | Code::Unavailable)
            );
            assert_eq!(
                answer.headers().contains_key("www-authenticate"),
                code == Code::Unauthenticated
            );
            assert!(!String::from_utf8_lossy(answer.body()).contains("secret"));
        }
        let answer = refusal(&Error::new(Code::MethodNotAllowed, "why"), Some("GET, PUT"));
        assert_eq!(answer.headers()["allow"], "GET, PUT");
    }
}
