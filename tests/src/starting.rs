//! Starts a function's binary as a process. The process tests of all functions share these helpers.

use crate::dynamodb::{Dynamo, TABLE};
use crate::lambda::{Ended, Process, Told};
use std::path::Path;

/// Runs `binary` with an `environment` that it must refuse, and returns its error message. Asserts that the exit
/// status is 1, that standard output is empty, and that standard error is one line.
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

/// Returns the event `events/<name>.json` without the authorizer's claims, as cargo-lambda and `sam local` send it.
pub fn event_without_claims(name: &str) -> String {
    let mut event: serde_json::Value = serde_json::from_str(&event(name)).unwrap();
    let context = event["requestContext"].as_object_mut().unwrap();
    assert!(context.remove("authorizer").is_some());
    event.to_string()
}

/// Starts `binary` with `environment` and a new table.
pub async fn start(binary: &str, environment: &[(&str, &str)]) -> (Dynamo, Process) {
    let dynamo = Dynamo::start().await;
    let mut variables = vec![("TABLE_NAME", TABLE), ("AWS_ENDPOINT_URL_DYNAMODB", &dynamo.endpoint)];
    variables.extend(environment);
    let process = Process::start(binary, &variables).await;
    (dynamo, process)
}

/// Asserts that `binary` refuses to start and names a missing variable, and that it answers `event` with `status`
/// if all variables are set.
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
