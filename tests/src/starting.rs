//! Starts a function's binary as a process with a given environment, and checks the start of every function.

use crate::dynamodb::{Dynamo, TABLE};
use crate::lambda::{Ended, Process, Told};
use std::path::Path;

/// Starts `binary` with an `environment` in which it must not start, and returns its error message. Asserts exit
/// status 1, nothing on standard output and one line on standard error.
pub async fn refusal(binary: &str, environment: &[(&str, &str)]) -> String {
    let Ended { status, stdout, stderr } = Process::start(binary, environment).await.ended().await;
    assert_eq!(status.code(), Some(1), "{environment:?}: {stderr}");
    assert_eq!(stdout, "", "{environment:?}");
    let lines: Vec<_> = stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{environment:?}: {stderr}");
    lines.concat()
}

/// Returns the text of the event `events/<name>.json`.
pub fn event(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../events/{name}.json"));
    std::fs::read_to_string(path).unwrap()
}

/// Returns the same event without an authorizer's claims, as cargo-lambda and `sam local` send it.
pub fn event_without_claims(name: &str) -> String {
    let mut event: serde_json::Value = serde_json::from_str(&event(name)).unwrap();
    let context = event["requestContext"].as_object_mut().unwrap();
    assert!(context.remove("authorizer").is_some());
    event.to_string()
}

/// Starts `binary` with `environment`, on its own table.
pub async fn start(binary: &str, environment: &[(&str, &str)]) -> (Dynamo, Process) {
    let dynamo = Dynamo::start().await;
    let mut variables = vec![("TABLE_NAME", TABLE), ("AWS_ENDPOINT_URL_DYNAMODB", &dynamo.endpoint)];
    variables.extend(environment);
    let process = Process::start(binary, &variables).await;
    (dynamo, process)
}

/// Asserts that `binary` names each missing variable and does not start, and that it answers `event` with `status`
/// when all variables are set.
pub async fn assert_starts(binary: &str, event: &str, status: u16) {
    let line = refusal(binary, &[]).await;
    assert_eq!(line, "error: the environment variable TABLE_NAME is not set");
    let line = refusal(binary, &[("TABLE_NAME", TABLE)]).await;
    assert_eq!(line, "error: the environment variable AWS_REGION is not set");

    let (_dynamo, mut process) = start(binary, &[]).await;
    match process.invoke(event).await {
        Told::Answered(answer) => assert_eq!(answer["statusCode"], status, "{answer}"),
        told => panic!("{told:?}"),
    }
    let Ended { stdout, stderr, .. } = process.stop().await;
    assert_eq!(stderr, "");
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
}
