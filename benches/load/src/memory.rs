//! The server's resident memory while it is under load.

use anyhow::{Context, Result};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_secs(1);

/// A watch over a process.
#[derive(Debug)]
pub(crate) struct Memory {
    stop: oneshot::Sender<()>,
    samples: JoinHandle<Vec<f64>>,
}

impl Memory {
    /// Looks at the process every second from now on.
    pub(crate) fn watch(process: Option<u32>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let samples = tokio::spawn(async move {
            let mut samples = Vec::new();
            loop {
                samples.extend(process.and_then(resident_megabytes));
                tokio::select! {
                    _ = &mut stopped => return samples,
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        });
        Self { stop, samples }
    }

    /// Ends the watch: what was seen, in MB.
    pub(crate) async fn samples(self) -> Result<Vec<f64>> {
        // It has ended by itself only where it panicked, which the next line says.
        let _ = self.stop.send(());
        self.samples.await.context("the watch over memory ended")
    }
}

/// `VmRSS` of `/proc/<process>/status` (Linux, proc(5)); nothing on other systems.
fn resident_megabytes(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
