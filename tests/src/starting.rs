//! What holds for the start of every function: its own binary as a process, with an environment.

use crate::dynamodb::{Dynamo, TABLE};
use crate::lambda::{Ended, Process, Told};
use std::path::Path;

/// Starts `binary` with `environment`, where it must not come up: exit status 1, nothing on standard output and one
/// line on standard error. Returns that line.
pub async fn refusal(binary: &str, environment: &[(&str, &str)]) -> String {
    let Ended { status, stdout, stderr } = Process::start(binary, environment).await.ended().await;
    assert_eq!(status.code(), Some(1), "{environment:?}: {stderr}");
    assert_eq!(stdout, "", "{environment:?}");
    let lines: Vec<_> = stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{environment:?}: {stderr}");
    lines.concat()
}

/// The event `events/<name>.json` as text.
pub fn event(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../events/{name}.json"));
    std::fs::read_to_string(path).unwrap()
}

/// The same event as no authorizer has seen it: what cargo-lambda and `sam local` send.
pub fn event_without_claims(name: &str) -> String {
    let mut event: serde_json::Value = serde_json::from_str(&event(name)).unwrap();
    let context = event["requestContext"].as_object_mut().unwrap();
    assert!(context.remove("authorizer").is_some());
    event.to_string()
}

/// Starts `binary` on a table of its own and with `environment`.
pub async fn start(binary: &str, environment: &[(&str, &str)]) -> (Dynamo, Process) {
    let dynamo = Dynamo::start().await;
    let mut variables = vec![("TABLE_NAME", TABLE), ("AWS_ENDPOINT_URL_DYNAMODB", &dynamo.endpoint)];
    variables.extend(environment);
    let process = Process::start(binary, &variables).await;
    (dynamo, process)
}

/// Asserts that `binary` names the variables that keep it from starting, and that it answers `event` with
/// `status` once they are right.
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
