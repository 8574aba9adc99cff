//! Errors on demand, for the developers of clients.

use super::{Refusal, problem};
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use coinolio_core::{Code, Error};
use futures_util::stream;
use std::io;
use std::str::FromStr;

/// The request header that asks for a failure, in the form of `--fail`. Only the local server knows it.
pub(super) const HEADER: &str = "coinolio-fail";

/// The errors that API Gateway itself answers with, as `{"message": "…"}`.
const GATEWAY: [(u16, &str); 4] = [
    (429, "Too Many Requests"),
    (500, "Internal Server Error"),
    (503, "Service Unavailable"),
    (504, "Gateway Timeout"),
];

/// A failure that the server makes, with a probability.
///
/// Its text is one of the following, and optionally `:` and a probability such as `0.1`:
/// - a code: `busy`, or with its status: `409:busy`;
/// - a status: `503`, if only one code has that status; 429 and 504 are API Gateway's own errors;
/// - `gateway:500` or `gateway:503`: API Gateway's own error of that status;
/// - `unanswered`: the request is carried out, and the connection ends without an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    kind: Kind,
    probability: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A problem document of the service.
    Problem(Code),
    /// An error of API Gateway, by its status.
    Gateway(u16),
    /// No answer to a request that was carried out.
    Unanswered,
}

impl FromStr for Failure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, probability) = match text.rsplit_once(':') {
            Some((kind, last)) if last.contains('.') || last == "1" => (kind, last),
            _ => (text, "1"),
        };
        let probability = probability.parse().ok().filter(|p| (0.0..=1.0).contains(p));
        let probability = probability.ok_or("the probability must be from 0.0 to 1.0")?;
        Ok(Self {
            kind: parse_kind(kind)?,
            probability,
        })
    }
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    let by_name = |name: &str| Code::parse(name).ok_or_else(|| format!("{name} is not a code of the service"));
    if text == "unanswered" {
        return Ok(Kind::Unanswered);
    }
    match text.split_once(':') {
        Some(("gateway", status)) => gateway(status).ok_or_else(|| format!("{status} is not an error of the gateway")),
        Some((status, name)) => {
            let code = by_name(name)?;
            if status == code.status().to_string() {
                Ok(Kind::Problem(code))
            } else {
                Err(format!("the status of {name} is {}", code.status()))
            }
        }
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => by_status(text),
        None => by_name(text).map(Kind::Problem),
    }
}

/// Returns the only error with this status.
fn by_status(status: &str) -> Result<Kind, String> {
    let codes: Vec<Code> = Code::ALL
        .into_iter()
        .filter(|code| code.status().to_string() == status)
        .collect();
    match codes[..] {
        [code] => Ok(Kind::Problem(code)),
        [] => gateway(status).ok_or_else(|| format!("no error has the status {status}")),
        _ => {
            let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
            Err(format!("{status} has several codes: {}", names.join(", ")))
        }
    }
}

fn gateway(status: &str) -> Option<Kind> {
    let known = GATEWAY.iter().find(|(known, _)| known.to_string() == status);
    known.map(|(status, _)| Kind::Gateway(*status))
}

/// The failures that the server makes, decided anew for each request.
#[derive(Clone, Debug, Default)]
pub struct Failures(Vec<Failure>);

/// The failure of one request.
pub(super) enum Failing {
    /// The request is refused without being carried out.
    Refused(Refusal),
    /// The request is carried out, and its answer is not delivered.
    Unanswered,
}

impl Failures {
    /// Makes these failures. Each request fails at most once: the first that strikes decides.
    pub const fn new(failures: Vec<Failure>) -> Self {
        Self(failures)
    }

    /// Decides whether a request with `headers` fails.
    ///
    /// # Errors
    /// Refuses a [`HEADER`] that is not a failure.
    pub(super) fn strike(&self, headers: &HeaderMap) -> Result<Option<Failing>, Refusal> {
        let asked = match headers.get(HEADER) {
            Some(text) => vec![asked(text)?],
            None => Vec::new(),
        };
        let failures = asked.iter().chain(&self.0);
        let mut struck = failures.filter(|failure| rand::random_bool(failure.probability));
        Ok(struck.next().map(|failure| match failure.kind {
            Kind::Problem(code) => Failing::Refused(refused(code)),
            Kind::Gateway(status) => Failing::Refused(message(status)),
            Kind::Unanswered => Failing::Unanswered,
        }))
    }
}

fn asked(text: &HeaderValue) -> Result<Failure, Refusal> {
    let parsed = text.to_str().map_err(|e| e.to_string()).and_then(str::parse);
    parsed.map_err(|fault| problem::response(&Error::malformed(format!("{HEADER}: {fault}"))))
}

fn refused(code: Code) -> Refusal {
    if code == Code::Unauthenticated {
        return problem::unauthenticated("this failure was asked for", r#"Bearer error="invalid_token""#);
    }
    let mut refusal = problem::response(&Error::new(code, "this failure was asked for"));
    if coinolio_aws::http::problem::is_transient(code) {
        refusal.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    refusal
}

/// Returns an error of API Gateway.
fn message(status: u16) -> Refusal {
    let text = GATEWAY.iter().find(|(known, _)| *known == status);
    let body = serde_json::json!({ "message": text.map(|(_, text)| *text) }).to_string();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Box::new(response)
}

/// Returns a response that the server cannot send: its body fails before the first byte, so the connection ends.
pub(super) fn unanswered() -> Response {
    let failed = Err::<Bytes, _>(io::Error::other("this failure was asked for"));
    Response::new(Body::from_stream(stream::iter([failed])))
}

#[cfg(test)]
mod tests {
    use super::{Failing, Failure, Failures, HEADER, Kind};
    use axum::http::{HeaderMap, HeaderValue};
    use coinolio_core::Code;

    fn parse(text: &str) -> Result<(Kind, f64), String> {
        text.parse().map(|Failure { kind, probability }| (kind, probability))
    }

    #[test]
    fn a_failure_is_a_code_a_status_or_an_unanswered_request_with_a_probability() {
        for (text, kind, probability) in [
            ("busy", Kind::Problem(Code::Busy), 1.0),
            ("409:busy", Kind::Problem(Code::Busy), 1.0),
            ("409:busy:0.1", Kind::Problem(Code::Busy), 0.1),
            ("busy:1", Kind::Problem(Code::Busy), 1.0),
            ("503", Kind::Problem(Code::Unavailable), 1.0),
            ("503:0.25", Kind::Problem(Code::Unavailable), 0.25),
            ("429", Kind::Gateway(429), 1.0),
            ("504:0.5", Kind::Gateway(504), 0.5),
            ("gateway:503", Kind::Gateway(503), 1.0),
            ("gateway:500:0.0", Kind::Gateway(500), 0.0),
            ("unanswered:0.1", Kind::Unanswered, 0.1),
        ] {
            assert_eq!(parse(text), Ok((kind, probability)), "{text}");
        }
        for code in Code::ALL {
            assert_eq!(parse(code.as_str()), Ok((Kind::Problem(code), 1.0)));
        }
        for (text, fault) in [
            ("409", "409 has several codes: busy, "),
            ("410", "410 has several codes: "),
            ("200", "no error has the status 200"),
            ("", "no error has the status "),
            ("503:busy", "the status of busy is 409"),
            ("late", "late is not a code of the service"),
            ("busy:1.5", "the probability must be"),
            ("busy:-0.1", "the probability must be"),
            ("gateway:409", "409 is not an error of the gateway"),
        ] {
            let found = parse(text).unwrap_err();
            assert!(found.starts_with(fault), "{text}: {found}");
        }
    }

    #[test]
    fn a_failure_strikes_with_its_probability_and_a_header_asks_for_another() {
        let failures = Failures::new(vec!["busy:0.0".parse().unwrap()]);
        assert!(matches!(failures.strike(&HeaderMap::new()), Ok(None)));
        let failures = Failures::new(vec!["busy:0.5".parse().unwrap()]);
        let struck = (0..200).filter(|_| {
            failures
                .strike(&HeaderMap::new())
                .is_ok_and(|failing| failing.is_some())
        });
        assert!((20..180).contains(&struck.count()));
        let asking = |text| HeaderMap::from_iter([(HEADER.parse().unwrap(), HeaderValue::from_static(text))]);
        let struck = Failures::default().strike(&asking("unanswered"));
        assert!(matches!(struck, Ok(Some(Failing::Unanswered))));
        let wrong = Failures::default().strike(&asking("409"));
        assert!(wrong.is_err_and(|refusal| refusal.status() == 400));
    }
}
