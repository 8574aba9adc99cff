//! The event of an invocation by the table's stream.

use super::format::INVOCATION;
use super::record::milliseconds;
use crate::dynamodb::Usage;
use coinolio_core::sync::Compacted;
use std::time::Duration;

/// What an invocation by the stream did. It holds no contents and no ids of users or portfolios.
#[derive(Debug)]
pub(crate) struct StreamRecord<'i> {
    request_id: &'i str,
    records: usize,
    snapshots: u64,
    removed: u64,
}

impl<'i> StreamRecord<'i> {
    /// An invocation with so many records, which has done nothing yet.
    pub(crate) const fn of(request_id: &'i str, records: usize) -> Self {
        Self {
            request_id,
            records,
            snapshots: 0,
            removed: 0,
        }
    }

    /// Adds what the compaction of a portfolio did.
    pub(crate) fn add(&mut self, done: &Compacted) {
        self.snapshots += u64::from(done.snapshot.is_some());
        self.removed += done.removed;
    }

    /// Writes the event, at level `error` where records failed.
    pub(crate) fn emit(&self, failed: usize, usage: Usage, duration: Duration) {
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
