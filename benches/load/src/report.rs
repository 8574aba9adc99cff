//! What was measured, and the bounds that it is held against.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// At most this many times the median may the 99th percentile be.
const TAIL: f64 = 20.0;

/// At most this share may memory grow from the second third of a stage to the last.
const GROWTH: f64 = 0.1;

/// So many seconds a stage lasts at least before growth is more than the server's warming up.
const WARM: usize = 30;

/// What rlt says of a stage, as far as it is used.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    summary: Summary,
    latency: Latency,
    /// How many requests had which status, such as `Success(200)`.
    status: BTreeMap<String, u64>,
    /// How many requests had no answer, by the error.
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
    /// In seconds, by names such as `p99`.
    percentiles: BTreeMap<String, f64>,
}

impl Report {
    /// Reads what rlt wrote to `file`.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        serde_json::from_slice(&std::fs::read(file)?).context("no request had an answer")
    }

    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.summary.iters.rate
    }

    /// A percentile of the latency in milliseconds; not a number where rlt leaves it out.
    pub(crate) fn percentile(&self, name: &str) -> f64 {
        let seconds = self.latency.percentiles.get(name);
        seconds.map_or(f64::NAN, |seconds| seconds * 1e3)
    }

    /// The requests without a success, and why.
    fn failures(&self) -> impl Iterator<Item = (&String, &u64)> {
        let refused = self.status.iter().filter(|(status, _)| !status.starts_with("Success("));
        refused.chain(&self.errors)
    }
}

/// One number of connections.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) connections: u32,
    pub(crate) report: Report,
    /// The server's memory second by second, in MB; none where the system does not tell.
    pub(crate) memory: Vec<f64>,
}

impl Stage {
    fn tail(&self) -> f64 {
        self.report.percentile("p99") / self.report.percentile("p50")
    }

    /// How much memory grew from the second third of the stage to the last, by the medians; nothing of a short stage.
    fn growth(&self) -> Option<f64> {
        if self.memory.len() < WARM {
            return None;
        }
        let third = self.memory.len() / 3;
        let middle = median(self.memory.get(third..2 * third)?)?;
        let last = median(self.memory.get(2 * third..)?)?;
        Some(last / middle - 1.0)
    }

    /// Every figure that is out of bounds.
    pub(crate) fn shortfalls(&self) -> Vec<String> {
        let connections = self.connections;
        let mut found: Vec<String> = self
            .report
            .failures()
            .map(|(why, times)| format!("{connections} connections: {times} × {why}"))
            .collect();
        let tail = self.tail();
        // A figure that is not a number is none.
        if tail.is_nan() || tail >= TAIL {
            found.push(format!(
                "{connections} connections: p99 is {tail:.1} times p50, not under {TAIL}"
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

/// The stages as a table in Markdown.
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
        // Writing to a string does not fail.
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
    fn a_stage_within_bounds_has_no_shortfalls() {
        let none: [String; 0] = [];
        let memory = [[1.0; 20], [50.0; 20], [54.0; 20]].concat();
        assert_eq!(stage(0.0199, "Success(201)", memory).shortfalls(), none);
    }

    #[test]
    fn a_long_tail_falls_short() {
        let found = stage(0.021, "Success(201)", Vec::new()).shortfalls();
        assert_eq!(found, ["8 connections: p99 is 21.0 times p50, not under 20"]);
    }

    #[test]
    fn an_error_status_falls_short() {
        let found = stage(0.001, "Server Error(503)", Vec::new()).shortfalls();
        assert_eq!(found, ["8 connections: 1 × Server Error(503)"]);
    }

    #[test]
    fn memory_that_grows_through_the_last_third_falls_short() {
        let memory = [[50.0; 20], [50.0; 20], [56.0; 20]].concat();
        let found = stage(0.001, "Success(201)", memory).shortfalls();
        assert_eq!(found, ["8 connections: memory grew by 12 %"]);
    }
}
