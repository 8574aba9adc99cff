//! Measures the server's resident memory while it is under load.

use std::convert::Infallible;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);

/// Adds the process's resident memory in MB to `samples`, once a second.
pub(crate) async fn watch(process: Option<u32>, samples: &mut Vec<f64>) -> Infallible {
    loop {
        samples.extend(process.and_then(resident_megabytes));
        tokio::time::sleep(EVERY).await;
    }
}

/// Returns `VmRSS` of `/proc/<process>/status` (Linux, proc(5)); `None` on other systems.
fn resident_megabytes(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
