//! The JSON form of an event: one line, which for an invocation's event is an embedded metric format document
//! too.
//!
//! Source: "Specification: Embedded metric format", CloudWatch User Guide. The member `_aws` names the
//! members whose values are metrics, and CloudWatch Logs takes them out of the line: no metric costs a call.

use super::metrics::{METRICS, Metric, Metrics};
use serde_json::{Value, json};
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
    fn members(&self, present: &Present) -> String {
        let names: Vec<&str> = self.metrics.dimensions.iter().map(|(name, _)| name.as_str()).collect();
        let mut directives = vec![self.directive(&names, present.metrics.iter())];
        for metric in &present.metrics {
            if let Some(by) = metric.by.filter(|by| present.members.contains(by)) {
                let names = [names.as_slice(), &[by]].concat();
                directives.push(self.directive(&names, std::iter::once(metric)));
            }
        }
        let aws = json!({ "Timestamp": milliseconds(SystemTime::now()), "CloudWatchMetrics": directives });
        let mut members = format!("\"_aws\":{aws},");
        for (name, value) in &self.metrics.dimensions {
            members += &format!("{}:{},", json!(name), json!(value));
        }
        members
    }

    fn directive<'m>(&self, dimensions: &[&str], metrics: impl Iterator<Item = &'m &'static Metric>) -> Value {
        let metrics: Vec<_> = metrics
            .map(|metric| json!({ "Name": metric.name, "Unit": metric.unit.as_str() }))
            .collect();
        json!({ "Namespace": self.metrics.namespace, "Dimensions": [dimensions], "Metrics": metrics })
    }
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
            Some(rest) => write!(writer, "{{{}{rest}", self.members(&present)),
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
    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.members.push(field.name());
        self.metrics
            .extend(METRICS.iter().find(|metric| metric.name == field.name()));
    }
}

/// True where an invocation's event may have such a member, so that no dimension may be called so.
pub(super) fn is_member(name: &str) -> bool {
    const OTHERS: [&str; 15] = [
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
        "filename",
    ];
    OTHERS.contains(&name) || METRICS.iter().any(|metric| metric.name == name)
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
