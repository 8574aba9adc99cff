//! Errors as `application/problem+json` (RFC 9457).

use coinolio_core::error::OperationError;
use coinolio_core::{Code, Error};
use serde::Serialize;

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document: `{"type", "title", "status", "detail", "code"}`, and `errors` if operations are at fault.
///
/// It never contains the error's cause.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Problem<'e> {
    /// The kind of problem as a URI reference: `/problems/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words. It is the same for every occurrence.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The problem of this request. v1 clients read this member too.
    pub detail: &'e str,
    /// The stable code (`docs/PROTOCOL.md`, "Errors").
    pub code: &'static str,
    /// The operations at fault; absent if there are none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub errors: &'e [OperationError],
}

impl<'e> From<&'e Error> for Problem<'e> {
    fn from(error: &'e Error) -> Self {
        Self {
            kind: format!("/problems/{}", error.code),
            title: title(error.code),
            status: error.code.status(),
            detail: &error.detail,
            code: error.code.as_str(),
            errors: &error.operations,
        }
    }
}

/// Returns true if the same request may succeed soon. The answer then has a `Retry-After`.
pub const fn is_transient(code: Code) -> bool {
    matches!(code, Code::Busy | Code::Unavailable)
}

const fn title(code: Code) -> &'static str {
    match code {
        Code::Malformed => "The request is malformed",
        Code::Unauthenticated => "No verified identity",
        Code::NotFound => "Not found",
        Code::MethodNotAllowed => "Method not allowed",
        Code::Busy => "Other devices are writing",
        Code::BaseUnknown => "The base version is unknown",
        Code::WipeRefused => "The upload would empty the portfolio",
        Code::AlreadyExists => "The portfolio exists already",
        Code::BaseExpired => "The base version has expired",
        Code::Deleted => "The portfolio was deleted",
        Code::PreconditionFailed => "The portfolio has another version",
        Code::TooLarge => "Too large",
        Code::UnsupportedEncoding => "Unsupported content encoding",
        Code::Invalid => "The request is refused",
        Code::ClientTooOld => "The app is too old",
        Code::Unavailable => "Temporarily unavailable",
        Code::Internal => "Internal error",
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;
    use coinolio_core::error::OperationError;
    use coinolio_core::{Code, Error};
    use std::collections::HashSet;

    #[test]
    fn a_problem_never_contains_the_cause() {
        let error = Error::new(Code::Unavailable, "try again").because("table coinolio is throttled");
        let json = serde_json::to_value(Problem::from(&error)).unwrap();
        let expected = serde_json::json!({
            "type": "/problems/unavailable", "title": "Temporarily unavailable", "status": 503,
            "detail": "try again", "code": "unavailable",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_problem_lists_the_operations_at_fault() {
        let path = coinolio_core::json::read(br#"{"path":["a"]}"#).unwrap();
        let faults = vec![
            OperationError::new(2, "no value").of(&path),
            OperationError {
                portfolio: Some(1),
                ..OperationError::new(0, "no path")
            },
        ];
        let error = Error::of_operations(Code::Malformed, faults);
        let json = serde_json::to_value(Problem::from(&error)).unwrap();
        let expected = serde_json::json!([
            {"operation": 2, "path": ["a"], "detail": "no value"},
            {"portfolio": 1, "operation": 0, "detail": "no path"},
        ]);
        assert_eq!(json["errors"], expected);
    }

    #[test]
    fn every_code_has_a_distinct_type_and_title() {
        let kinds: HashSet<_> = Code::ALL
            .iter()
            .map(|code| Problem::from(&Error::new(*code, "")).kind)
            .collect();
        let titles: HashSet<_> = Code::ALL.iter().map(|code| super::title(*code)).collect();
        assert_eq!((kinds.len(), titles.len()), (Code::ALL.len(), Code::ALL.len()));
    }
}
