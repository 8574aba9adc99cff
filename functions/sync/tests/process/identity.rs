//! The caller's identity if no authorizer runs.

use crate::SYNC;
use coinolio_tests::dynamodb::{Dynamo, TABLE};
use coinolio_tests::lambda::{Process, Told};
use coinolio_tests::starting::{event, event_without_claims, refusal, start};
use serde_json::{Value, json};

/// The `sub` of the events in `events/`.
const CLAIMED: &str = "5f0c6a1e-8f0b-4c57-9d5e-2b7f0f6b7a11";

/// Turns the text of `events/v2-sync.json` into the first sync of a new portfolio.
fn creating(event: &str) -> String {
    let mut event: Value = serde_json::from_str(event).unwrap();
    let mut body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
    body["base_version"] = json!(0);
    event["body"] = json!(body.to_string());
    event.to_string()
}

async fn status(process: &mut Process, event: &str) -> Value {
    match process.invoke(event).await {
        Told::Answered(answer) => answer["statusCode"].clone(),
        told => panic!("{told:?}"),
    }
}

/// Returns the users who have items in the table.
async fn users(dynamo: &Dynamo) -> Vec<String> {
    let found = dynamo.client.scan().table_name(TABLE).send().await.unwrap();
    let mut users: Vec<_> = found
        .items()
        .iter()
        .map(|item| item["pk"].as_s().unwrap().split('#').nth(1).unwrap().to_owned())
        .collect();
    users.sort();
    users.dedup();
    users
}

#[tokio::test]
async fn the_development_user_is_the_caller_only_if_the_event_has_no_claims() {
    let (dynamo, mut process) = start(SYNC, &[("DEV_USER", "dev")]).await;
    assert_eq!(
        status(&mut process, &creating(&event_without_claims("v2-sync"))).await,
        200
    );
    assert_eq!(users(&dynamo).await, ["dev"]);
    assert_eq!(status(&mut process, &creating(&event("v2-sync"))).await, 200);
    assert_eq!(users(&dynamo).await, [CLAIMED, "dev"]);
}

#[tokio::test]
async fn a_request_without_claims_and_without_a_development_user_is_unauthenticated() {
    let (dynamo, mut process) = start(SYNC, &[]).await;
    assert_eq!(
        status(&mut process, &creating(&event_without_claims("v2-sync"))).await,
        401
    );
    assert_eq!(users(&dynamo).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_deployed_function_refuses_to_start_with_a_development_user() {
    let deployed = [
        ("DEV_USER", "dev"),
        ("TABLE_NAME", TABLE),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ];
    let line = refusal(SYNC, &deployed).await;
    assert!(
        line.starts_with("error: the environment variable DEV_USER is set without a local"),
        "{line}"
    );

    // In Lambda, DEV_USER stays refused even with a local endpoint, such as that of an extension.
    let mut with_an_endpoint = deployed.to_vec();
    with_an_endpoint.push(("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000"));
    with_an_endpoint.push(("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"));
    let line = refusal(SYNC, &with_an_endpoint).await;
    assert!(
        line.starts_with("error: the environment variable DEV_USER is set in Lambda"),
        "{line}"
    );
}

#[tokio::test]
async fn the_development_user_is_checked_like_any_other_user() {
    let line = refusal(
        SYNC,
        &[
            ("DEV_USER", "a#b"),
            ("TABLE_NAME", TABLE),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000"),
        ],
    )
    .await;
    assert!(
        line.starts_with("error: the environment variable DEV_USER cannot name a user"),
        "{line}"
    );
}
