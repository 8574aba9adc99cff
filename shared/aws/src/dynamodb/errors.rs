//! The SDK's errors as the port's.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use coinolio_core::store::{BoxError, StoreError};
use std::error::Error;
use std::fmt;

/// Error codes that say "not now" rather than "not so" (DynamoDB Developer Guide, "Error handling with
/// DynamoDB"); every status of 500 and above says so too.
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

/// True for a code after which the same request may succeed.
pub(super) fn is_transient(code: &str) -> bool {
    TRANSIENT.contains(&code)
}

/// Sorts an SDK error that the caller does not expect, and keeps it as the cause.
///
/// The SDK's `Debug` form prints response bodies, and those contain portfolios: neither the text nor the `Debug` form of
/// the cause has them.
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
    let cause = Box::new(RequestError::from(error));
    if is_unavailable {
        StoreError::Unavailable(cause)
    } else {
        StoreError::Refused(cause)
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

/// Returns the error of a request that the SDK cannot even build, or of a payload that cannot be stored.
pub(super) fn refused(cause: impl Into<BoxError>) -> StoreError {
    StoreError::Refused(cause.into())
}
