//! The examples of a document in Markdown: requests with the answers that they get.
//!
//! An example is a fenced block of the language `http`. It holds a request and, after a line `HTTP <status>`, the
//! answer; each has headers, an empty line and a body, all optional:
//!
//! ````text
//! ```http
//! POST /api/v2/portfolios/main/sync
//! Authorization: Bearer ann
//!
//! {"device_id": "phone"}
//!
//! HTTP 400
//!
//! {"code": "malformed", "detail": "…"}
//! ```
//! ````
//!
//! The answer must have at least the members of the example. `"…"` stands for any value, and at the end of a list for
//! any further elements. A time in an answer stands for the time that the service really answers with: the same text
//! means that time wherever it occurs afterwards, in requests too.

use crate::service::Call;
use lambda_http::http::Method;
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Stands for anything in an expected answer.
const ANYTHING: &str = "…";

/// The user of a request without a bearer token.
const USER: &str = "ann";

static TIME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z").unwrap());

/// A fenced block of a document.
#[derive(Clone, Debug)]
pub struct Block {
    /// The line of its first fence, from 1.
    pub line: usize,
    /// Its language.
    pub language: String,
    /// Its text.
    pub text: String,
}

/// Returns the fenced blocks of `markdown`, in order.
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in markdown.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block {
                    line: index + 1,
                    language: language.trim().to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    blocks
}

/// A request and the answer that it must get.
#[derive(Clone, Debug)]
pub struct Example {
    method: Method,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    status: u16,
    answer_headers: Vec<(String, String)>,
    answer: Option<Value>,
}

/// A part of a message: its headers and its body.
fn headers_and_body(lines: &[&str]) -> Result<(Vec<(String, String)>, Option<String>), String> {
    let end = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
    let header = |line: &&str| {
        let (name, value) = line.split_once(": ").ok_or_else(|| format!("no header: {line}"))?;
        Ok((name.to_lowercase(), value.to_owned()))
    };
    let headers = lines[..end].iter().map(header).collect::<Result<_, String>>()?;
    let body = lines[end..].join("\n").trim().to_owned();
    Ok((headers, Some(body).filter(|body| !body.is_empty())))
}

impl Example {
    /// Reads the text of a block.
    ///
    /// # Errors
    /// If it is not an example.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().collect();
        let is_status = |line: &&str| line.starts_with("HTTP ");
        let middle = lines.iter().position(is_status).ok_or("no line `HTTP <status>`")?;
        let (first, request) = lines[..middle].split_first().ok_or("no request")?;
        let (method, target) = first.split_once(' ').ok_or("no method and path in the first line")?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (headers, body) = headers_and_body(request)?;
        let (answer_headers, answer) = headers_and_body(&lines[middle + 1..])?;
        let status = lines[middle]["HTTP ".len()..].split(' ').next().unwrap_or_default();
        let json = |text: &String| serde_json::from_str(text).map_err(|e| format!("{e} in {text}"));
        if let Some(body) = &body {
            json(body)?;
        }
        Ok(Self {
            method: method.parse().map_err(|_| format!("no method: {method}"))?,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body,
            status: status.parse().map_err(|_| format!("no status: {status}"))?,
            answer_headers,
            answer: answer.as_ref().map(json).transpose()?,
        })
    }

    /// Returns the method and the path.
    pub fn request(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Returns the request as a call, with the `times` of earlier answers.
    pub fn call(&self, times: &Times) -> Call {
        let mut call = Call::of("v2-read")
            .to(self.method.clone(), &self.path)
            .query(&times.real(&self.query))
            .by(USER);
        for (name, value) in &self.headers {
            call = match (name.as_str(), value.strip_prefix("Bearer ")) {
                ("authorization", Some(user)) => call.by(user),
                _ => call.header(name, value),
            };
        }
        match &self.body {
            Some(body) => call.text(times.real(body)),
            None => call,
        }
    }

    /// Compares an answer with the expected one, and remembers its times.
    ///
    /// # Errors
    /// Describes the first difference.
    pub fn check(
        &self,
        status: u16,
        header: impl Fn(&str) -> Option<String>,
        text: &str,
        times: &mut Times,
    ) -> Result<(), String> {
        if status != self.status {
            return Err(format!("the status is {status}: {text}"));
        }
        for (name, value) in &self.answer_headers {
            if header(name).as_ref() != Some(value) {
                return Err(format!("the header {name} is {:?}, not {value:?}", header(name)));
            }
        }
        let Some(expected) = &self.answer else {
            return Ok(());
        };
        let found: Value = serde_json::from_str(text).map_err(|e| format!("{e}: {text}"))?;
        times
            .compare("", expected, &found)
            .map_err(|fault| format!("{fault} in {found}"))
    }
}

/// The times of answers: the text of the document, and the time that the service really answered with.
#[derive(Clone, Debug, Default)]
pub struct Times(HashMap<String, String>);

impl Times {
    /// Returns `text` with the real times in place of the document's.
    fn real(&self, text: &str) -> String {
        let replaced = TIME.replace_all(text, |found: &regex::Captures<'_>| {
            self.0.get(&found[0]).map_or_else(|| found[0].to_owned(), Clone::clone)
        });
        replaced.into_owned()
    }

    fn compare(&mut self, place: &str, expected: &Value, found: &Value) -> Result<(), String> {
        match (expected, found) {
            (Value::String(anything), _) if anything == ANYTHING => Ok(()),
            (Value::Object(expected), Value::Object(found)) => self.compare_members(place, expected, found),
            (Value::Array(expected), Value::Array(found)) => {
                let (expected, is_open) = match expected.split_last() {
                    Some((Value::String(last), rest)) if last == ANYTHING => (rest, true),
                    _ => (expected.as_slice(), false),
                };
                if found.len() < expected.len() || (found.len() > expected.len() && !is_open) {
                    return Err(format!("{place} has {} elements, not {}", found.len(), expected.len()));
                }
                for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                    self.compare(&format!("{place}/{index}"), expected, found)?;
                }
                Ok(())
            }
            (Value::String(expected), Value::String(found)) if is_time(expected) && is_time(found) => {
                let known = self.0.entry(expected.clone()).or_insert_with(|| found.clone());
                if known == found {
                    Ok(())
                } else {
                    Err(format!("{place} is {found}, but {expected} was {known} before"))
                }
            }
            _ if expected == found => Ok(()),
            _ => Err(format!("{place} is {found}, not {expected}")),
        }
    }

    fn compare_members(
        &mut self,
        place: &str,
        expected: &Map<String, Value>,
        found: &Map<String, Value>,
    ) -> Result<(), String> {
        for (name, expected) in expected.iter().filter(|(name, _)| *name != ANYTHING) {
            let member = found.get(name).ok_or_else(|| format!("{place} has no member {name}"))?;
            self.compare(&format!("{place}/{name}"), expected, member)?;
        }
        Ok(())
    }
}

fn is_time(text: &str) -> bool {
    TIME.find(text).is_some_and(|found| found.len() == text.len())
}
