//! The metrics that CloudWatch extracts from an invocation's log event.

/// The unit of a metric (CloudWatch API Reference, `MetricDatum`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number.
    Count,
    /// A size in bytes.
    Bytes,
    /// A time in milliseconds.
    Milliseconds,
}

impl Unit {
    /// Returns CloudWatch's name of the unit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// A metric: a member of the log event whose value CloudWatch extracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name of the metric and of the member.
    pub name: &'static str,
    /// The unit.
    pub unit: Unit,
    /// The member whose value is an additional dimension, if any. The metric is then published both with and
    /// without it.
    pub by: Option<&'static str>,
}

const fn metric(name: &'static str, unit: Unit) -> Metric {
    Metric { name, unit, by: None }
}

const fn by(name: &'static str, unit: Unit, by: &'static str) -> Metric {
    Metric {
        name,
        unit,
        by: Some(by),
    }
}

/// Every metric. `docs/OBSERVABILITY.md` explains each and says when it is present.
pub const METRICS: [Metric; 19] = [
    metric("Requests", Unit::Count),
    by("Errors", Unit::Count, "Code"),
    metric("ServerErrors", Unit::Count),
    metric("ColdStarts", Unit::Count),
    by("Syncs", Unit::Count, "Outcome"),
    metric("SyncDuration", Unit::Milliseconds),
    metric("Conflicts", Unit::Count),
    metric("OptimisticRetries", Unit::Count),
    metric("UploadBytes", Unit::Bytes),
    metric("DownloadBytes", Unit::Bytes),
    metric("PatchBytes", Unit::Bytes),
    metric("DocumentBytes", Unit::Bytes),
    metric("DynamoDbRequests", Unit::Count),
    metric("ReadUnits", Unit::Count),
    metric("WriteUnits", Unit::Count),
    metric("StreamRecords", Unit::Count),
    metric("FailedRecords", Unit::Count),
    metric("Snapshots", Unit::Count),
    metric("ChangesRemoved", Unit::Count),
];

/// Returns true if an invocation's log event may contain a member of this name. A configured dimension becomes a
/// member too, so it must not have such a name.
pub(crate) fn is_member(name: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::{METRICS, is_member};

    #[test]
    fn the_names_of_metrics_and_of_their_additional_dimensions_are_members() {
        for metric in &METRICS {
            assert!(is_member(metric.name), "{}", metric.name);
            assert!(metric.by.is_none_or(is_member), "{:?}", metric.by);
        }
        assert!(!is_member("Stage"));
    }
}
