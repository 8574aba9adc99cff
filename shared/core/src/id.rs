//! Identifiers, checked once at the edge so that keys are only ever built from validated ids.

use crate::error::Error;
use std::fmt;

/// The longest id, in characters (design section 5).
pub const MAX_ID_LENGTH: usize = 64;

/// True for 1–64 of `A–Z a–z 0–9 . _ -` (design section 5), save `.` and `..`: as segments of a path they
/// are taken for directories (RFC 3986 section 5.2.4), so that no URL could name them.
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
            /// Checks `text`; refused as malformed unless it is 1–64 of `A–Z a–z 0–9 . _ -`, and neither `.` nor `..`.
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

            /// The id as text.
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
    /// Names a portfolio among its user's.
    PortfolioId,
    "a portfolio id"
);
identifier!(
    /// Names a device among its user's.
    DeviceId,
    "device_id"
);
identifier!(
    /// Names one sync of a device: the same on every retry, unique in its portfolio.
    SyncId,
    "sync_id"
);

/// The user that the authorizer vouches for: the `sub` claim.
///
/// Any text of 1–255 bytes without control characters and without `#`, the separator of the key
/// scheme (Cognito's `sub` is a UUID; OpenID Connect Core section 2 allows 255 ASCII characters).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Box<str>);

impl UserId {
    /// Checks a `sub` claim; refused as unauthenticated where no key can be built from it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fits = (1..=255).contains(&text.len()) && text.chars().all(|c| !c.is_control() && c != '#');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(Error::new(
                crate::error::Code::Unauthenticated,
                "the token's sub claim cannot name a user",
            ))
        }
    }

    /// The user's id as text.
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
    fn an_id_is_1_to_64_of_a_few_characters_and_no_directory() {
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
    fn a_user_is_1_to_255_bytes_without_the_keys_separator_and_control_characters() {
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
