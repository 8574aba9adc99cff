//! One invocation's event.

use crate::dynamodb::Usage;
use coinolio_core::Error;
use coinolio_core::sync::Report;
use std::time::Duration;

/// What an invocation did. It holds no contents, no ids of users or portfolios, and no path: only the
/// route's template.
#[derive(Debug)]
pub(crate) struct Record<'i> {
    /// The invocation's id, Lambda's own.
    pub(crate) request_id: &'i str,
    /// The route: method and path template; `None` where there is none.
    pub(crate) route: Option<String>,
    /// The HTTP status.
    pub(crate) status: u16,
    /// Why it was refused.
    pub(crate) error: Option<&'i Error>,
    /// What the engine reports.
    pub(crate) report: Option<Report>,
    /// How often another writer won the race for the head.
    pub(crate) optimistic_retries: u64,
    /// The body's size as it came, compressed where it was.
    pub(crate) upload_bytes: usize,
    /// The answer's size as it goes, compressed where it is.
    pub(crate) download_bytes: usize,
    /// What was asked of DynamoDB.
    pub(crate) usage: Usage,
    /// How long it took.
    pub(crate) duration: Duration,
}

impl Record<'_> {
    /// Writes the event, as an error where the service failed: at level `error` for 5xx, `info` else.
    pub(crate) fn emit(&self) {
        let report = self.report.as_ref();
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    request_id = self.request_id,
                    route = self.route.as_deref(),
                    status = self.status,
                    code = self.error.map(|error| error.code.as_str()),
                    cause = self.error.and_then(|error| error.cause.as_deref()),
                    outcome = report.map(|report| report.outcome.as_str()),
                    repeated = report.map(|report| report.repeated),
                    conflicts = report.map(|report| report.conflicts),
                    optimistic_retries = self.optimistic_retries,
                    upload_bytes = self.upload_bytes,
                    download_bytes = self.download_bytes,
                    patch_bytes = report.map(|report| report.patch_bytes),
                    document_bytes = report.and_then(|report| report.document_bytes),
                    dynamodb_requests = self.usage.requests,
                    read_units = self.usage.read_units,
                    write_units = self.usage.write_units,
                    dynamodb_ms = self.usage.waited.as_secs_f64() * 1000.0,
                    duration_ms = self.duration.as_secs_f64() * 1000.0,
                    "invocation"
                )
            };
        }
        if self.status >= 500 {
            emit!(error);
        } else {
            emit!(info);
        }
    }
}
