//! Cross-origin requests (CORS), answered as an HTTP API of API Gateway answers them.
//!
//! Source: "Configure CORS for HTTP APIs", API Gateway Developer Guide. The gateway answers a preflight request itself,
//! on any path and without a token, and replaces the CORS headers of the functions by its own.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderName, ORIGIN,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use coinolio_aws::routes::ROUTES;

/// The request headers that a browser app may send, as in `template.yaml`.
const ALLOWED_HEADERS: [&str; 5] = [
    "authorization",
    "content-type",
    "content-encoding",
    "if-match",
    "if-none-match",
];

/// The answer's headers that a browser app may read, as in `template.yaml`.
const EXPOSED_HEADERS: &str = "etag,location,retry-after";

/// How long a browser may remember the answer to a preflight request, in seconds, as in `template.yaml`.
const MAX_AGE: &str = "600";

/// The origins whose browser apps may use the API.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    origins: Vec<String>,
}

impl Cors {
    /// Allows these origins, such as `http://localhost:8081`; `*` allows all. Without any, CORS is off.
    pub const fn new(origins: Vec<String>) -> Self {
        Self { origins }
    }

    /// Returns the answer to a preflight request; `None` if the request is not one or CORS is off.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let is_preflight = method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !is_preflight || self.origins.is_empty() {
            return None;
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        // Without these headers the browser refuses to send the request.
        if let Some(origin) = self.allowed(headers) {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
            let mut allowed = ALLOWED_HEADERS.to_vec();
            allowed.push(super::failure::HEADER);
            insert(headers, ACCESS_CONTROL_ALLOW_HEADERS, &allowed.join(","));
            insert(headers, ACCESS_CONTROL_ALLOW_METHODS, &methods().join(","));
        }
        Some(response)
    }

    /// Returns the value of `access-control-allow-origin` for a request with `headers`, if its origin is allowed.
    pub(super) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        if self.origins.iter().any(|allowed| allowed == "*") {
            return Some(HeaderValue::from_static("*"));
        }
        let is_allowed = |allowed: &String| allowed.as_bytes() == origin.as_bytes();
        self.origins.iter().any(is_allowed).then(|| origin.clone())
    }

    /// Replaces the CORS headers of an answer. `origin` is that of [`Self::allowed`]. If CORS is off, the functions'
    /// own headers stay.
    pub(super) fn apply(&self, origin: Option<HeaderValue>, response: &mut Response) {
        if self.origins.is_empty() {
            return;
        }
        let headers = response.headers_mut();
        for name in [
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            ACCESS_CONTROL_MAX_AGE,
        ] {
            headers.remove(name);
        }
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        }
    }
}

/// Returns the methods of all routes.
fn methods() -> Vec<&'static str> {
    let mut methods: Vec<&str> = ROUTES.iter().map(|route| route.method.as_str()).collect();
    methods.sort_unstable();
    methods.dedup();
    methods
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED_HEADERS, Cors, EXPOSED_HEADERS, MAX_AGE, methods};
    use axum::http::{HeaderMap, HeaderValue, Method};
    use coinolio_tests::template::Template;
    use serde_json::Value;

    const APP: &str = "http://localhost:8081";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn the_headers_are_those_of_the_template() {
        let template = Template::read();
        let cors = &template.0["Resources"]["Api"]["Properties"]["CorsConfiguration"]["Fn::If"][1];
        let list = |member: &str| -> Vec<String> {
            let texts = cors[member].as_array().unwrap().iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        };
        assert_eq!(list("AllowHeaders"), ALLOWED_HEADERS);
        assert_eq!(list("ExposeHeaders").join(","), EXPOSED_HEADERS);
        assert_eq!(cors["MaxAge"].to_string(), MAX_AGE);
        let mut allowed = list("AllowMethods");
        allowed.sort_unstable();
        assert_eq!(allowed, methods());
    }

    #[test]
    fn only_a_preflight_request_is_answered_and_only_if_cors_is_on() {
        let preflight = headers(&[("origin", APP), ("access-control-request-method", "POST")]);
        let all = Cors::new(vec!["*".to_owned()]);
        let answer = all.preflight(&Method::OPTIONS, &preflight).unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert_eq!(answer.headers()["access-control-max-age"], "600");
        assert!(Cors::default().preflight(&Method::OPTIONS, &preflight).is_none());
        assert!(all.preflight(&Method::GET, &preflight).is_none());
        for incomplete in [("origin", APP), ("access-control-request-method", "POST")] {
            assert!(all.preflight(&Method::OPTIONS, &headers(&[incomplete])).is_none());
        }
    }

    #[test]
    fn an_origin_is_allowed_only_if_it_is_listed() {
        let some = Cors::new(vec!["https://app.example.com".to_owned(), APP.to_owned()]);
        for (origin, allowed) in [
            (APP, Some(APP)),
            ("http://localhost", None),
            ("http://localhost:8081.example.com", None),
            ("null", None),
        ] {
            let preflight = headers(&[("origin", origin), ("access-control-request-method", "PUT")]);
            let answer = some.preflight(&Method::OPTIONS, &preflight).unwrap();
            assert_eq!(answer.status(), 204);
            let named = answer.headers().get("access-control-allow-origin");
            assert_eq!(named.map(|origin| origin.to_str().unwrap()), allowed, "{origin}");
            assert_eq!(
                answer.headers().len(),
                if allowed.is_some() { 4 } else { 0 },
                "{origin}"
            );
        }
        assert!(some.allowed(&HeaderMap::new()).is_none());
    }
}
