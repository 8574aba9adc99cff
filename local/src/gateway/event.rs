//! The event that API Gateway's HTTP API passes to a function: payload format 2.0.
//!
//! Source: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway", AWS documentation.

use super::percent;
use crate::token::Claims;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, USER_AGENT};
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// Facts about a request that are not in the request itself.
pub(super) struct Facts<'a> {
    /// The request's id.
    pub(super) id: &'a str,
    /// The route's key, such as `GET /api/v1/portfolios/{id}`.
    pub(super) route_key: &'a str,
    /// The path's parameters, still percent-encoded.
    pub(super) parameters: &'a [(&'static str, &'a str)],
    /// The claims that the authorizer verified.
    pub(super) claims: &'a Claims,
    /// The port at which the request arrived.
    pub(super) port: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'a, str>>,
    headers: BTreeMap<&'a str, Cow<'a, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: BTreeMap<&'static str, String>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'static str,
    api_id: &'static str,
    authorizer: Authorizer<'a>,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'static str,
    time: String,
    time_epoch: u64,
}

#[derive(Serialize)]
struct Authorizer<'a> {
    jwt: Jwt<'a>,
}

#[derive(Serialize)]
struct Jwt<'a> {
    claims: &'a Claims,
    scopes: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: &'static str,
    user_agent: Cow<'a, str>,
}

/// Returns the event of a request, as JSON.
///
/// As in HTTP APIs, `rawPath` and the path parameters are percent-decoded, and `rawQueryString` is not.
pub(super) fn json(request: &Parts, body: &[u8], facts: &Facts<'_>) -> serde_json::Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let path = percent::decode(request.uri.path());
    let query = request.uri.query().unwrap_or_default();
    let host = request
        .headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let (body, is_base64_encoded) = encoded(&request.headers, body);
    let event = Event {
        version: "2.0",
        route_key: facts.route_key,
        raw_path: &path,
        raw_query_string: query,
        cookies: cookies(&request.headers),
        headers: headers(&request.headers, facts, now.as_secs()),
        query_string_parameters: parameters(query),
        request_context: Context {
            account_id: "000000000000",
            api_id: "local",
            authorizer: Authorizer {
                jwt: Jwt {
                    claims: facts.claims,
                    scopes: None,
                },
            },
            domain_name: host,
            domain_prefix: host.split(['.', ':']).next().unwrap_or_default(),
            http: Http {
                method: request.method.as_str(),
                path: &path,
                protocol: "HTTP/1.1",
                source_ip: "127.0.0.1",
                user_agent: request.headers.get(USER_AGENT).map(text).unwrap_or_default(),
            },
            request_id: facts.id,
            route_key: facts.route_key,
            stage: "$default",
            time: common_log_time(now.as_secs()),
            time_epoch: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        },
        body,
        path_parameters: facts
            .parameters
            .iter()
            .map(|(name, value)| (*name, percent::decode(value)))
            .collect(),
        is_base64_encoded,
    };
    serde_json::to_string(&event)
}

/// Returns the body as the event contains it, and whether that is base64.
///
/// The body becomes base64 if its content type is not text, if it is compressed, or if it is not valid UTF-8.
fn encoded<'a>(headers: &HeaderMap, body: &'a [u8]) -> (Option<Cow<'a, str>>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    if is_text(headers)
        && let Ok(text) = str::from_utf8(body)
    {
        return (Some(Cow::Borrowed(text)), false);
    }
    (Some(Cow::Owned(STANDARD.encode(body))), true)
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(text).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let starts_with = |prefix: &str| {
        kind.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    !headers.contains_key(CONTENT_ENCODING)
        && ["text/", "application/json", "application/javascript", "application/xml"]
            .into_iter()
            .any(starts_with)
}

/// Returns every header except the cookies, and those that the gateway adds. Values of the same name are joined by
/// commas.
fn headers<'a>(headers: &'a HeaderMap, facts: &Facts<'_>, seconds: u64) -> BTreeMap<&'a str, Cow<'a, str>> {
    let mut joined: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != COOKIE) {
        joined
            .entry(HeaderName::as_str(name))
            .and_modify(|values| {
                let values = values.to_mut();
                values.push(',');
                values.push_str(&text(value));
            })
            .or_insert_with(|| text(value));
    }
    joined.insert("x-forwarded-for", Cow::Borrowed("127.0.0.1"));
    joined.insert("x-forwarded-port", Cow::Owned(facts.port.to_string()));
    joined.insert("x-forwarded-proto", Cow::Borrowed("http"));
    // Root=1-<time, 8 hexadecimal digits>-<24 hexadecimal digits>: "X-Ray tracing header", AWS documentation.
    let random = facts.id.replace('-', "");
    let unique = random.get(..24).unwrap_or(&random);
    joined.insert("x-amzn-trace-id", Cow::Owned(format!("Root=1-{seconds:08x}-{unique}")));
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let lines = headers.get_all(COOKIE).iter().map(text);
    lines
        .flat_map(|line| {
            line.split(';')
                .map(|cookie| Cow::Owned(cookie.trim().to_owned()))
                .collect::<Vec<_>>()
        })
        .filter(|cookie: &Cow<'_, str>| !cookie.is_empty())
        .collect()
}

/// Returns the query's parameters. Values of the same name are joined by commas.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent::decode_query(value);
        joined
            .entry(percent::decode_query(name))
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert(value);
    }
    joined
}

fn text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// Formats a time in seconds as the Apache common log format does, for `requestContext.time`.
fn common_log_time(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map(|time| time.format("%d/%b/%Y:%H:%M:%S +0000").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Facts, common_log_time, json};
    use axum::http::Request;
    use axum::http::request::{Builder, Parts};
    use serde_json::{Value, json};

    fn parts(builder: Builder) -> Parts {
        builder.body(()).unwrap().into_parts().0
    }

    fn event(builder: Builder, body: &[u8]) -> Value {
        let claims = [("sub", "ann"), ("exp", "1700000000")];
        let claims = claims.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let facts = Facts {
            id: "6f1b2c3d-0000-4000-8000-123456789abc",
            route_key: "GET /api/v1/portfolios/{id}",
            parameters: &[("id", "a%2Fb")],
            claims: &claims,
            port: 3000,
        };
        serde_json::from_str(&json(&parts(builder), body, &facts).unwrap()).unwrap()
    }

    #[test]
    fn a_request_becomes_the_documented_event() {
        let event = event(
            Request::get("/api/v1/portfolios/a%2Fb?x=1&y=%C3%BC+z&x=2&flag")
                .header("Host", "127.0.0.1:3000")
                .header("X-Many", "1")
                .header("X-Many", "2")
                .header("Cookie", "a=1; b=2")
                .header("Cookie", "c=3")
                .header("User-Agent", "test"),
            b"",
        );
        assert_eq!(event["version"], "2.0");
        assert_eq!(event["routeKey"], "GET /api/v1/portfolios/{id}");
        assert_eq!(event["rawPath"], "/api/v1/portfolios/a/b");
        assert_eq!(event["rawQueryString"], "x=1&y=%C3%BC+z&x=2&flag");
        assert_eq!(
            event["queryStringParameters"],
            json!({"x": "1,2", "y": "ü z", "flag": ""})
        );
        assert_eq!(event["pathParameters"], json!({"id": "a/b"}));
        assert_eq!(event["headers"]["x-many"], "1,2");
        assert_eq!(event["headers"].get("cookie"), None);
        assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
        assert_eq!(event.get("body"), None);
        assert_eq!(event["isBase64Encoded"], false);
        let context = &event["requestContext"];
        assert_eq!(
            context["authorizer"]["jwt"]["claims"],
            json!({"sub": "ann", "exp": "1700000000"})
        );
        assert_eq!(context["http"]["method"], "GET");
        assert_eq!(context["http"]["path"], "/api/v1/portfolios/a/b");
        assert_eq!(context["http"]["userAgent"], "test");
        assert_eq!(context["domainName"], "127.0.0.1:3000");
        assert_eq!(context["requestId"], "6f1b2c3d-0000-4000-8000-123456789abc");
        assert_eq!(context["routeKey"], event["routeKey"]);
        assert!(context["timeEpoch"].as_u64().unwrap() > 1_700_000_000_000);
    }

    #[test]
    fn text_stays_text_and_everything_else_is_base64() {
        for (content_type, encoding, body, expected, base64) in [
            ("application/json", None, "{}".as_bytes(), "{}", false),
            ("Application/JSON; charset=utf-8", None, b"{}", "{}", false),
            ("text/plain", None, b"{}", "{}", false),
            ("application/x-www-form-urlencoded", None, b"{}", "e30=", true),
            ("application/octet-stream", None, b"{}", "e30=", true),
            ("", None, b"{}", "e30=", true),
            ("application/json", Some("gzip"), b"{}", "e30=", true),
            ("application/json", None, b"\xff", "/w==", true),
        ] {
            let mut request = Request::post("/").header("Content-Type", content_type);
            if let Some(encoding) = encoding {
                request = request.header("Content-Encoding", encoding);
            }
            let event = event(request, body);
            assert_eq!(event["body"], expected, "{content_type} {encoding:?}");
            assert_eq!(event["isBase64Encoded"], base64, "{content_type} {encoding:?}");
        }
    }

    #[test]
    fn times_are_written_as_in_a_common_log() {
        assert_eq!(common_log_time(1_583_348_638), "04/Mar/2020:19:03:58 +0000");
    }
}
