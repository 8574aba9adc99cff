//! The log event of an invocation by the table's stream.

use super::format::INVOCATION;
use super::http::milliseconds;
use crate::dynamodb::Usage;
use coinolio_core::sync::Compacted;
use std::time::Duration;

/// The facts of an invocation by the stream. They include no user data and no ids of users or portfolios.
#[derive(Debug)]
pub(crate) struct StreamInvocation<'i> {
    request_id: &'i str,
    records: usize,
    snapshots: u64,
    removed: u64,
}

impl<'i> StreamInvocation<'i> {
    /// Returns the facts of an invocation with this number of records, before any compaction.
    pub(crate) const fn of(request_id: &'i str, records: usize) -> Self {
        Self {
            request_id,
            records,
            snapshots: 0,
            removed: 0,
        }
    }

    /// Adds the result of one portfolio's compaction.
    pub(crate) fn add(&mut self, done: &Compacted) {
        self.snapshots += u64::from(done.snapshot.is_some());
        self.removed += done.removed;
    }

    /// Writes the log event, at level `error` if any record failed and at level `info` otherwise.
    pub(crate) fn log(&self, failed: usize, usage: Usage, duration: Duration) {
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    target: INVOCATION,
                    request_id = self.request_id,
                    dynamodb_ms = milliseconds(usage.waited),
                    duration_ms = milliseconds(duration),
                    DynamoDbRequests = usage.requests,
                    ReadUnits = usage.read_units,
                    WriteUnits = usage.write_units,
                    StreamRecords = self.records,
                    FailedRecords = failed,
                    Snapshots = self.snapshots,
                    ChangesRemoved = self.removed,
                    "invocation"
                )
            };
        }
        if failed > 0 {
            emit!(error);
        } else {
            emit!(info);
        }
    }
}
