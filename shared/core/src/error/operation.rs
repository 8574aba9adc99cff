//! Which operations of a request are at fault.

use crate::json::Value;
use serde::Serialize;

/// The most operations that one error reports. A request with more at fault reports the first ones.
pub const MAX_OPERATION_ERRORS: usize = 20;

/// The longest path that an error repeats, in bytes of JSON: a `{"value": …}` token contains a whole element.
const MAX_PATH_BYTES: usize = 1024;

/// An operation at fault: a client that takes it out can send the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperationError {
    /// The operation's portfolio: its position in `portfolios`, from 0. Present only if it refuses a whole batch,
    /// because the body cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portfolio: Option<usize>,
    /// The operation's position in `changes`, from 0.
    pub operation: usize,
    /// Its path as the request has it. Absent if it has no path, if the path is longer than 1 KB, or if the body cannot
    /// be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Value>,
    /// An explanation for the client's developer.
    pub detail: String,
}

impl OperationError {
    /// Reports the operation at position `operation`.
    pub fn new(operation: usize, detail: impl Into<String>) -> Self {
        Self {
            portfolio: None,
            operation,
            path: None,
            detail: detail.into(),
        }
    }

    /// Adds the `path` member of `sent`, the operation as the request has it.
    #[must_use]
    pub fn of(self, sent: &Value) -> Self {
        let path = sent.as_object().and_then(|members| members.get("path"));
        let short = path.filter(|path| matches!(path, Value::List(_)) && path.to_json().len() <= MAX_PATH_BYTES);
        Self {
            path: short.cloned(),
            ..self
        }
    }
}
