//! Why a request is refused: one stable code for each row of design section 5's table.

use std::fmt;

/// A stable error code, the `code` member of a problem document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Not JSON, wrong types, a bad id or a bad query.
    Malformed,
    /// No identity in the event.
    Unauthenticated,
    /// No such portfolio, or no such route, for this user.
    NotFound,
    /// A known route with another method.
    MethodNotAllowed,
    /// Other writers won every race for the head; the same request may be sent again.
    Busy,
    /// The log never had the base version.
    BaseUnknown,
    /// The upload would empty the document (design section 5, v1).
    WipeRefused,
    /// The id of a portfolio to create is taken.
    AlreadyExists,
    /// Retention has removed the base version.
    BaseExpired,
    /// The portfolio was deleted.
    Deleted,
    /// `If-Match` names another version than the head's.
    PreconditionFailed,
    /// Body, patch or document over its limit.
    TooLarge,
    /// A `Content-Encoding` other than gzip or identity.
    UnsupportedEncoding,
    /// Well-formed but refused: depth, number precision, form of a patch, `sync_id` reused, version jump.
    Invalid,
    /// Below the minimum protocol version.
    ClientTooOld,
    /// The store is throttled or down after retries.
    Unavailable,
    /// A defect of the service itself.
    Internal,
}

impl Code {
    /// Every code, for tables and tests.
    pub const ALL: [Self; 17] = [
        Self::Malformed,
        Self::Unauthenticated,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Busy,
        Self::BaseUnknown,
        Self::WipeRefused,
        Self::AlreadyExists,
        Self::BaseExpired,
        Self::Deleted,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UnsupportedEncoding,
        Self::Invalid,
        Self::ClientTooOld,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The code as it stands in a problem document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Busy => "busy",
            Self::BaseUnknown => "base_unknown",
            Self::WipeRefused => "wipe_refused",
            Self::AlreadyExists => "already_exists",
            Self::BaseExpired => "base_expired",
            Self::Deleted => "deleted",
            Self::PreconditionFailed => "precondition_failed",
            Self::TooLarge => "too_large",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::Invalid => "invalid",
            Self::ClientTooOld => "client_too_old",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status of the code (design section 5).
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Busy | Self::BaseUnknown | Self::WipeRefused | Self::AlreadyExists => 409,
            Self::BaseExpired | Self::Deleted => 410,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UnsupportedEncoding => 415,
            Self::Invalid => 422,
            Self::ClientTooOld => 426,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: its code, and one sentence for the client's developer.
///
/// `detail` may name members, paths and limits of the request, but never holds a document's values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Error {
    /// What kind of refusal.
    pub code: Code,
    /// What is wrong and, where it helps, what to do about it: for the client.
    pub detail: String,
    /// What happened inside, for the operator's log only: never sent to a client, never a document's values.
    pub cause: Option<String>,
}

impl Error {
    /// A refusal with `code`, explained by `detail`.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            cause: None,
        }
    }

    /// The same refusal with `cause` for the operator's log.
    #[must_use]
    pub fn because(self, cause: impl fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..self
        }
    }

    /// [`Code::Malformed`]: the request has the wrong shape.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Code::Malformed, detail)
    }

    /// [`Code::Invalid`]: the request is well-formed but refused.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Error};

    #[test]
    fn every_code_has_the_name_and_the_status_that_the_contract_gives_it() {
        let table = [
            (Code::Malformed, "malformed", 400),
            (Code::Unauthenticated, "unauthenticated", 401),
            (Code::NotFound, "not_found", 404),
            (Code::MethodNotAllowed, "method_not_allowed", 405),
            (Code::Busy, "busy", 409),
            (Code::BaseUnknown, "base_unknown", 409),
            (Code::WipeRefused, "wipe_refused", 409),
            (Code::AlreadyExists, "already_exists", 409),
            (Code::BaseExpired, "base_expired", 410),
            (Code::Deleted, "deleted", 410),
            (Code::PreconditionFailed, "precondition_failed", 412),
            (Code::TooLarge, "too_large", 413),
            (Code::UnsupportedEncoding, "unsupported_encoding", 415),
            (Code::Invalid, "invalid", 422),
            (Code::ClientTooOld, "client_too_old", 426),
            (Code::Unavailable, "unavailable", 503),
            (Code::Internal, "internal", 500),
        ];
        assert_eq!(table.map(|(code, ..)| code), Code::ALL);
        for (code, name, status) in table {
            assert_eq!((code.as_str(), code.status()), (name, status));
            assert_eq!(code.to_string(), name);
        }
    }

    #[test]
    fn a_refusal_keeps_its_cause_for_the_log_and_out_of_its_text() {
        let refusal = Error::new(Code::Unavailable, "try again").because("throttled");
        assert_eq!(refusal.cause.as_deref(), Some("throttled"));
        assert_eq!(refusal.to_string(), "unavailable: try again");
    }
}
