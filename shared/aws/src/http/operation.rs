//! The answer of an operation.

use crate::telemetry::Tally;
use coinolio_core::log::Version;
use coinolio_core::sync::Report;
use coinolio_core::{Code, Error};
use lambda_http::http::StatusCode;
use serde::Serialize;

/// The answer of an operation, before the client's conditions and accepted codings are applied.
///
/// ```
/// use coinolio_aws::http::OperationAnswer;
///
/// # fn main() -> Result<(), coinolio_core::Error> {
/// // 201 with a JSON body, `Location`, and the entity tag `"1"`.
/// let answer = OperationAnswer::ok(&["main"])?
///     .created("/api/v1/portfolios/main".to_owned())
///     .at(1);
/// # drop(answer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OperationAnswer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    pub(super) version: Option<Version>,
    pub(super) location: Option<String>,
    tally: Option<Tally>,
}

impl OperationAnswer {
    /// Returns an answer with status 200 and `body` as JSON.
    ///
    /// # Errors
    /// Returns an internal error if `body` does not serialize.
    pub fn ok(body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body)
            .map_err(|e| Error::new(Code::Internal, "the answer could not be written").because(e))?;
        Ok(Self {
            body,
            ..Self::empty(StatusCode::OK)
        })
    }

    /// Returns an answer with status 204: the operation succeeded and there is nothing to return.
    pub const fn no_content() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// Returns an answer with status 304: the client already has this version.
    pub fn not_modified(version: Version) -> Self {
        Self {
            version: Some(version),
            ..Self::empty(StatusCode::NOT_MODIFIED)
        }
    }

    /// Sets the status to 201 and the `Location` of the new resource to `location`.
    #[must_use]
    pub fn created(self, location: String) -> Self {
        Self {
            status: StatusCode::CREATED,
            location: Some(location),
            ..self
        }
    }

    /// Sets the version that the answer is about, which becomes its `ETag`.
    #[must_use]
    pub fn at(self, version: Version) -> Self {
        Self {
            version: Some(version),
            ..self
        }
    }

    /// Adds the engine's report, for the log event.
    #[must_use]
    pub fn with(self, report: Report) -> Self {
        self.tallied(report.into())
    }

    /// Adds the sum of several of the engine's reports, for the log event.
    #[must_use]
    pub fn tallied(self, tally: Tally) -> Self {
        Self {
            tally: Some(tally),
            ..self
        }
    }

    /// Returns the sum of the engine's reports, if there are any.
    pub(crate) const fn tally(&self) -> Option<&Tally> {
        self.tally.as_ref()
    }

    const fn empty(status: StatusCode) -> Self {
        Self {
            status,
            body: Vec::new(),
            version: None,
            location: None,
            tally: None,
        }
    }
}
