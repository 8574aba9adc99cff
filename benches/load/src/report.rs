//! The results, and the bounds that they must meet.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Maximum ratio of the 99th percentile to the median.
const TAIL: f64 = 20.0;

/// Maximum growth of memory from the second third of a stage to the last.
const GROWTH: f64 = 0.1;

/// Minimum duration of a stage in seconds for which growth is judged. In a shorter one the server is still warming
/// up.
const WARM: usize = 30;

/// The parts of rlt's report on a stage that are used here.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    summary: Summary,
    latency: Latency,
    /// Number of requests by status, such as `Success(200)`.
    status: BTreeMap<String, u64>,
    /// Number of requests without an answer, by error.
    errors: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    iters: Iterations,
}

#[derive(Debug, Deserialize)]
struct Iterations {
    rate: f64,
}

#[derive(Debug, Deserialize)]
struct Latency {
    /// In seconds, by name, such as `p99`.
    percentiles: BTreeMap<String, f64>,
}

impl Report {
    /// Reads the report that rlt wrote to `file`.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        serde_json::from_slice(&std::fs::read(file)?).context("no request was answered")
    }

    /// Returns the requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.summary.iters.rate
    }

    /// Returns a percentile of the latency in milliseconds; NaN if rlt does not report it.
    pub(crate) fn percentile(&self, name: &str) -> f64 {
        let seconds = self.latency.percentiles.get(name);
        seconds.map_or(f64::NAN, |seconds| seconds * 1e3)
    }

    /// Returns the numbers of failed requests, by reason.
    fn failures(&self) -> impl Iterator<Item = (&String, &u64)> {
        let refused = self.status.iter().filter(|(status, _)| !status.starts_with("Success("));
        refused.chain(&self.errors)
    }
}

/// The results for one number of connections.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) connections: u32,
    pub(crate) report: Report,
    /// The server's memory in MB, once per second; empty if the system does not provide it.
    pub(crate) memory: Vec<f64>,
}

impl Stage {
    fn tail(&self) -> f64 {
        self.report.percentile("p99") / self.report.percentile("p50")
    }

    /// Returns the growth of memory from the second third of the stage to the last, by the medians; `None` for a
    /// short stage.
    fn growth(&self) -> Option<f64> {
        if self.memory.len() < WARM {
            return None;
        }
        let third = self.memory.len() / 3;
        let middle = median(self.memory.get(third..2 * third)?)?;
        let last = median(self.memory.get(2 * third..)?)?;
        Some(last / middle - 1.0)
    }

    /// Returns a message for every figure that is out of bounds.
    pub(crate) fn shortfalls(&self) -> Vec<String> {
        let connections = self.connections;
        let mut found: Vec<String> = self
            .report
            .failures()
            .map(|(why, times)| format!("{connections} connections: {times} × {why}"))
            .collect();
        let tail = self.tail();
        // NaN means that the figure is missing.
        if tail.is_nan() || tail >= TAIL {
            found.push(format!(
                "{connections} connections: p99 is {tail:.1} times p50, must be below {TAIL}"
            ));
        }
        if let Some(growth) = self.growth().filter(|growth| *growth > GROWTH) {
            found.push(format!(
                "{connections} connections: memory grew by {:.0} %",
                growth * 100.0
            ));
        }
        found
    }
}

fn median(samples: &[f64]) -> Option<f64> {
    let mut samples = samples.to_vec();
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied()
}

/// Returns the stages as a Markdown table.
pub(crate) fn table(stages: &[Stage]) -> String {
    let mut table = String::from(
        "| connections | requests/s | p50, ms | p95, ms | p99, ms | p99 / p50 | failed | memory, MB | growth |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for stage in stages {
        let Stage {
            connections,
            report,
            memory,
        } = stage;
        let [p50, p95, p99] = ["p50", "p95", "p99"].map(|name| report.percentile(name));
        let failed: u64 = report.failures().map(|(_, times)| times).sum();
        let (least, most) = memory.iter().fold((f64::INFINITY, 0.0_f64), |(least, most), sample| {
            (least.min(*sample), most.max(*sample))
        });
        let growth = stage
            .growth()
            .map_or("".to_owned(), |growth| format!("{:+.1} %", growth * 100.0));
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {connections} | {:.0} | {p50:.2} | {p95:.2} | {p99:.2} | {:.1} | {failed} | {least:.0}–{most:.0} | {growth} |",
            report.rate(),
            stage.tail(),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(p99: f64, status: &str, memory: Vec<f64>) -> Stage {
        let report = format!(
            r#"{{"summary": {{"iters": {{"rate": 10.0}}}}, "latency": {{"percentiles": {{"p50": 0.001, "p99": {p99}}}}},
                 "status": {{"Success(200)": 9, "{status}": 1}}, "errors": {{}}}}"#
        );
        Stage {
            connections: 8,
            report: serde_json::from_str(&report).unwrap_or_else(|error| unreachable!("{error}")),
            memory,
        }
    }

    #[test]
    fn a_stage_within_bounds_reports_no_shortfall() {
        let none: [String; 0] = [];
        let memory = [[1.0; 20], [50.0; 20], [54.0; 20]].concat();
        assert_eq!(stage(0.0199, "Success(201)", memory).shortfalls(), none);
    }

    #[test]
    fn a_long_tail_is_a_shortfall() {
        let found = stage(0.021, "Success(201)", Vec::new()).shortfalls();
        assert_eq!(found, ["8 connections: p99 is 21.0 times p50, must be below 20"]);
    }

    #[test]
    fn an_error_status_is_a_shortfall() {
        let found = stage(0.001, "Server Error(503)", Vec::new()).shortfalls();
        assert_eq!(found, ["8 connections: 1 × Server Error(503)"]);
    }

    #[test]
    fn growth_of_memory_in_the_last_third_is_a_shortfall() {
        let memory = [[50.0; 20], [50.0; 20], [56.0; 20]].concat();
        let found = stage(0.001, "Success(201)", memory).shortfalls();
        assert_eq!(found, ["8 connections: memory grew by 12 %"]);
    }
}
