//! An HTTP answer of a handler, a function's process or a gateway.

use flate2::read::GzDecoder;
use lambda_http::http::HeaderMap;
use serde_json::Value;
use std::io::{self, Read};

/// An answer with its body decompressed.
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
    /// Builds an answer from the `body` as received. If there is a `content-encoding` header, decompresses the body
    /// with gzip.
    ///
    /// # Errors
    /// If the body cannot be decompressed or is not UTF-8.
    pub fn new(status: u16, headers: HeaderMap, mut body: &[u8]) -> io::Result<Self> {
        let mut text = String::new();
        if headers.contains_key("content-encoding") {
            GzDecoder::new(body).read_to_string(&mut text)?;
        } else {
            body.read_to_string(&mut text)?;
        }
        Ok(Self { status, headers, text })
    }

    /// Parses the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// Returns a header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}
