//! One invocation's event.

use super::Tally;
use super::format::INVOCATION;
use crate::dynamodb::Usage;
use coinolio_core::wire::Outcome;
use coinolio_core::{Code, Error};
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
    pub(crate) tally: Option<Tally>,
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
        let tally = self.tally.as_ref();
        let failed = self.status >= 500;
        // A refused sync is over before it began, and would make syncs look quick.
        let timed = self.is_sync && (self.error.is_none() || failed);
        // Portfolios are read and written with a report too; a batch may have carried out none.
        let sync = tally.filter(|tally| self.is_sync && tally.reports > 0);
        let stored = tally.filter(|tally| tally.patch_bytes > 0).or(sync);
        // The request's own error, or those of a batch's portfolios.
        let code = self
            .error
            .map(|error| error.code)
            .or(tally.and_then(|tally| tally.code));
        let errors = tally.map_or(u64::from(self.error.is_some()), |tally| tally.refused);
        let server_errors = tally.map_or(u64::from(failed), |tally| tally.failed);
        let duration = milliseconds(self.duration);
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    target: INVOCATION,
                    request_id = self.request_id,
                    route = self.route.as_deref(),
                    status = self.status,
                    cause = self.error.and_then(|error| error.cause.as_deref()),
                    repeated = tally.map(|tally| tally.repeated),
                    dynamodb_ms = milliseconds(self.usage.waited),
                    duration_ms = duration,
                    Code = code.map(Code::as_str),
                    Outcome = tally.and_then(|tally| tally.outcome).map(Outcome::as_str),
                    Requests = 1,
                    Errors = errors,
                    ServerErrors = server_errors,
                    ColdStarts = u8::from(self.is_first),
                    Syncs = sync.map(|tally| tally.reports),
                    SyncDuration = timed.then_some(duration),
                    Conflicts = sync.map(|tally| tally.conflicts),
                    OptimisticRetries = self.optimistic_retries,
                    UploadBytes = Some(self.upload_bytes).filter(|bytes| *bytes > 0),
                    DownloadBytes = self.download_bytes,
                    PatchBytes = stored.map(|tally| tally.patch_bytes),
                    DocumentBytes = tally.and_then(|tally| tally.document_bytes),
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

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
