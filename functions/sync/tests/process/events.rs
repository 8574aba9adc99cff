//! Events that the function does not accept.

use crate::SYNC;
use coinolio_tests::lambda::{Process, Told};
use coinolio_tests::starting::{event, start};
use serde_json::{Value, json};

const NEEDED: &str = "this function takes API Gateway HTTP API events, payload format 2.0";

fn other(name: &str) -> String {
    let path = format!(
        "{}/../../tests/fixtures/other-events/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

/// Invokes the function with an event that it does not accept, and asserts that the invocation fails.
async fn assert_unexpected(process: &mut Process, event: &str) {
    match process.invoke(event).await {
        Told::Failed(error) => {
            assert_eq!(error["errorType"], "UnexpectedEvent", "{event}");
            assert_eq!(error["errorMessage"], NEEDED, "{event}");
        }
        told => panic!("{event}: {told:?}"),
    }
}

#[tokio::test]
async fn an_event_of_another_integration_fails_the_invocation() {
    let (_dynamo, mut process) = start(SYNC, &[]).await;
    for name in [
        "rest-api",
        "http-api-1.0",
        "websocket",
        "alb",
        "alb-multi-value",
        "vpc-lattice",
        "scheduled",
        "sqs",
    ] {
        assert_unexpected(&mut process, &other(name)).await;
    }
    for payload in [
        "{}",
        "null",
        "[]",
        "[null,{},{\"elb\":1}]",
        "42",
        "\"v2-sync\"",
        "",
        "{",
        "secret",
    ] {
        assert_unexpected(&mut process, payload).await;
    }
}

#[tokio::test]
async fn the_function_survives_broken_events_of_the_http_api() {
    let (_dynamo, mut process) = start(SYNC, &[]).await;
    let broken = |pointer: &str, value: Value| {
        let mut event: Value = serde_json::from_str(&event("v2-sync")).unwrap();
        *event.pointer_mut(pointer).unwrap() = value;
        event.to_string()
    };
    for event in [
        broken("/version", json!("3.0")),
        broken("/version", json!(2)),
        broken("/body", json!({})),
        broken("/headers", json!(7)),
        broken("/requestContext/http/method", json!(7)),
        broken("/requestContext/authorizer/jwt/claims", json!(7)),
    ] {
        assert_unexpected(&mut process, &event).await;
    }
    let answer = answered(&mut process, &broken("/isBase64Encoded", json!(true))).await;
    assert_eq!(answer["statusCode"], 400);
    let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        problem["detail"],
        "the body is marked as base64 but is not valid base64"
    );
    let answer = answered(&mut process, &event("v2-sync")).await;
    assert_eq!(answer["statusCode"], 404);
}

async fn answered(process: &mut Process, event: &str) -> Value {
    match process.invoke(event).await {
        Told::Answered(answer) => answer,
        told => panic!("{told:?}"),
    }
}

#[tokio::test]
async fn an_unexpected_event_is_logged_once_and_without_its_contents() {
    let (_dynamo, mut process) = start(SYNC, &[]).await;
    let mut rest: Value = serde_json::from_str(&other("rest-api")).unwrap();
    rest["body"] = json!("secret");
    process.invoke(&rest.to_string()).await;
    process.invoke(r#"{"source":"secret","detail-type":"secret"}"#).await;
    let log = process.stop().await.stdout;
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let invocations: Vec<_> = events.iter().filter(|event| event["message"] == "invocation").collect();
    assert_eq!(invocations.len(), 2, "{log}");
    for event in invocations {
        assert_eq!(
            (&event["status"], &event["Code"], &event["cause"]),
            (&json!(400), &json!("malformed"), &json!(NEEDED)),
            "{log}"
        );
    }
    assert!(!log.contains("secret"), "{log}");
}
