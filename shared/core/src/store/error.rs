//! The reasons for which a store does not answer.

use crate::error::{Code, Error};
use crate::log::Version;

/// The cause of a store's failure, for the operator's log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The reason for which a store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is throttled or down, after the client's own retries; the attempted write may have had its effect.
    #[error("the store is unavailable")]
    Unavailable(#[source] BoxError),
    /// A stored item cannot be decoded.
    #[error("the stored item {item} cannot be read")]
    Corrupt {
        /// The item's key.
        item: String,
        /// The part of the item that is wrong.
        #[source]
        source: BoxError,
    },
    /// Retention has removed the changes that make a version, or is removing them.
    #[error("version {version} has expired, like every version before {retained_from}")]
    Expired {
        /// The version.
        version: Version,
        /// The directory entry's [`crate::log::Entry::retained_from`]: the log is complete from this version on.
        retained_from: Version,
    },
    /// The store refused the request: a defect of this service or of its configuration.
    #[error("the store refused the request")]
    Refused(#[source] BoxError),
}

impl StoreError {
    /// Returns the error of a stored `item`, named by its key, that cannot be read because of `source`.
    pub fn corrupt(item: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::Corrupt {
            item: item.into(),
            source: source.into(),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let public = match error {
            StoreError::Unavailable(_) => Self::new(
                Code::Unavailable,
                "the store is busy or down; send the same request again",
            ),
            StoreError::Corrupt { .. } => Self::new(
                Code::Unavailable,
                "a stored item cannot be read at the moment; send the same request again later",
            ),
            StoreError::Expired { version, .. } => {
                return Self::new(Code::BaseExpired, format!("version {version} has expired"));
            }
            StoreError::Refused(_) => Self::new(Code::Internal, "the service has a defect; nothing was changed"),
        };
        public.because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::StoreError;
    use crate::error::{Code, Error};

    #[test]
    fn the_operator_sees_every_cause_of_a_failure_and_the_client_none() {
        let error = Error::from(StoreError::corrupt("USER#u PORTFOLIO#p", "name is not a string"));
        assert_eq!(error.code, Code::Unavailable);
        assert_eq!(
            error.cause.as_deref(),
            Some("the stored item USER#u PORTFOLIO#p cannot be read: name is not a string")
        );
        assert!(!error.detail.contains("USER#u"), "{}", error.detail);
    }
}
