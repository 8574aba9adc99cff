//! Captures the functions' log events, formatted as on AWS, so that the benchmark can read them.

use coinolio_aws::telemetry::{Format, Metrics, subscriber};
use serde::Deserialize;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The log events of this process.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<u8>>>);

#[derive(Deserialize)]
struct Event {
    dynamodb_ms: f64,
}

impl Events {
    /// Starts to capture events.
    pub(crate) fn capture() -> Self {
        let events = Self::default();
        let writer = events.clone();
        // It fails only if the process already has a subscriber, and this one does not.
        let _ = tracing::subscriber::set_global_default(subscriber(Format::Json(Metrics::default()), move || {
            writer.clone()
        }));
        events
    }

    /// Discards the events captured so far.
    pub(crate) fn forget(&self) {
        self.lines().clear();
    }

    /// Returns how long the captured invocations waited for the store.
    pub(crate) fn waited_for_the_store(&self) -> Duration {
        let lines = self.lines();
        let events = lines
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<Event>(line).ok());
        Duration::from_secs_f64(events.map(|event| event.dynamodb_ms / 1000.0).sum())
    }

    fn lines(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Events {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
