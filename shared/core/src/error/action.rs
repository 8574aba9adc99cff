//! The client's action for each error: the one table that the documents and the clients follow.
//!
//! The tables of errors in `docs/PROTOCOL.md` and `docs/openapi.yaml` are written from here, so that they agree with
//! each other and with the service.

use super::Code;
use crate::named_enum::named_enum;

named_enum! {
    /// What a client does after an error. In every case the edits stay in its outbox, except those that it takes out.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Action {
        /// Wait, then send the same request again.
        Repeat = "repeat",
        /// Get a new token, then send the same request again.
        SignIn = "sign_in",
        /// Take the operations that `errors` lists out of the edits, and send the rest as a new sync.
        TakeOut = "take_out",
        /// Send the whole document.
        Rejoin = "rejoin",
        /// Send the same request again with `"base_lost": true`.
        BaseLost = "base_lost",
        /// Let the user decide.
        Ask = "ask",
        /// Stop until the app is updated.
        Update = "update",
        /// Stop: the same request will fail again.
        Stop = "stop",
    }
}

/// One row of the table of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guide {
    /// When the service answers with the code: a phrase in Markdown.
    pub meaning: &'static str,
    /// What the client does.
    pub action: Action,
    /// How the action looks for this code, in Markdown; empty if [`Action::instruction`] says it all.
    pub note: &'static str,
}

/// An error that API Gateway itself answers with. It has no code, but `{"message": "…"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayError {
    /// The HTTP status.
    pub status: u16,
    /// When API Gateway answers with it: a phrase in Markdown.
    pub meaning: &'static str,
}

/// The errors of API Gateway itself that a client can meet.
pub const GATEWAY_ERRORS: [GatewayError; 8] = [
    GatewayError {
        status: 401,
        meaning: "the token is missing, expired or not meant for this API",
    },
    GatewayError {
        status: 404,
        meaning: "there is no such route",
    },
    GatewayError {
        status: 413,
        meaning: "the body is over 10 MB",
    },
    GatewayError {
        status: 429,
        meaning: "too many requests at the moment",
    },
    GatewayError {
        status: 431,
        meaning: "the request line and the headers are over 10,240 bytes together",
    },
    GatewayError {
        status: 500,
        meaning: "a function did not answer",
    },
    GatewayError {
        status: 503,
        meaning: "a function did not answer in time, or cannot be started at the moment",
    },
    GatewayError {
        status: 504,
        meaning: "a function did not answer in time",
    },
];

impl Action {
    /// Returns the instruction to the client, in Markdown.
    pub const fn instruction(self) -> &'static str {
        match self {
            Self::Repeat => {
                "Wait for `Retry-After` if the answer has it, otherwise for growing pauses (1 s, 2 s, 4 s, … up to a few \
                 minutes, with jitter). Then send the same request again."
            }
            Self::SignIn => {
                "Get a new token. If the *same* user signs in, send the same request again. Another user has another \
                 outbox."
            }
            Self::TakeOut => {
                "If the answer has `errors`, take the operations that it lists out of the edits, show them to the user, \
                 and send the rest with a new `sync_id`. Without `errors`, do as for `stop`."
            }
            Self::Rejoin => {
                "Check that the document belongs to this user and this portfolio. Then send it whole, with its edits, \
                 as a rejoin."
            }
            Self::BaseLost => "Send the same request again, with the same `sync_id`, and with `\"base_lost\": true`.",
            Self::Ask => "Stop syncing this portfolio, keep the document and the edits, and let the user decide.",
            Self::Update => "Keep the document and the edits, and ask the user to update the app. Then go on.",
            Self::Stop => {
                "Do not send the same request again: it will fail again. Keep the document and the edits, and report \
                 the error to the developers."
            }
        }
    }

    /// Returns the action for an answer with an error status. `code` is `None` if the answer has no code or one that
    /// this version does not know; `lists_operations` tells whether it has `errors`.
    pub fn for_answer(status: u16, code: Option<Code>, lists_operations: bool) -> Self {
        match code.map(|code| code.guide().action) {
            Some(Self::TakeOut) if !lists_operations => Self::Stop,
            Some(action) => action,
            None if lists_operations => Self::TakeOut,
            None => Self::for_status(status),
        }
    }

    /// Returns the action for an answer whose code is absent or unknown.
    pub const fn for_status(status: u16) -> Self {
        match status {
            401 => Self::SignIn,
            // Timeout, too early, too many requests.
            408 | 425 | 429 | 500.. => Self::Repeat,
            426 => Self::Update,
            // The client never gets along without a decision, and nothing may go without the user.
            409 | 410 | 412 | 413 => Self::Ask,
            _ => Self::Stop,
        }
    }
}

impl Code {
    /// Returns the code's row in the table of errors.
    pub const fn guide(self) -> Guide {
        let (meaning, action, note) = match self {
            Self::Malformed => (
                "not JSON, a member of the wrong type, a missing member, a bad id or query",
                Action::TakeOut,
                "",
            ),
            Self::Unauthenticated => ("no valid token", Action::SignIn, ""),
            Self::NotFound => (
                "this user has no such portfolio or device, or there is no such route",
                Action::Ask,
                "A sync with base 0 and without edits: there is nothing yet, so go on as if it had been answered. \
                 Otherwise the app may hold the data of another user.",
            ),
            Self::MethodNotAllowed => ("the route has other methods, listed in `Allow`", Action::Stop, ""),
            Self::Busy => ("other writers won every race for the head", Action::Repeat, ""),
            Self::BaseUnknown => (
                "the portfolio never had the base, or had another version of that number",
                Action::Rejoin,
                "",
            ),
            Self::WipeRefused => (
                "the sync would remove almost everything",
                Action::Ask,
                "If the user means it, send the same request again with `\"allow_wipe\": true`. If not, read the \
                 portfolio again.",
            ),
            Self::AlreadyExists => (
                "a `POST` of a portfolio whose id is in use",
                Action::Stop,
                "Sync the portfolio instead of creating it.",
            ),
            Self::BaseExpired => (
                "the base of the sync, or the version to read, has expired",
                Action::BaseLost,
                "An expired version cannot be read any more.",
            ),
            Self::Deleted => (
                "the portfolio was deleted",
                Action::Ask,
                "Restore the portfolio at the base and send the edits, or forget both.",
            ),
            Self::PreconditionFailed => (
                "`If-Match` names another version than the head's",
                Action::Ask,
                "Read the head, show it, and send the request with its version if the user still wants it.",
            ),
            Self::TooLarge => (
                "a body, a patch, a document or an answer over its limit",
                Action::Ask,
                "If only the sync is too large, send its edits as several syncs, one after the other. A part of a \
                 batch: send that sync alone. If the document is too large, something has to be removed.",
            ),
            Self::UnsupportedEncoding => ("a `Content-Encoding` other than gzip or identity", Action::Stop, ""),
            Self::Invalid => (
                "well-formed but refused: the form of the operations, depth, the range of a number, half of a surrogate \
                 pair, a `sync_id` that was used for something else, a version jump, a restore of the newest version or \
                 of a deletion, a batch with no portfolio, more than 25, or the same one twice",
                Action::TakeOut,
                "",
            ),
            Self::ClientTooOld => (
                "the client's version is below the minimum; reserved, no request gets it yet",
                Action::Update,
                "",
            ),
            Self::Unavailable => ("the store is throttled or down", Action::Repeat, ""),
            Self::Internal => (
                "a defect of the service",
                Action::Repeat,
                "The server recognises the repetition if the request had taken effect.",
            ),
        };
        Guide { meaning, action, note }
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, GATEWAY_ERRORS};
    use crate::error::Code;

    #[test]
    fn a_code_decides_and_without_one_the_status_does() {
        for (status, code, lists_operations, action) in [
            (422, Some(Code::Invalid), true, Action::TakeOut),
            (422, Some(Code::Invalid), false, Action::Stop),
            (400, Some(Code::Malformed), true, Action::TakeOut),
            (400, Some(Code::Malformed), false, Action::Stop),
            (409, Some(Code::Busy), false, Action::Repeat),
            (409, Some(Code::BaseUnknown), false, Action::Rejoin),
            (410, Some(Code::BaseExpired), false, Action::BaseLost),
            (410, Some(Code::Deleted), false, Action::Ask),
            (422, None, true, Action::TakeOut),
            (422, None, false, Action::Stop),
            (409, None, false, Action::Ask),
            (401, None, false, Action::SignIn),
            (426, None, false, Action::Update),
            (403, None, false, Action::Stop),
            (599, None, false, Action::Repeat),
        ] {
            assert_eq!(
                Action::for_answer(status, code, lists_operations),
                action,
                "{status} {code:?}"
            );
        }
    }

    #[test]
    fn a_transient_error_of_the_service_is_transient_by_its_status_too() {
        for code in Code::ALL {
            let guide = code.guide();
            if code.status() >= 500 {
                assert_eq!(guide.action, Action::Repeat, "{code}");
            }
            assert!(!guide.meaning.is_empty() && !guide.meaning.ends_with('.'), "{code}");
            assert!(guide.note.is_empty() || guide.note.ends_with('.'), "{code}");
        }
        for error in GATEWAY_ERRORS {
            let is_transient = error.status == 429 || error.status >= 500;
            assert_eq!(Action::for_status(error.status) == Action::Repeat, is_transient);
        }
    }

    #[test]
    fn no_action_gives_up_edits_unless_the_user_is_told() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(action));
            assert!(action.instruction().ends_with('.'), "{}", action.as_str());
        }
    }
}
