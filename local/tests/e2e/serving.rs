use crate::program::{Server, paste, run};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

#[tokio::test]
async fn the_printed_commands_work_twice_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let server = Server::start(&["--data", data]);
    let pasted = |server: &Server| server.curls.iter().map(|line| paste(line)).collect::<Vec<_>>();
    assert_eq!(pasted(&server), [201, 200, 200]);
    let head = server.get("/api/v2/portfolios/demo").await;
    assert!(head.1.contains(r#""amount":"2.0""#), "{head:?}");
    assert_eq!(pasted(&server), [409, 200, 200]);
    assert_eq!(server.get("/api/v2/portfolios/demo").await, head);
    server.stop();

    let server = Server::start(&["--data", data]);
    assert_eq!(server.get("/api/v2/portfolios/demo").await, head);
    assert_eq!(pasted(&server), [409, 200, 200]);
    assert_eq!(server.get("/api/v2/portfolios/demo").await, head);
    server.stop();
}

#[test]
fn the_readme_shows_the_printed_commands() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let shown: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("    curl "))
        // README's other curl commands are for functions under cargo-lambda or SAM.
        .filter(|line| line.contains("http://127.0.0.1:3000"))
        .collect();
    let server = Server::start(&["--memory"]);
    let quoted = format!("'Authorization: Bearer {}'", server.token);
    let printed = server.curls.iter().map(|line| {
        let line = line.replace(&quoted, r#""Authorization: Bearer $TOKEN""#);
        line.replace(&server.api, "http://127.0.0.1:3000")
    });
    assert_eq!(
        shown.iter().map(|line| format!("curl {line}")).collect::<Vec<_>>(),
        printed.collect::<Vec<_>>()
    );
    server.stop();
}

#[tokio::test]
async fn data_in_memory_ends_with_the_server() {
    let server = Server::start(&["--memory"]);
    assert_eq!(paste(&server.curls[0]), 201);
    server.stop();
    let server = Server::start(&["--memory"]);
    assert_eq!(server.get("/api/v2/portfolios/demo").await.0, 404);
    server.stop();
}

#[tokio::test]
async fn the_health_check_is_200_without_a_token() {
    let server = Server::start(&["--memory"]);
    let response = reqwest::get(format!("{}/health", server.api)).await.unwrap();
    assert_eq!(response.status(), 200);
    server.stop();
}

#[tokio::test]
async fn the_dynamodb_endpoint_shows_items_that_the_api_wrote() {
    let server = Server::start(&["--memory"]);
    assert_eq!(paste(&server.curls[0]), 201);
    let client = coinolio_aws::config::emulator_client(&server.dynamodb);
    let items = client
        .scan()
        .table_name(coinolio_local::server::TABLE)
        .send()
        .await
        .unwrap()
        .items
        .unwrap();
    let key = |item: &std::collections::HashMap<_, _>, name: &str| -> String {
        let value: &aws_sdk_dynamodb::types::AttributeValue = &item[name];
        value.as_s().unwrap().clone()
    };
    let mut keys: Vec<_> = items.iter().map(|item| (key(item, "pk"), key(item, "sk"))).collect();
    keys.sort();
    assert!(
        keys.contains(&("USER#demo".into(), "PORTFOLIO#demo".into())),
        "{keys:?}"
    );
    server.stop();
}

#[test]
fn the_token_command_prints_only_a_token_and_every_server_accepts_it() {
    let output = run(&["token", "ann"]);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.lines().count(), 1);
    let token = printed.trim_end();

    let folder = tempfile::tempdir().unwrap();
    for args in [&["--memory"][..], &["--data", folder.path().to_str().unwrap()]] {
        let server = Server::start(args);
        let line = format!(
            "curl -sS -H 'Authorization: Bearer {token}' {}/api/v1/portfolios",
            server.api
        );
        assert_eq!(paste(&line), 200);
        server.stop();
    }
}

#[test]
fn the_json_log_has_one_object_per_invocation_and_nothing_else() {
    let server = Server::start(&["--memory", "--log", "json"]);
    for line in &server.curls {
        paste(line);
    }
    // This request fails a condition. The embedded store warns about it, but the log leaves such warnings out.
    assert_eq!(paste(&server.curls[0]), 409);
    let lines = server.stop();
    let invocations: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        invocations.iter().all(|event| event["message"] == "invocation"),
        "{lines:?}"
    );
    assert_eq!(invocations.len(), 4, "{lines:?}");
    for member in [
        "OptimisticRetries",
        "DynamoDbRequests",
        "ReadUnits",
        "WriteUnits",
        "duration_ms",
    ] {
        assert!(
            invocations.iter().all(|event| event[member].is_number()),
            "{member}: {lines:?}"
        );
    }
    assert_eq!(invocations[1]["Outcome"], "accepted");
    assert_eq!(invocations[1]["Conflicts"], 0);
    assert!(!lines.concat().contains("btc"), "a log event contains portfolio data");
}

#[test]
fn ctrl_c_stops_the_server() {
    let mut server = Server::start(&["--memory"]);
    server.program.signal("INT");
    assert_eq!(server.program.wait().code(), Some(0));
}

/// Sends the head of a request but not yet its body, and returns once the request is running.
fn half_a_request(server: &Server) -> TcpStream {
    let address = server.api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /api/v1/portfolios HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 26\r\nExpect: 100-continue\r\n\r\n",
        server.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The server asks for the body, so the request is running.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[test]
fn a_running_request_is_answered_after_the_signal() {
    let mut server = Server::start(&["--memory"]);
    let mut stream = half_a_request(&server);
    server.program.signal("TERM");
    std::thread::sleep(std::time::Duration::from_millis(300));
    stream.write_all(br#"{"name":"late","data":{} }"#).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(server.program.wait().code(), Some(0));
}

#[test]
fn a_request_that_never_ends_does_not_keep_the_server_running() {
    let mut server = Server::start(&["--memory"]);
    let stream = half_a_request(&server);
    server.program.signal("TERM");
    assert_eq!(server.program.wait().code(), Some(0));
    drop(stream);
}
