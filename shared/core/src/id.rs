//! Identifiers. They are checked when a request is read, so that keys are only ever built from valid ids.

use crate::error::Error;
use std::fmt;

/// The longest id, in characters.
pub const MAX_ID_LENGTH: usize = 64;

/// Tells whether `text` is 1 to 64 characters of `A–Z a–z 0–9 . _ -`, and neither `.` nor `..`.
///
/// In a URL, `.` and `..` are removed as dot segments (RFC 3986 section 5.2.4), so no URL could name such an id.
fn is_id(text: &str) -> bool {
    !matches!(text, "." | "..")
        && (1..=MAX_ID_LENGTH).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $label:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Reads an id.
            ///
            /// # Errors
            /// Malformed unless `text` is 1 to 64 characters of `A–Z a–z 0–9 . _ -`, and neither `.` nor `..`.
            pub fn parse(text: &str) -> Result<Self, Error> {
                if is_id(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(Error::malformed(concat!(
                        $label,
                        " must be 1 to 64 characters of A-Z a-z 0-9 . _ -, and neither . nor .."
                    )))
                }
            }

            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

identifier!(
    /// The id of a portfolio, unique among its user's portfolios.
    PortfolioId,
    "a portfolio id"
);
identifier!(
    /// The id of a device, unique among its user's devices.
    DeviceId,
    "device_id"
);
identifier!(
    /// The id of one sync: the same on every retry, unique in its portfolio.
    SyncId,
    "sync_id"
);

/// The id of a user: the `sub` claim of a token that the authorizer has verified.
///
/// It is 1 to 255 bytes without control characters and without `#`, which separates the parts of a key. (Cognito's
/// `sub` is a UUID; OpenID Connect Core section 2 allows 255 ASCII characters.)
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Box<str>);

impl UserId {
    /// Reads a `sub` claim.
    ///
    /// # Errors
    /// Unauthenticated if no key can be built from it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fits = (1..=255).contains(&text.len()) && text.chars().all(|c| !c.is_control() && c != '#');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(Error::new(
                crate::error::Code::Unauthenticated,
                "the token's sub claim is not a valid user id",
            ))
        }
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for UserId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{DeviceId, PortfolioId, SyncId, UserId};
    use crate::error::Code;

    #[test]
    fn an_id_has_1_to_64_allowed_characters_and_is_not_a_dot_segment() {
        for text in ["a", "Z9", "...", "a.b_c-d", &"x".repeat(64)] {
            assert_eq!(PortfolioId::parse(text).unwrap().as_str(), text);
            assert_eq!(DeviceId::parse(text).unwrap().to_string(), text);
            assert_eq!(serde_json::to_value(SyncId::parse(text).unwrap()).unwrap(), text);
        }
        for text in ["", ".", "..", "a b", "a#b", "a/b", "é", "a\n", &"x".repeat(65)] {
            assert_eq!(PortfolioId::parse(text).unwrap_err().code, Code::Malformed, "{text:?}");
        }
        let refused = DeviceId::parse("#").unwrap_err().detail;
        assert!(refused.starts_with("device_id must be 1 to 64 characters"), "{refused}");
    }

    #[test]
    fn a_user_id_has_1_to_255_bytes_without_number_signs_and_control_characters() {
        for text in ["a", "auth0|7", "Zoë", &"x".repeat(255)] {
            let user = UserId::parse(text).unwrap();
            assert_eq!((user.as_str(), user.to_string()), (text, text.to_owned()));
            assert_eq!(serde_json::to_value(&user).unwrap(), text);
        }
        for text in ["", "#", "a#PORTFOLIO", "a\nb", "\u{7f}", &"x".repeat(256)] {
            assert_eq!(UserId::parse(text).unwrap_err().code, Code::Unauthenticated, "{text:?}");
        }
    }
}
