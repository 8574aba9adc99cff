//! An HTTP answer, wherever it came from.

use flate2::read::GzDecoder;
use lambda_http::http::HeaderMap;
use serde_json::Value;
use std::io::{self, Read};

/// What a function answered, its body decompressed.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
}

impl Answered {
    /// The answer with `body` as it came, compressed or not.
    ///
    /// # Errors
    /// Where the body is not what `content-encoding` says, or no UTF-8.
    pub fn new(status: u16, headers: HeaderMap, mut body: &[u8]) -> io::Result<Self> {
        let mut text = String::new();
        if headers.contains_key("content-encoding") {
            GzDecoder::new(body).read_to_string(&mut text)?;
        } else {
            body.read_to_string(&mut text)?;
        }
        Ok(Self { status, headers, text })
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}
