//! The JSON form of an event: one line, which for an invocation's event is an embedded metric format document
//! too.
//!
//! Source: "Specification: Embedded metric format", CloudWatch User Guide. The member `_aws` names the
//! members whose values are metrics, and CloudWatch Logs takes them out of the line: no metric costs a call.

use super::metrics::{METRICS, Metric, Metrics};
use serde::Serialize;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

/// The target of the invocations' events; no other event has metrics.
pub(super) const INVOCATION: &str = "invocation";

/// Writes events as JSON, the invocations' with their metrics.
pub(super) struct Lines {
    json: Format<Json>,
    metrics: Metrics,
}

impl Lines {
    pub(super) fn new(metrics: Metrics) -> Self {
        let json = Format::default()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false);
        Self { json, metrics }
    }

    /// The members that make an event with the members `present` a document: `_aws` and the dimensions'
    /// values, each with a comma after it.
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

/// Metrics that have the same dimensions.
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

/// The members that an event has: an `Option` that is `None` is not recorded.
#[derive(Default)]
struct Present {
    metrics: Vec<&'static Metric>,
    members: Vec<&'static str>,
}

impl Visit for Present {
    // JSON has no other numbers, and a metric that is `null` would make the line no document.
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

/// True where an invocation's event may have such a member, so that no dimension may be called so.
pub(super) fn is_member(name: &str) -> bool {
    const OTHERS: [&str; 14] = [
        "_aws",
        "timestamp",
        "level",
        "target",
        "message",
        "request_id",
        "route",
        "status",
        "cause",
        "repeated",
        "duration_ms",
        "dynamodb_ms",
        "Outcome",
        "Code",
    ];
    OTHERS.contains(&name) || METRICS.iter().any(|metric| metric.name == name)
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{INVOCATION, is_member};
    use crate::telemetry::{Format, METRICS, Metrics, subscriber};
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

    /// The lines that `write` writes.
    fn lines(write: impl FnOnce()) -> Vec<Map<String, Value>> {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(Format::Json(Metrics::default()), move || writer.clone());
        tracing::subscriber::with_default(subscriber, write);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn only_an_invocations_event_is_an_embedded_metric_format_document() {
        let lines = lines(|| {
            tracing::info!(target: INVOCATION, Requests = 1, "invocation");
            tracing::info!(target: "elsewhere", Requests = 1, "invocation");
        });
        let documents: Vec<bool> = lines.iter().map(|line| line.contains_key("_aws")).collect();
        assert_eq!(documents, [true, false]);
    }

    #[test]
    fn a_metric_that_is_no_finite_number_is_not_declared() {
        for units in [f64::NAN, f64::INFINITY] {
            let lines = lines(|| tracing::info!(target: INVOCATION, Requests = 1, ReadUnits = units, "invocation"));
            let declared = &lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"];
            assert_eq!(declared, &json!([{"Name": "Requests", "Unit": "Count"}]));
        }
    }

    #[test]
    fn no_dimension_may_be_called_as_a_metric_or_what_it_is_counted_by() {
        for metric in &METRICS {
            assert!(is_member(metric.name), "{}", metric.name);
            assert!(metric.by.is_none_or(is_member), "{:?}", metric.by);
        }
        assert!(!is_member("Stage"));
    }
}
