use super::{Functions, HEAD_LIMIT, service};
use crate::secret::Secret;
use crate::token::{AUDIENCE, ISSUER, Tokens};
use coinolio_aws::routes::Operation;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::{Body, LambdaEvent};
use serde_json::{Value, json};
use std::sync::Arc;

/// A function that answers with the event it received or, if the query names a special case, with that case.
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
        let folder = tempfile::tempdir().unwrap();
        let tokens = Arc::new(Tokens::new(&Secret::of(folder.path()).unwrap()));
        let listener = crate::listen::Listener::on(std::net::Ipv4Addr::LOCALHOST, 0, "--port").unwrap();
        let (router, _) = service(Echo, Arc::clone(&tokens), listener.address.port());
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
async fn binary_answers_arrive_as_bytes_with_the_first_of_each_header_and_every_cookie() {
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
async fn a_body_over_the_limit_gets_413_and_the_answer_arrives() {
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
async fn an_answer_over_lambdas_limit_is_an_error_as_in_aws() {
    let running = Running::start().await;
    let response = running
        .send("GET", "/api/v1/portfolios?huge", Some(&running.token()), vec![])
        .await;
    problem(response, 500, "internal").await;
}
