//! One invocation's event.

use super::format::INVOCATION;
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
    /// True where the route is one of the syncs.
    pub(crate) is_sync: bool,
    /// True for the execution environment's first invocation.
    pub(crate) is_first: bool,
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
    ///
    /// The fields in capitals are the metrics of [`METRICS`](super::METRICS) and what they are counted by.
    pub(crate) fn emit(&self) {
        let report = self.report.as_ref();
        let failed = self.status >= 500;
        // A refused sync is over before it began, and would make syncs look quick.
        let timed = self.is_sync && (self.error.is_none() || failed);
        // Portfolios are read and written with a report too.
        let sync = report.filter(|_| self.is_sync);
        let stored = report.map(|report| report.patch_bytes);
        let duration = milliseconds(self.duration);
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    target: INVOCATION,
                    request_id = self.request_id,
                    route = self.route.as_deref(),
                    status = self.status,
                    cause = self.error.and_then(|error| error.cause.as_deref()),
                    repeated = report.map(|report| report.repeated),
                    dynamodb_ms = milliseconds(self.usage.waited),
                    duration_ms = duration,
                    Code = self.error.map(|error| error.code.as_str()),
                    Outcome = report.map(|report| report.outcome.as_str()),
                    Requests = 1,
                    Errors = u8::from(self.error.is_some()),
                    ServerErrors = u8::from(failed),
                    ColdStarts = u8::from(self.is_first),
                    Syncs = sync.map(|_| 1),
                    SyncDuration = timed.then_some(duration),
                    Conflicts = sync.map(|report| report.conflicts),
                    OptimisticRetries = self.optimistic_retries,
                    UploadBytes = Some(self.upload_bytes).filter(|bytes| *bytes > 0),
                    DownloadBytes = self.download_bytes,
                    PatchBytes = stored.filter(|bytes| self.is_sync || *bytes > 0),
                    DocumentBytes = report.and_then(|report| report.document_bytes),
                    DynamoDbRequests = self.usage.requests,
                    ReadUnits = self.usage.read_units,
                    WriteUnits = self.usage.write_units,
                    "invocation"
                )
            };
        }
        if failed {
            emit!(error);
        } else {
            emit!(info);
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
