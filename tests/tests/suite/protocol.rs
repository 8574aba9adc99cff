//! The examples of `docs/PROTOCOL.md` are sent to the service and get the answers that the document shows.

use coinolio_tests::examples::{Block, Example, Times, blocks};
use coinolio_tests::service::Service;
use serde_json::Value;
use std::path::Path;

fn document(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    std::fs::read_to_string(path).unwrap()
}

/// Returns the blocks of the protocol's document that are written in `language`.
fn blocks_in(language: &str) -> Vec<Block> {
    let mut blocks = blocks(&document("docs/PROTOCOL.md"));
    blocks.retain(|block| block.language == language);
    blocks
}

/// The examples tell one story, so they are sent to one service, in order. All differences are reported at once.
#[tokio::test]
async fn every_example_of_the_protocol_gets_the_answer_that_it_shows() {
    let service = Service::start().await;
    let mut times = Times::default();
    let mut faults = Vec::new();
    let examples = blocks_in("http");
    for block in &examples {
        let at = |fault: String| format!("docs/PROTOCOL.md:{}: {fault}", block.line);
        let example = match Example::parse(&block.text) {
            Ok(example) => example,
            Err(fault) => {
                faults.push(at(fault));
                continue;
            }
        };
        let answered = service.call(example.call(&times)).await;
        let header = |name: &str| answered.header(name).map(str::to_owned);
        if let Err(fault) = example.check(answered.status, header, &answered.text, &mut times) {
            faults.push(at(format!("{}: {fault}", example.request())));
        }
    }
    assert!(examples.len() > 20, "{} examples", examples.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_json_block_of_the_protocol_is_json() {
    for block in blocks_in("json") {
        let parsed = serde_json::from_str::<Value>(&block.text);
        assert!(parsed.is_ok(), "docs/PROTOCOL.md:{}: {parsed:?}", block.line);
    }
}

#[test]
fn an_example_that_gets_another_answer_is_found() {
    let example = |answer: &str| {
        Example::parse(&format!(
            "GET /api/v2/portfolios\n\nHTTP 200\nETag: \"1\"\n\n{answer}\n"
        ))
        .unwrap()
    };
    let check = |answer: &str, times: &mut Times| {
        let found = r#"{"version":1,"at":"2026-02-01T00:00:00.000Z","list":[1,2],"more":null}"#;
        example(answer).check(200, |_| Some("\"1\"".to_owned()), found, times)
    };
    let times = &mut Times::default();
    for same in [
        r#"{"version":1}"#,
        r#"{"at":"2026-01-31T12:00:05.412Z","list":[1,"…"]}"#,
        r#"{"at":"2026-01-31T12:00:05.412Z","list":"…","…":"…"}"#,
    ] {
        assert_eq!(check(same, times), Ok(()), "{same}");
    }
    let other_time = r#"{"at":"2026-03-01T00:00:00.000Z","version":"2026-01-31T12:00:05.412Z"}"#;
    for different in [
        r#"{"version":2}"#,
        r#"{"list":[1]}"#,
        r#"{"list":[1,2,3]}"#,
        r#"{"none":null}"#,
        other_time,
    ] {
        assert!(check(different, times).is_err(), "{different}");
    }
    // The same text means the same time.
    let found = r#"{"at":"2026-02-01T00:00:01.000Z"}"#;
    let again = example(r#"{"at":"2026-01-31T12:00:05.412Z"}"#);
    assert!(again.check(200, |_| Some("\"1\"".to_owned()), found, times).is_err());
    assert!(again.check(200, |_| None, found, &mut Times::default()).is_err());
    assert!(
        again
            .check(201, |_| Some("\"1\"".to_owned()), found, &mut Times::default())
            .is_err()
    );
    for wrong in [
        "GET /x\n\n{}",
        "GET\n\nHTTP 200",
        "GET /x\n\n{\n\nHTTP 200",
        "GET /x\n\nHTTP abc",
        "HTTP 200",
    ] {
        assert!(Example::parse(wrong).is_err(), "{wrong}");
    }
}
