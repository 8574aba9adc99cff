//! Events that the function does not accept, and its answers to them.

use crate::SYNC;
use coinolio_tests::lambda::{Process, Told};
use coinolio_tests::starting::{event, start};
use serde_json::{Value, json};

const NEEDED: &str = "; this function takes API Gateway HTTP API events, payload format 2.0";

fn other(name: &str) -> String {
    let path = format!(
        "{}/../../tests/fixtures/other-events/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

/// Sends an event that the function must refuse. Returns its whole answer, and the problem document in it.
async fn refused(process: &mut Process, event: &str) -> (Value, Value) {
    match process.invoke(event).await {
        Told::Answered(answer) => {
            let problem = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            (answer, problem)
        }
        told => panic!("{told:?}"),
    }
}

/// Returns the names of an answer's members, sorted.
fn members(answer: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_rest_apis_event_is_refused_in_a_form_that_a_rest_api_passes_on() {
    let (_dynamo, mut process) = start(SYNC, &[]).await;
    for (name, what) in [
        ("rest-api", "an API Gateway REST API event (payload format 1.0)"),
        ("http-api-1.0", "an API Gateway REST API event (payload format 1.0)"),
        ("websocket", "an API Gateway WebSocket API event"),
    ] {
        let (answer, problem) = refused(&mut process, &other(name)).await;
        let expected = ["body", "headers", "isBase64Encoded", "multiValueHeaders", "statusCode"];
        assert_eq!(members(&answer), expected, "{name}");
        assert_eq!(
            (&answer["statusCode"], &answer["isBase64Encoded"]),
            (&json!(400), &json!(false))
        );
        assert_eq!(answer["headers"]["content-type"], "application/problem+json", "{name}");
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&json!(400), &json!("malformed"))
        );
        assert_eq!(problem["detail"], format!("{what}{NEEDED}"));
    }
}

#[tokio::test]
async fn a_load_balancers_event_is_refused_in_a_form_that_a_load_balancer_passes_on() {
    let (_dynamo, mut process) = start(SYNC, &[]).await;
    for (name, what, content_type) in [
        ("alb", "an Application Load Balancer's event", "/headers/content-type"),
        (
            "alb-multi-value",
            "an Application Load Balancer's event",
            "/multiValueHeaders/content-type/0",
        ),
        ("vpc-lattice", "a VPC Lattice event", "/headers/content-type"),
    ] {
        let (answer, problem) = refused(&mut process, &other(name)).await;
        assert_eq!(answer["statusCode"], 400, "{name}");
        assert_eq!(answer["statusDescription"], "400 Bad Request", "{name}");
        assert_eq!(
            answer.pointer(content_type),
            Some(&json!("application/problem+json")),
            "{name}: {answer}"
        );
        assert_eq!(problem["detail"], format!("{what}{NEEDED}"), "{name}");
    }
}

#[tokio::test]
async fn an_event_that_is_not_a_request_fails_the_invocation_with_a_clear_error() {
    let (_dynamo, mut process) = start(SYNC, &[]).await;
    for (event, what) in [
        (other("scheduled"), "an EventBridge event of aws.events"),
        (other("sqs"), "an event of aws:sqs"),
        ("{}".to_owned(), "a payload that is no event"),
        ("null".to_owned(), "a payload that is no event"),
        ("[]".to_owned(), "a payload that is no event"),
        ("[null,{},{\"elb\":1}]".to_owned(), "a payload that is no event"),
        ("42".to_owned(), "a payload that is no event"),
        ("\"v2-sync\"".to_owned(), "a payload that is no event"),
        (
            r#"{"source":"aws secret","Records":7}"#.to_owned(),
            "a payload that is no event",
        ),
        (String::new(), "a payload that is not JSON"),
        ("{".to_owned(), "a payload that is not JSON"),
        ("secret".to_owned(), "a payload that is not JSON"),
    ] {
        match process.invoke(&event).await {
            Told::Failed(error) => {
                assert_eq!(error["errorType"], "UnexpectedEvent", "{event}");
                assert_eq!(error["errorMessage"], format!("{what}{NEEDED}"), "{event}");
            }
            told => panic!("{event}: {told:?}"),
        }
    }
}

#[tokio::test]
async fn a_broken_http_api_event_is_refused_and_the_function_keeps_running() {
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
        let (answer, problem) = refused(&mut process, &event).await;
        assert_eq!(answer["statusCode"], 400, "{event}");
        assert!(
            problem["detail"].as_str().unwrap_or_default().ends_with(NEEDED),
            "{problem}"
        );
    }
    let mut not_base64: Value = serde_json::from_str(&event("v2-sync")).unwrap();
    not_base64["isBase64Encoded"] = json!(true);
    let (answer, problem) = refused(&mut process, &not_base64.to_string()).await;
    assert_eq!(answer["statusCode"], 400);
    assert_eq!(problem["detail"], "the body is not the base64 it is marked as");
    let (answer, _) = refused(&mut process, &event("v2-sync")).await;
    assert_eq!(answer["statusCode"], 404);
}

#[tokio::test]
async fn a_refused_event_is_logged_once_and_without_its_contents() {
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
            (&event["status"], &event["Code"]),
            (&json!(400), &json!("malformed")),
            "{log}"
        );
        assert!(event["cause"].as_str().unwrap_or_default().ends_with(NEEDED), "{log}");
    }
    assert!(!log.contains("secret"), "{log}");
}
