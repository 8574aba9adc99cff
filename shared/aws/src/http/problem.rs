//! Errors as `application/problem+json` (RFC 9457).

use coinolio_core::{Code, Error};
use serde::Serialize;

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document: `{"type", "title", "status", "detail", "code"}`.
///
/// It never holds an error's cause.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Problem<'e> {
    /// A URI reference that names the kind of problem: `/problems/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem, the same words for every occurrence.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request; v1 clients read it too.
    pub detail: &'e str,
    /// The stable code (design section 5).
    pub code: &'static str,
}

impl<'e> From<&'e Error> for Problem<'e> {
    fn from(error: &'e Error) -> Self {
        Self {
            kind: format!("/problems/{}", error.code),
            title: title(error.code),
            status: error.code.status(),
            detail: &error.detail,
            code: error.code.as_str(),
        }
    }
}

/// True where the same request may succeed soon, so that the answer carries `Retry-After`.
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
        Code::BaseExpired => "The base version is no longer kept",
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
    use coinolio_core::{Code, Error};
    use std::collections::HashSet;

    #[test]
    fn a_problem_never_holds_the_cause() {
        let error = Error::new(Code::Unavailable, "try again").because("table coinolio is throttled");
        let json = serde_json::to_value(Problem::from(&error)).unwrap();
        let expected = serde_json::json!({
            "type": "/problems/unavailable", "title": "Temporarily unavailable", "status": 503,
            "detail": "try again", "code": "unavailable",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn every_code_has_a_type_and_a_title_of_its_own() {
        let kinds: HashSet<_> = Code::ALL
            .iter()
            .map(|code| Problem::from(&Error::new(*code, "")).kind)
            .collect();
        let titles: HashSet<_> = Code::ALL.iter().map(|code| super::title(*code)).collect();
        assert_eq!((kinds.len(), titles.len()), (Code::ALL.len(), Code::ALL.len()));
    }
}
