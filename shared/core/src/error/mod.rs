//! Why a request is refused. `docs/PROTOCOL.md` lists the codes.

mod operation;

pub use operation::{MAX_OPERATION_ERRORS, OperationError};

use crate::named_enum::named_enum;
use std::fmt;

named_enum! {
    /// A stable error code: the `code` member of a problem document.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Code {
        /// The body is not JSON, or a member, an id or the query is malformed.
        Malformed = "malformed",
        /// The event has no verified identity.
        Unauthenticated = "unauthenticated",
        /// This user has no such portfolio, or there is no such route.
        NotFound = "not_found",
        /// The route exists, but not with this method.
        MethodNotAllowed = "method_not_allowed",
        /// Other writers appended to the same parent first at every attempt. The same request may be sent again.
        Busy = "busy",
        /// The log never had the base version.
        BaseUnknown = "base_unknown",
        /// A sync would remove almost everything.
        WipeRefused = "wipe_refused",
        /// There already is a portfolio with this id.
        AlreadyExists = "already_exists",
        /// Retention has removed the base version.
        BaseExpired = "base_expired",
        /// The portfolio was deleted.
        Deleted = "deleted",
        /// `If-Match` names a version other than the head's.
        PreconditionFailed = "precondition_failed",
        /// The body, the patch or the document is over its limit.
        TooLarge = "too_large",
        /// The `Content-Encoding` is neither gzip nor identity.
        UnsupportedEncoding = "unsupported_encoding",
        /// Well-formed but refused: depth, range of a number, form of a patch, reused `sync_id`, version jump.
        Invalid = "invalid",
        /// The client's protocol version is below the minimum.
        ClientTooOld = "client_too_old",
        /// The store was throttled or unavailable at every attempt.
        Unavailable = "unavailable",
        /// A defect of the service.
        Internal = "internal",
    }
}

impl Code {
    /// Returns the HTTP status that goes with the code.
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

/// A refused request: a code, and an explanation for the client's developer.
///
/// The explanation may name members, paths and limits of the request, but never contains values of a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Error {
    /// The kind of refusal.
    pub code: Code,
    /// An explanation for the client: the fault and, if it helps, the remedy.
    pub detail: String,
    /// The internal cause, for the operator's log only. It is never sent to a client and never contains values of a
    /// document.
    pub cause: Option<String>,
    /// The operations at fault, in the order of the request; none if the fault is elsewhere. They are sent to the
    /// client and never logged: a path contains names and identities of the user's document.
    pub operations: Vec<OperationError>,
}

impl Error {
    /// Creates a refusal with `code`, explained by `detail`.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            cause: None,
            operations: Vec::new(),
        }
    }

    /// Adds `cause`, and the causes behind it, for the operator's log.
    #[must_use]
    pub fn because(self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(with_causes(&*cause.into())),
            ..self
        }
    }

    /// Creates a refusal because of `operations`, of which there must be at least one. The first explains it.
    pub fn of_operations(code: Code, operations: Vec<OperationError>) -> Self {
        let first = operations
            .first()
            .map_or("an operation is at fault", |first| &first.detail);
        let detail = match operations.len() {
            0 | 1 => first.to_owned(),
            MAX_OPERATION_ERRORS => {
                format!("{first}; errors lists the first {MAX_OPERATION_ERRORS} operations at fault")
            }
            count => format!("{first}; errors lists all {count} operations at fault"),
        };
        Self {
            operations,
            ..Self::new(code, detail)
        }
    }

    /// Creates a [`Code::Malformed`] refusal: the request has the wrong shape.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Code::Malformed, detail)
    }

    /// Creates a [`Code::Invalid`] refusal: the request is well-formed but not allowed.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail)
    }
}

/// Returns the text of `error` and of every cause behind it, separated by `: `, for the operator's log.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let errors = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = errors.map(ToString::to_string).collect();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::{Code, Error};

    #[test]
    fn every_code_has_the_name_and_the_status_of_the_contract() {
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
    fn a_refusal_has_its_cause_for_the_log_but_not_in_its_text() {
        let refusal = Error::new(Code::Unavailable, "try again").because("throttled");
        assert_eq!(refusal.cause.as_deref(), Some("throttled"));
        assert_eq!(refusal.to_string(), "unavailable: try again");
    }
}
