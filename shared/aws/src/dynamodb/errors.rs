//! Conversion of the SDK's errors to the store's errors.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use coinolio_core::store::{BoxError, StoreError};
use std::error::Error;
use std::fmt;

/// Error codes after which the same request can succeed when repeated (DynamoDB Developer Guide, "Error handling
/// with DynamoDB"). A status of 500 or above counts as well, whatever its code.
const TRANSIENT: [&str; 11] = [
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "ThrottlingError",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Returns true if a request that failed with this code can succeed when repeated.
pub(super) fn is_transient(code: &str) -> bool {
    TRANSIENT.contains(&code)
}

/// Converts an SDK error that the caller does not expect to an error of the store, with the SDK error as its cause.
///
/// The SDK's `Debug` form prints response bodies, which contain portfolios. The cause therefore contains no
/// response body, neither in its text nor in its `Debug` form.
pub(super) fn store_error<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    let is_unavailable = match &error {
        SdkError::ServiceError(context) => {
            context.err().code().is_some_and(is_transient) || context.raw().status().as_u16() >= 500
        }
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        _ => false,
    };
    let cause = RequestError::from(error);
    if is_unavailable {
        unavailable(cause)
    } else {
        refused(cause)
    }
}

/// A request to DynamoDB that failed.
#[derive(thiserror::Error)]
#[error("{description}")]
struct RequestError {
    description: String,
    #[source]
    source: Option<BoxError>,
}

impl fmt::Debug for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

impl<E> From<SdkError<E, HttpResponse>> for RequestError
where
    E: Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        if let Some(service) = error.as_service_error() {
            let description = format!(
                "{}: {} (request {})",
                service.code().unwrap_or("an error without a code"),
                service.message().unwrap_or("no message"),
                service.request_id().unwrap_or("without an id"),
            );
            return Self {
                description,
                source: None,
            };
        }
        Self {
            description: error.to_string(),
            source: error.into_source().ok(),
        }
    }
}

/// Returns the error for a store that cannot be reached or is overloaded. The same request may succeed later.
pub(super) fn unavailable(cause: impl Into<BoxError>) -> StoreError {
    StoreError::Unavailable(cause.into())
}

/// Returns the error for a request that the store refuses or that cannot be built.
pub(super) fn refused(cause: impl Into<BoxError>) -> StoreError {
    StoreError::Refused(cause.into())
}

/// Returns the error for an item that cannot be read.
pub(super) fn corrupt(pk: &str, sk: &str, cause: impl Into<BoxError>) -> StoreError {
    StoreError::corrupt(format!("{pk} {sk}"), cause)
}
