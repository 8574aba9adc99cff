use super::{Cors, Failures, Functions, HEAD_LIMIT, Settings, service};
use crate::secret::Secret;
use crate::token::{AUDIENCE, ISSUER, Tokens};
use coinolio_aws::routes::Operation;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::{Body, LambdaEvent};
use serde_json::{Value, json};
use std::sync::Arc;

/// A function that answers with the event that it received. If the query names a special case, answers with that
/// case.
struct Echo;

impl Functions for Echo {
    async fn invoke(
        &self,
        operation: Operation,
        event: LambdaEvent<ApiGatewayV2httpRequest>,
    ) -> ApiGatewayV2httpResponse {
        let mut answer = ApiGatewayV2httpResponse::default();
        answer.status_code = 200;
        match event.payload.raw_query_string.as_deref() {
            Some("panic") => panic!("the query asked for a panic"),
            Some("binary") => {
                answer.headers.append("x-twice", "1".parse().unwrap());
                answer.headers.append("x-twice", "2".parse().unwrap());
                answer.cookies = vec!["a=1".into(), "b=2".into()];
                answer.body = Some(Body::Binary(vec![0, 255, 1]));
                answer.is_base64_encoded = true;
            }
            Some("base64") => {
                answer.body = Some(Body::Text("AP8B".into()));
                answer.is_base64_encoded = true;
            }
            Some("huge") => answer.body = Some(Body::Text("\"".repeat(4 * 1024 * 1024))),
            _ => {
                let seen = json!({
                    "function": operation.function().name(),
                    "event": event.payload,
                    "request_id": event.context.request_id,
                    "deadline": event.context.deadline,
                });
                answer.body = Some(Body::Text(seen.to_string()));
            }
        }
        answer
    }
}

struct Running {
    url: String,
    tokens: Arc<Tokens>,
    client: reqwest::Client,
}

impl Running {
    async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Arc::new(Tokens::new(&Secret::of(folder.path()).unwrap()));
        let listener = crate::listen::Listener::on(std::net::Ipv4Addr::LOCALHOST, 0, "--port").unwrap();
        let settings = Settings {
            port: listener.address.port(),
            ..settings
        };
        let (router, _) = service(Echo, Arc::clone(&tokens), settings);
        let url = format!("http://{}", listener.address);
        tokio::spawn(async move { axum::serve(listener.socket, router).await });
        Self {
            url,
            tokens,
            client: reqwest::Client::new(),
        }
    }

    async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Vec<u8>) -> reqwest::Response {
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.url)).body(body);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request.send().await.unwrap()
    }

    fn token(&self) -> String {
        self.tokens.issue("ann").unwrap()
    }
}

async fn json_of(response: reqwest::Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

async fn problem(response: reqwest::Response, status: u16, code: &str) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem = json_of(response).await;
    assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)));
    problem
}

#[tokio::test]
async fn a_request_reaches_its_function_with_the_claims_the_id_and_the_bytes() {
    let running = Running::start().await;
    let token = running.token();
    let response = running
        .send("POST", "/api/v1/portfolios/p%2d1/sync", Some(&token), vec![0, 255])
        .await;
    assert_eq!(response.status(), 200);
    let id = response.headers()["apigw-requestid"].to_str().unwrap().to_owned();
    let seen = json_of(response).await;
    assert_eq!(seen["function"], "sync");
    let event = &seen["event"];
    assert_eq!(event["routeKey"], "POST /api/v1/portfolios/{id}/sync");
    assert_eq!(event["pathParameters"]["id"], "p-1");
    let context = &event["requestContext"];
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["authorizer"]["jwt"]["claims"]["sub"], "ann");
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!("AP8="), &json!(true))
    );
    assert!(seen["deadline"].as_u64() > context["timeEpoch"].as_u64());
    assert_eq!(seen["request_id"], json!(id));
}

#[tokio::test]
async fn a_binary_answer_arrives_as_bytes_with_the_first_value_of_each_header_and_every_cookie() {
    let running = Running::start().await;
    let response = running
        .send("GET", "/api/v1/portfolios?binary", Some(&running.token()), vec![])
        .await;
    assert_eq!(response.headers().get_all("x-twice").iter().collect::<Vec<_>>(), ["1"]);
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(response.bytes().await.unwrap().as_ref(), [0, 255, 1]);
    let response = running
        .send("GET", "/api/v1/portfolios?base64", Some(&running.token()), vec![])
        .await;
    assert_eq!(response.bytes().await.unwrap().as_ref(), [0, 255, 1]);
}

#[tokio::test]
async fn a_panic_fails_only_its_own_request() {
    let running = Running::start().await;
    let token = running.token();
    let failed = running
        .send("GET", "/api/v1/portfolios?panic", Some(&token), vec![])
        .await;
    problem(failed, 500, "internal").await;
    let next = running.send("GET", "/api/v1/portfolios", Some(&token), vec![]).await;
    assert_eq!(next.status(), 200);
}

#[tokio::test]
async fn the_authorizer_refuses_with_401_and_a_challenge() {
    let running = Running::start().await;
    let wrong_audience = running
        .tokens
        .sign(&json!({"iss": ISSUER, "aud": "another", "sub": "ann", "exp": 4_000_000_000_u64}))
        .unwrap();
    for token in [None, Some(""), Some("garbage"), Some(wrong_audience.as_str())] {
        let response = running.send("GET", "/api/v1/portfolios", token, vec![]).await;
        let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
        let problem = problem(response, 401, "unauthenticated").await;
        assert_eq!(problem["message"], "Unauthorized");
    }
    let basic = running
        .client
        .get(format!("{}/api/v1/portfolios", running.url))
        .header("Authorization", format!("Basic {}", running.token()));
    assert_eq!(basic.send().await.unwrap().status(), 401);
    let lower = running
        .client
        .get(format!("{}/api/v1/portfolios", running.url))
        .header("Authorization", format!("bearer {}", running.token()));
    assert_eq!(lower.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_token_without_sub_passes_the_authorizer() {
    let running = Running::start().await;
    let token = running
        .tokens
        .sign(&json!({"iss": ISSUER, "aud": AUDIENCE, "exp": 4_000_000_000_u64}))
        .unwrap();
    let seen = json_of(running.send("GET", "/api/v1/portfolios", Some(&token), vec![]).await).await;
    assert_eq!(
        seen["event"]["requestContext"]["authorizer"]["jwt"]["claims"].get("sub"),
        None
    );
}

#[tokio::test]
async fn unknown_paths_get_404_and_wrong_methods_get_405_even_without_a_token() {
    let running = Running::start().await;
    for path in ["/", "/api", "/api/v1/portfolios/", "/API/v1/portfolios", "/health/"] {
        problem(running.send("GET", path, None, vec![]).await, 404, "not_found").await;
    }
    let response = running.send("PATCH", "/api/v1/portfolios/p", None, vec![]).await;
    assert_eq!(response.headers()["allow"], "GET, PUT, DELETE");
    problem(response, 405, "method_not_allowed").await;
}

#[tokio::test]
async fn health_needs_no_token() {
    let running = Running::start().await;
    let response = running.send("GET", "/health", None, vec![]).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_body_over_the_limit_gets_413_and_the_client_receives_the_answer() {
    let running = Running::start().await;
    let body = vec![b' '; 10 * 1024 * 1024 + 1];
    let response = running
        .send("POST", "/api/v1/portfolios", Some(&running.token()), body)
        .await;
    problem(response, 413, "too_large").await;
}

#[tokio::test]
async fn a_head_over_the_limit_gets_431() {
    let running = Running::start().await;
    let path = format!("/api/v1/portfolios?q={}", "x".repeat(HEAD_LIMIT));
    let response = running.send("GET", &path, Some(&running.token()), vec![]).await;
    assert_eq!(response.status(), 431);
}

#[tokio::test]
async fn an_event_over_lambdas_limit_gets_413() {
    let running = Running::start().await;
    let body = vec![0xff; 5 * 1024 * 1024];
    let response = running
        .send("POST", "/api/v1/portfolios", Some(&running.token()), body)
        .await;
    problem(response, 413, "too_large").await;
}

#[tokio::test]
async fn an_answer_over_lambdas_limit_fails_as_in_aws() {
    let running = Running::start().await;
    let response = running
        .send("GET", "/api/v1/portfolios?huge", Some(&running.token()), vec![])
        .await;
    problem(response, 500, "internal").await;
}

#[tokio::test]
async fn a_browser_app_is_answered_as_by_api_gateway() {
    let app = "http://localhost:8081";
    let settings = Settings {
        cors: Cors::new(vec![app.to_owned()]),
        ..Settings::default()
    };
    let running = Running::with(settings).await;
    let url = format!("{}/api/v1/portfolios", running.url);
    // A preflight request has no token, and its path need not exist.
    for url in [&url, &format!("{url}/p/nothing")] {
        let preflight = running.client.request(reqwest::Method::OPTIONS, url);
        let preflight = preflight
            .header("Origin", app)
            .header("Access-Control-Request-Method", "POST");
        let answer = preflight.send().await.unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!(answer.headers()["access-control-allow-origin"], app);
        let methods = answer.headers()["access-control-allow-methods"].to_str().unwrap();
        assert!(
            methods.starts_with("DELETE,GET,") && methods.ends_with("POST,PUT"),
            "{methods}"
        );
        let headers = answer.headers()["access-control-allow-headers"].to_str().unwrap();
        assert!(headers.starts_with("authorization,content-type,"), "{headers}");
    }
    // The app can read errors too.
    for (token, status) in [(Some(running.token()), 200), (None, 401)] {
        let mut request = running.client.get(&url).header("Origin", app);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["access-control-allow-origin"], app);
        assert_eq!(
            answer.headers()["access-control-expose-headers"],
            "etag,location,retry-after"
        );
    }
    let stranger = running.client.get(&url).header("Origin", "https://example.com");
    let answer = stranger.send().await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    // An OPTIONS request that is no preflight is an ordinary request.
    let options = running.client.request(reqwest::Method::OPTIONS, &url);
    assert_eq!(options.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn requests_fail_on_demand() {
    let settings = Settings {
        failures: Failures::new(vec!["409:busy".parse().unwrap()]),
        ..Settings::default()
    };
    let running = Running::with(settings).await;
    let token = running.token();
    let busy = running.send("GET", "/api/v1/portfolios", Some(&token), vec![]).await;
    assert_eq!(busy.headers()["retry-after"], "1");
    problem(busy, 409, "busy").await;
    // Neither a request without a token nor the health check fails on demand.
    let refused = running.send("GET", "/api/v1/portfolios", None, vec![]).await;
    problem(refused, 401, "unauthenticated").await;
    assert_eq!(running.send("GET", "/health", None, vec![]).await.status(), 200);

    let ask = |failure: &'static str| {
        let request = running.client.get(format!("{}/api/v1/portfolios", running.url));
        let request = request.header("Authorization", format!("Bearer {token}"));
        request.header("Coinolio-Fail", failure).send()
    };
    for code in coinolio_core::Code::ALL {
        problem(ask(code.as_str()).await.unwrap(), code.status(), code.as_str()).await;
    }
    let throttled = ask("429").await.unwrap();
    assert_eq!(throttled.status(), 429);
    assert_eq!(json_of(throttled).await, json!({"message": "Too Many Requests"}));
    assert!(ask("unanswered").await.is_err());
    problem(ask("410").await.unwrap(), 400, "malformed").await;
}
