//! The answer.

use super::download::Coded;
use super::etag::etag;
use super::problem::{self, Problem};
use super::{Answer, download, request};
use crate::telemetry::Tally;
use coinolio_core::log::Version;
use coinolio_core::sync::Report;
use coinolio_core::{Code, Error};
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, LOCATION, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE,
};
use lambda_http::http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Serialize;

/// No cache keeps an answer. An app has its own copy and knows its version, so that it needs none for
/// `If-None-Match`; and as ids are one user's own, a phone that two users share could take one's copy for
/// the other's.
const NO_STORE: &str = "no-store";

/// What an operation answers, before the client's conditions and codings apply.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: Vec<u8>,
    version: Option<Version>,
    location: Option<String>,
    tally: Option<Tally>,
}

impl Reply {
    /// 200 with `body` as JSON.
    ///
    /// # Errors
    /// Internal where `body` does not serialise.
    pub fn ok(body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body)
            .map_err(|e| Error::new(Code::Internal, "the answer could not be written").because(e))?;
        Ok(Self {
            body,
            ..Self::empty(StatusCode::OK)
        })
    }

    /// 204: done, and there is nothing to say.
    pub const fn no_content() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// 304: the client has this version.
    pub fn not_modified(version: Version) -> Self {
        Self {
            version: Some(version),
            ..Self::empty(StatusCode::NOT_MODIFIED)
        }
    }

    /// The same reply as 201, the new resource being at `location`.
    #[must_use]
    pub fn created(self, location: String) -> Self {
        Self {
            status: StatusCode::CREATED,
            location: Some(location),
            ..self
        }
    }

    /// The same reply about `version`, its `ETag`.
    #[must_use]
    pub fn at(self, version: Version) -> Self {
        Self {
            version: Some(version),
            ..self
        }
    }

    /// The same reply with what the engine reports of it.
    #[must_use]
    pub fn with(self, report: Report) -> Self {
        self.tallied(report.into())
    }

    /// The same reply with the sum of what the engine reports of several.
    #[must_use]
    pub fn tallied(self, tally: Tally) -> Self {
        Self {
            tally: Some(tally),
            ..self
        }
    }

    /// What the engine reports.
    pub(crate) const fn tally(&self) -> Option<&Tally> {
        self.tally.as_ref()
    }

    const fn empty(status: StatusCode) -> Self {
        Self {
            status,
            body: Vec::new(),
            version: None,
            location: None,
            tally: None,
        }
    }
}

/// The answer to a request with `method` and `headers`: 304 where a GET's `If-None-Match` names the version,
/// else the reply, compressed where the client takes it.
///
/// # Errors
/// Too large where Lambda carries the reply in no coding: its limit would fail the invocation.
pub(crate) fn response(method: &Method, headers: &HeaderMap, reply: Reply) -> Result<Answer, Error> {
    let mut answer = Answer::new(Body::Empty);
    set_static(&mut answer, CACHE_CONTROL, NO_STORE);
    set_static(&mut answer, VARY, "accept-encoding");
    if let Some(version) = reply.version {
        set(&mut answer, ETAG, &etag(version));
    }
    if let Some(location) = &reply.location {
        set(&mut answer, LOCATION, location);
    }
    let is_known = |version| request::known(headers).is_some_and(|tags| tags.match_weakly(version));
    if method == Method::GET && reply.status == StatusCode::OK && reply.version.is_some_and(is_known) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(answer);
    }
    *answer.status_mut() = reply.status;
    if reply.body.is_empty() {
        return Ok(answer);
    }
    set_static(&mut answer, CONTENT_TYPE, "application/json");
    match download::coded(headers, reply.body) {
        Some(Coded::Text(json)) => *answer.body_mut() = text(json),
        Some(Coded::Gzip(packed)) => {
            set_static(&mut answer, CONTENT_ENCODING, "gzip");
            *answer.body_mut() = Body::Binary(packed);
        }
        None => {
            return Err(Error::new(
                Code::TooLarge,
                "the answer is over 6 MB even compressed; what the request was to store is stored: sync changes (v2) \
                 instead of the whole document, or make it smaller",
            ));
        }
    }
    Ok(answer)
}

/// The problem document of `error`; `allow` are the methods that the path has, where it lacks this one.
pub(crate) fn refusal(error: &Error, allow: Option<&str>) -> Answer {
    let mut answer = Answer::new(text(serde_json::to_vec(&Problem::from(error)).unwrap_or_default()));
    *answer.status_mut() = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set_static(&mut answer, CONTENT_TYPE, problem::MEDIA_TYPE);
    set_static(&mut answer, CACHE_CONTROL, NO_STORE);
    if problem::is_transient(error.code) {
        set_static(&mut answer, RETRY_AFTER, "1");
    }
    if error.code == Code::Unauthenticated {
        // A 401 has to name the scheme (RFC 9110 section 11.6.1).
        set_static(&mut answer, WWW_AUTHENTICATE, "Bearer");
    }
    if let Some(allow) = allow {
        set(&mut answer, ALLOW, allow);
    }
    answer
}

/// The answer as the gateway takes it: binary bodies, which compressed ones are, in base64.
pub fn to_gateway(answer: Answer) -> ApiGatewayV2httpResponse {
    let (parts, body) = answer.into_parts();
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = parts.status.as_u16().into();
    response.headers = parts.headers;
    response.is_base64_encoded = matches!(body, Body::Binary(_));
    response.body = (!body.is_empty()).then_some(body);
    response
}

/// JSON is UTF-8, and text spares the gateway the base64.
fn text(json: Vec<u8>) -> Body {
    String::from_utf8(json).map_or_else(|e| Body::Binary(e.into_bytes()), Body::Text)
}

fn set_static(answer: &mut Answer, name: HeaderName, value: &'static str) {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
}

fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, refusal, response, to_gateway};
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
        let reply = || Reply::ok(&"x").unwrap().at(4);
        for value in ["\"4\"", "W/\"4\"", "\"3\", \"4\"", "*"] {
            let answer = response(&Method::GET, &headers(&[("if-none-match", value)]), reply()).unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{value}");
            assert_eq!(answer.headers()["etag"], "\"4\"");
            assert!(answer.body().is_empty());
        }
        for value in ["\"5\"", "4", "W/\"40\""] {
            let answer = response(&Method::GET, &headers(&[("if-none-match", value)]), reply()).unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{value}");
        }
        let answer = response(&Method::POST, &headers(&[("if-none-match", "\"4\"")]), reply()).unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    #[test]
    fn a_compressed_answer_goes_to_the_gateway_in_base64() {
        let reply = || Reply::ok(&"x".repeat(5000)).unwrap();
        let packed = response(&Method::GET, &headers(&[("accept-encoding", "gzip")]), reply()).unwrap();
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        let plain = response(&Method::GET, &HeaderMap::new(), reply()).unwrap();
        assert!(!plain.headers().contains_key("content-encoding"));
        for (answer, is_base64) in [(packed, true), (plain, false)] {
            assert_eq!(answer.headers()["vary"], "accept-encoding");
            assert_eq!(to_gateway(answer).is_base64_encoded, is_base64);
        }
    }

    #[test]
    fn what_lambda_does_not_carry_is_refused() {
        let quotes_and_noise: String = (0..700_000_u64)
            .map(|n| format!("\"{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n << 17)))
            .collect();
        let reply = Reply::ok(&quotes_and_noise).unwrap();
        let error = response(&Method::GET, &headers(&[("accept-encoding", "gzip")]), reply).unwrap_err();
        assert_eq!(error.code, Code::TooLarge);
    }

    #[test]
    fn a_refusal_is_a_problem_document_with_the_headers_of_its_status() {
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
