//! The JSON form of a log event, which is one line. For an invocation's event, the line is also a document in
//! embedded metric format.
//!
//! Source: "Specification: Embedded metric format", CloudWatch User Guide. The member `_aws` lists the members that
//! are metrics. CloudWatch Logs extracts their values from the line, so metrics need no requests.

use crate::config::MetricsConfig;
use crate::metrics::{METRICS, Metric};
use serde::Serialize;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

/// The target of the invocations' log events. Only these events have metrics.
pub(super) const INVOCATION: &str = "invocation";

/// Writes log events as JSON, and adds the metrics to the events of invocations.
pub(super) struct Lines {
    json: Format<Json>,
    metrics: MetricsConfig,
}

impl Lines {
    pub(super) fn new(metrics: MetricsConfig) -> Self {
        let json = Format::default()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false);
        Self { json, metrics }
    }

    /// Returns the members that turn an event with the members `present` into an embedded metric format document:
    /// `_aws` and the values of the dimensions, each followed by a comma.
    fn members(&self, present: &Present) -> serde_json::Result<String> {
        let names: Vec<&str> = self.metrics.dimensions.iter().map(|(name, _)| name.as_str()).collect();
        let mut directives = vec![self.directive(names.clone(), &present.metrics)];
        for metric in &present.metrics {
            if let Some(by) = metric.by.filter(|by| present.members.contains(by)) {
                let names = [names.as_slice(), &[by]].concat();
                directives.push(self.directive(names, std::slice::from_ref(metric)));
            }
        }
        let metadata = Metadata {
            timestamp: milliseconds(SystemTime::now()),
            cloud_watch_metrics: directives,
        };
        let mut members = format!("\"_aws\":{},", serde_json::to_string(&metadata)?);
        for (name, value) in &self.metrics.dimensions {
            let (name, value) = (serde_json::to_string(name)?, serde_json::to_string(value)?);
            members.extend([&name, ":", &value, ","]);
        }
        Ok(members)
    }

    fn directive<'d>(&'d self, dimensions: Vec<&'d str>, metrics: &[&'static Metric]) -> Directive<'d> {
        let definition = |metric: &&'static Metric| Definition {
            name: metric.name,
            unit: metric.unit.as_str(),
        };
        Directive {
            namespace: &self.metrics.namespace,
            dimensions: [dimensions],
            metrics: metrics.iter().map(definition).collect(),
        }
    }
}

/// The value of `_aws`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'d> {
    timestamp: u64,
    cloud_watch_metrics: Vec<Directive<'d>>,
}

/// Metrics with the same dimensions.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'d> {
    namespace: &'d str,
    dimensions: [Vec<&'d str>; 1],
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

impl<S> FormatEvent<S, JsonFields> for Lines
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() != INVOCATION {
            return self.json.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.json.format_event(context, Writer::new(&mut line), event)?;
        let mut present = Present::default();
        event.record(&mut present);
        match line.strip_prefix('{') {
            Some(rest) => {
                let members = self.members(&present).map_err(|_| fmt::Error)?;
                write!(writer, "{{{members}{rest}")
            }
            None => writer.write_str(&line),
        }
    }
}

/// The members that an event has. An `Option` that is `None` is not recorded.
#[derive(Default)]
struct Present {
    metrics: Vec<&'static Metric>,
    members: Vec<&'static str>,
}

impl Visit for Present {
    // Only finite numbers: JSON has no others, and the line would not be a valid document if a metric were `null`.
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.members.push(field.name());
        self.metrics
            .extend(METRICS.iter().find(|metric| metric.name == field.name()));
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::INVOCATION;
    use crate::config::MetricsConfig;
    use crate::telemetry::{Format, subscriber};
    use serde_json::{Map, Value, json};
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the lines that are logged while `write` runs.
    fn lines(write: impl FnOnce()) -> Vec<Map<String, Value>> {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(Format::Json(MetricsConfig::default()), move || writer.clone());
        tracing::subscriber::with_default(subscriber, write);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn only_the_event_of_an_invocation_is_an_embedded_metric_format_document() {
        let lines = lines(|| {
            tracing::info!(target: INVOCATION, Requests = 1, "invocation");
            tracing::info!(target: "elsewhere", Requests = 1, "invocation");
        });
        let documents: Vec<bool> = lines.iter().map(|line| line.contains_key("_aws")).collect();
        assert_eq!(documents, [true, false]);
    }

    #[test]
    fn a_metric_that_is_not_a_finite_number_is_not_declared() {
        for units in [f64::NAN, f64::INFINITY] {
            let lines = lines(|| tracing::info!(target: INVOCATION, Requests = 1, ReadUnits = units, "invocation"));
            let declared = &lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"];
            assert_eq!(declared, &json!([{"Name": "Requests", "Unit": "Count"}]));
        }
    }
}
