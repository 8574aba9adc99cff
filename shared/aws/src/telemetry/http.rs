//! The log event of an invocation by the HTTP API.

use super::Tally;
use super::format::INVOCATION;
use crate::dynamodb::Usage;
use coinolio_core::wire::Outcome;
use coinolio_core::{Code, Error};
use std::time::Duration;

/// The facts of an invocation by the HTTP API. They include no user data and no ids of users or portfolios. Instead
/// of the path, they include the route's template.
#[derive(Debug)]
pub(crate) struct HttpInvocation<'i> {
    /// Lambda's id of the invocation.
    pub(crate) request_id: &'i str,
    /// The route: method and path template.
    pub(crate) route: Option<String>,
    /// True if the route is a sync.
    pub(crate) is_sync: bool,
    /// True for the execution environment's first invocation.
    pub(crate) is_first: bool,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The reason for a refusal, if the request was refused.
    pub(crate) error: Option<&'i Error>,
    /// The sum of the engine's reports.
    pub(crate) tally: Option<Tally>,
    /// The number of beaten appends, in which another writer was faster.
    pub(crate) optimistic_retries: u64,
    /// The size of the request's body as it was sent, possibly compressed.
    pub(crate) upload_bytes: usize,
    /// The size of the answer's body as it is sent, possibly compressed.
    pub(crate) download_bytes: usize,
    /// The requests to DynamoDB and the units that they consumed.
    pub(crate) usage: Usage,
    /// The time from the event to the answer.
    pub(crate) duration: Duration,
}

impl HttpInvocation<'_> {
    /// Writes the log event, at level `error` if the status is 5xx and at level `info` otherwise.
    ///
    /// The capitalized fields are the metrics in [`METRICS`](crate::metrics::METRICS) and their additional
    /// dimensions.
    pub(crate) fn log(&self) {
        let tally = self.tally.as_ref();
        let syncs = self.syncs();
        let stored = tally.filter(|tally| tally.patch_bytes > 0).or(syncs);
        let duration = milliseconds(self.duration);
        macro_rules! log {
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
                    Code = self.code().map(Code::as_str),
                    Outcome = syncs.and_then(|tally| tally.outcome).map(Outcome::as_str),
                    Requests = 1,
                    Errors = tally.map_or(u64::from(self.error.is_some()), |tally| tally.refused),
                    ServerErrors = tally.map_or(u64::from(self.failed()), |tally| tally.failed),
                    ColdStarts = u8::from(self.is_first),
                    Syncs = syncs.map(|tally| tally.reports),
                    SyncDuration = self.is_timed().then_some(duration),
                    Conflicts = syncs.map(|tally| tally.conflicts),
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
        if self.failed() {
            log!(error);
        } else {
            log!(info);
        }
    }

    /// Returns true if the service failed.
    const fn failed(&self) -> bool {
        self.status >= 500
    }

    /// Returns the sum of the successful syncs, if there are any.
    fn syncs(&self) -> Option<&Tally> {
        // Operations that are not syncs have reports too, and a batch may contain no successful sync.
        let tally = self.tally.as_ref();
        tally.filter(|tally| self.is_sync && tally.reports > 0)
    }

    /// Returns true if the duration counts as that of a sync.
    const fn is_timed(&self) -> bool {
        // A refused sync ends early, so its duration would make syncs look fast.
        self.is_sync && (self.error.is_none() || self.failed())
    }

    /// Returns the code of the request's error, or else the common code of a batch's refused portfolios.
    fn code(&self) -> Option<Code> {
        let own = self.error.map(|error| error.code);
        own.or(self.tally.as_ref().and_then(|tally| tally.code))
    }
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
