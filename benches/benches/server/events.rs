//! The functions' log events, written as in AWS and kept for the benchmark to read.

use coinolio_aws::telemetry::{Format, Metrics, subscriber};
use serde::Deserialize;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The events of this process.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<u8>>>);

#[derive(Deserialize)]
struct Event {
    dynamodb_ms: f64,
}

impl Events {
    /// Captures the events from now on.
    pub(crate) fn capture() -> Self {
        let events = Self::default();
        let writer = events.clone();
        // Fails only where the process has a subscriber already, which this one has not.
        let _ = tracing::subscriber::set_global_default(subscriber(Format::Json(Metrics::default()), move || {
            writer.clone()
        }));
        events
    }

    /// Forgets the events so far.
    pub(crate) fn forget(&self) {
        self.lines().clear();
    }

    /// How long the invocations since then waited for the store.
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
