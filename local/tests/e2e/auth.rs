use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coinolio_local::server::{Options, Server};
use coinolio_local::token::{AUDIENCE, ISSUER};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": now() + 60})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

async fn list(server: &Server, token: Option<&str>) -> (u16, Value) {
    let mut request = reqwest::Client::new().get(format!("{}/api/v1/portfolios", server.url()));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    if status == 401 {
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    (
        status,
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn the_authorizer_refuses_invalid_tokens() {
    let server = Server::start(&Options::default()).await.unwrap();
    let sign = |claims: &Value| Some(server.tokens().sign(claims).unwrap());
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!(
        "{}.{}.",
        encode(&json!({"alg": "none", "typ": "JWT"})),
        encode(&claims())
    );
    let foreign = format!("{}A", sign(&claims()).unwrap().trim_end_matches(|c| c != '.'));
    for (case, token) in [
        ("none", None),
        ("alg none", Some(unsigned)),
        ("another signature", Some(foreign)),
        ("expired", sign(&with("exp", json!(now() - 1)))),
        ("not valid yet", sign(&with("nbf", json!(now() + 60)))),
        ("another audience", sign(&with("aud", json!("another")))),
        ("another issuer", sign(&with("iss", json!("another")))),
    ] {
        let (status, problem) = list(&server, token.as_deref()).await;
        assert_eq!(status, 401, "{case}");
        assert_eq!(problem["code"], "unauthenticated", "{case}");
        assert_eq!(problem["message"], "Unauthorized", "{case}");
    }
    assert_eq!(list(&server, sign(&claims()).as_deref()).await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn the_function_refuses_a_token_without_a_user() {
    let server = Server::start(&Options::default()).await.unwrap();
    let mut nobody = claims();
    nobody.as_object_mut().unwrap().remove("sub");
    let (status, problem) = list(&server, Some(&server.tokens().sign(&nobody).unwrap())).await;
    assert_eq!(status, 401);
    assert_eq!(problem["code"], "unauthenticated");
    assert_eq!(
        problem.get("message"),
        None,
        "the authorizer refused the token instead of the function"
    );
    server.stop().await;
}

#[tokio::test]
async fn another_users_portfolio_is_not_found() {
    let server = Server::start(&Options::default()).await.unwrap();
    let client = reqwest::Client::new();
    let ask = |method, path: &str, user: &str| {
        client
            .request(method, format!("{}{path}", server.url()))
            .bearer_auth(server.token(user).unwrap())
            .header("Content-Type", "application/json")
    };
    let body = r#"{"id":"p","name":"P","data":{"a":1}}"#;
    let made = ask(reqwest::Method::POST, "/api/v1/portfolios", "ann")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    for (user, status) in [("ann", 200), ("ben", 404)] {
        let read = ask(reqwest::Method::GET, "/api/v1/portfolios/p", user)
            .send()
            .await
            .unwrap();
        assert_eq!(read.status(), status, "{user}");
    }
    server.stop().await;
}
