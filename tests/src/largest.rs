//! The largest document end to end: sends it to a function's process and checks the memory that the process uses.

use crate::lambda::{Process, Told};
use crate::portfolio::Portfolio;
use crate::starting::event;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coinolio_core::sync::MAX_DOCUMENT_BYTES;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::io::{Read, Write};

/// The memory that a function may use: the 256 MB of `template.yaml`, less 32 MB for Lambda's own processes.
const MOST_MEMORY: u64 = (256 - 32) * 1024 * 1024;

/// Generates a portfolio whose document has the largest allowed size, less room for an edit or two.
pub fn portfolio() -> Portfolio {
    let most = usize::try_from(MAX_DOCUMENT_BYTES).unwrap();
    let portfolio = Portfolio::of_bytes(most - 8 * 1024);
    assert!(portfolio.document().to_string().len() < most - 4 * 1024);
    portfolio
}

/// Returns the event `events/<name>.json` with `body`, compressed because a client must compress one of this size.
pub fn event_with(name: &str, body: &Value) -> String {
    let mut event: Value = serde_json::from_str(&event(name)).unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body.to_string().as_bytes()).unwrap();
    event["headers"]["content-encoding"] = "gzip".into();
    event["body"] = STANDARD.encode(encoder.finish().unwrap()).into();
    event["isBase64Encoded"] = true.into();
    event.to_string()
}

/// Sends `event` to the function and returns the body of its answer. Asserts the answer's status, and that the
/// function has stayed within its memory.
pub async fn answer(process: &mut Process, what: &str, event: &str, status: u16) -> Value {
    let told = process.invoke(event).await;
    let Told::Answered(answer) = told else {
        panic!("{what}: {told:?}")
    };
    let body = answer["body"].as_str().unwrap_or_default();
    assert_eq!(answer["statusCode"], status, "{what}: {}", &body[..body.len().min(500)]);
    let peak = process.peak_memory();
    #[expect(clippy::print_stdout, reason = "shows the peak with --nocapture")]
    {
        println!("{what}: at most {} MB so far", peak >> 20);
    }
    assert!(peak <= MOST_MEMORY, "{what}: the function used {} MB", peak >> 20);
    let mut text = String::new();
    if answer["isBase64Encoded"] == true {
        let packed = STANDARD.decode(body).unwrap();
        GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    } else {
        body.clone_into(&mut text);
    }
    serde_json::from_str(&text).unwrap()
}
