//! The SDK's errors as the port's.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use coinolio_core::log::LogError;
use std::error::Error;
use std::io;

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

/// Sorts an SDK error that the caller does not expect.
///
/// The text leaves out the SDK's `Debug` form, which prints response bodies: those hold portfolios.
pub(super) fn log_error<E>(error: &SdkError<E, HttpResponse>) -> LogError
where
    E: Error + ProvideErrorMetadata + RequestId + 'static,
{
    let text = describe(error);
    match error {
        SdkError::ServiceError(context) => {
            let transient = context.err().code().is_some_and(is_transient);
            if transient || context.raw().status().as_u16() >= 500 {
                LogError::Unavailable(text)
            } else {
                LogError::Refused(text)
            }
        }
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            LogError::Unavailable(text)
        }
        _ => LogError::Refused(text),
    }
}

fn describe<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + ProvideErrorMetadata + RequestId + 'static,
{
    if let Some(service) = error.as_service_error() {
        return format!(
            "{}: {} (request {})",
            service.code().unwrap_or("an error without a code"),
            service.message().unwrap_or("no message"),
            service.request_id().unwrap_or("without an id"),
        );
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A request that the SDK cannot even build, or a payload that cannot be kept.
pub(super) fn refused(error: impl Into<Box<dyn Error>>) -> LogError {
    LogError::Refused(error.into().to_string())
}

/// A payload that cannot be compressed.
pub(super) fn not_kept(error: &io::Error) -> LogError {
    LogError::Refused(format!("cannot be kept: {error}"))
}
