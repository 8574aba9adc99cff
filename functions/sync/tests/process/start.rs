//! The environment that the function needs to start.

use crate::SYNC;
use coinolio_tests::dynamodb::{Dynamo, TABLE};
use coinolio_tests::lambda::{Ended, Process, Told};
use coinolio_tests::starting::{assert_starts, event, refusal};
use coinolio_tests::tls::Tls;

#[tokio::test]
async fn the_function_starts_only_with_the_right_environment() {
    assert_starts(SYNC, &event("v2-sync"), 404).await;
}

#[tokio::test]
async fn a_wrong_variable_stops_the_start_with_one_line_that_names_it() {
    for (name, value) in [
        ("TABLE_NAME", "not a table"),
        ("AWS_REGION", "not/a/region"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "not a url"),
        ("AWS_ENDPOINT_URL", "localhost:8000"),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_CA_BUNDLE", "/nonexistent"),
        ("AWS_CA_BUNDLE", "Cargo.toml"),
        ("METRICS_NAMESPACE", "AWS/Lambda"),
        ("METRICS_DIMENSIONS", "Stage"),
        ("AWS_LAMBDA_RUNTIME_API", ""),
        ("AWS_LAMBDA_FUNCTION_NAME", ""),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much"),
    ] {
        let mut environment = vec![
            ("TABLE_NAME", TABLE),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
        ];
        environment.push((name, value));
        let line = refusal(SYNC, &environment).await;
        let expected = format!("error: the environment variable {name} ");
        assert!(line.starts_with(&expected), "{name}={value}: {line}");
    }
}

#[tokio::test]
async fn the_function_starts_although_dynamodb_is_unreachable() {
    // The port is free again, so nothing listens on it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let environment = [("TABLE_NAME", TABLE), ("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)];
    let mut process = Process::start(SYNC, &environment).await;
    match process.invoke(&event("v2-sync")).await {
        Told::Answered(answer) => assert_eq!(answer["statusCode"], 503, "{answer}"),
        told => panic!("{told:?}"),
    }
    let Ended { stdout, .. } = process.stop().await;
    let start = stdout.lines().next().unwrap_or_default();
    // The attempts end after three refusals, or earlier if the time is up: the SDK's pauses are random.
    assert!(
        start.contains("\"WARN\"") && start.contains("no connection to DynamoDB"),
        "{stdout}"
    );
}

#[tokio::test]
async fn an_https_dynamodb_is_trusted_only_with_the_roots_of_the_bundle() {
    let dynamo = Dynamo::start().await;
    let tls = Tls::before(&dynamo.endpoint).await;
    for (bundle, status, warned) in [(tls.bundle(), 404, false), ("", 503, true)] {
        let environment = [
            ("TABLE_NAME", TABLE),
            ("AWS_ENDPOINT_URL_DYNAMODB", &tls.endpoint),
            ("AWS_CA_BUNDLE", bundle),
        ];
        let mut process = Process::start(SYNC, &environment).await;
        match process.invoke(&event("v2-sync")).await {
            Told::Answered(answer) => assert_eq!(answer["statusCode"], status, "{answer}"),
            told => panic!("{told:?}"),
        }
        let Ended { stdout, .. } = process.stop().await;
        assert_eq!(stdout.contains("no connection to DynamoDB"), warned, "{stdout}");
    }
}
