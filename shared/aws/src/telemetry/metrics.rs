//! The metrics: what CloudWatch makes of an invocation's event.

use crate::config::ConfigError;

/// The unit of a metric, as CloudWatch names it (CloudWatch API Reference, `MetricDatum`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A size in bytes.
    Bytes,
    /// A time in milliseconds.
    Milliseconds,
}

impl Unit {
    /// CloudWatch's name of the unit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// A metric: a member of the invocation's event that CloudWatch takes the value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, and the member's.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// The member that it is counted by too, besides the configured dimensions alone.
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

/// Every metric (design section 6). docs/OBSERVABILITY.md says what each means and when it is there.
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

/// The most dimensions that a metric may have (embedded metric format, "DimensionSet").
const MOST_DIMENSIONS: usize = 30;

/// The longest name of a dimension: CloudWatch takes 255 characters, the embedded metric format's schema 250.
const LONGEST_NAME: usize = 250;

/// Where the metrics go: a namespace, and the dimensions that each of them has.
///
/// The default is for machines of developers: namespace `Coinolio/Sync`, dimension `Stage=local`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// The namespace.
    pub namespace: String,
    /// Names and values of the dimensions; at least one.
    pub dimensions: Vec<(String, String)>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            namespace: "Coinolio/Sync".to_owned(),
            dimensions: vec![("Stage".to_owned(), "local".to_owned())],
        }
    }
}

impl Metrics {
    /// What `METRICS_NAMESPACE` and `METRICS_DIMENSIONS` say, the defaults where they say nothing.
    ///
    /// The dimensions are `Name=value` pairs with commas between them, such as `Stage=prod,Team=sync`.
    ///
    /// # Errors
    /// What CloudWatch would refuse or silently drop (CloudWatch API Reference, `PutMetricData` and `Dimension`).
    pub(crate) fn from_lookup(lookup: &impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        let default = Self::default();
        let namespace = match lookup("METRICS_NAMESPACE") {
            Some(value) => namespace(value)?,
            None => default.namespace,
        };
        let dimensions = match lookup("METRICS_DIMENSIONS") {
            Some(value) => dimensions(&value)?,
            None => default.dimensions,
        };
        Ok(Self { namespace, dimensions })
    }
}

/// A namespace as CloudWatch takes it (CloudWatch User Guide, "Metrics concepts"; CloudWatch API Reference,
/// `PutMetricData`).
fn namespace(value: String) -> Result<String, ConfigError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/#: ".contains(&byte);
    let reserved = value.starts_with("AWS/") || value.starts_with(':');
    if value.len() > 255 || value.trim().is_empty() || !value.bytes().all(allowed) || reserved {
        let rule = "is no namespace: up to 255 of A-Z a-z 0-9 . _ - / # : and spaces, not spaces alone, \
                    not beginning with AWS/ or a colon";
        return Err(ConfigError::unusable("METRICS_NAMESPACE", rule));
    }
    Ok(value)
}

fn dimensions(value: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let unusable = |problem: String| ConfigError::unusable("METRICS_DIMENSIONS", problem);
    let mut found: Vec<(String, String)> = Vec::new();
    for pair in value.split(',') {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| unusable("needs Name=value pairs with commas between them".to_owned()))?;
        let named = |text: &str| !text.trim().is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !named(name) || name.len() > LONGEST_NAME || name.starts_with(':') {
            return Err(unusable(
                "has a name that is none: 1 to 250 ASCII characters, not beginning with a colon".to_owned(),
            ));
        }
        if !named(value) || value.len() > 1024 {
            return Err(unusable(format!("needs 1 to 1024 ASCII characters for {name}")));
        }
        if super::format::is_member(name) || found.iter().any(|(known, _)| known == name) {
            return Err(unusable(format!(
                "must not name {name}: the event has such a member already"
            )));
        }
        found.push((name.to_owned(), value.to_owned()));
    }
    // One is left for what some metrics are counted by too.
    if found.len() >= MOST_DIMENSIONS {
        return Err(unusable(format!("has more than {} dimensions", MOST_DIMENSIONS - 1)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    fn metrics(namespace: Option<&str>, dimensions: Option<&str>) -> Result<Metrics, String> {
        let lookup = |name: &'static str| match name {
            "METRICS_NAMESPACE" => namespace.map(str::to_owned),
            _ => dimensions.map(str::to_owned),
        };
        Metrics::from_lookup(&lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn without_variables_the_defaults_hold() {
        assert_eq!(metrics(None, None), Ok(Metrics::default()));
    }

    #[test]
    fn namespace_and_dimensions_are_what_the_variables_say() {
        let found = metrics(Some("A/b.c_d-e#f:g h"), Some("Stage=prod,Team=a=b")).unwrap();
        assert_eq!(found.namespace, "A/b.c_d-e#f:g h");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found.dimensions, [pair("Stage", "prod"), pair("Team", "a=b")]);
    }

    #[test]
    fn what_cloudwatch_would_refuse_is_refused_by_the_variables_name() {
        for namespace in ["AWS/Lambda", " ", ":a", "a,b", "a\nb", "é", &"a".repeat(256)] {
            let refusal = metrics(Some(namespace), None).unwrap_err();
            assert!(
                refusal.contains("METRICS_NAMESPACE") && refusal.lines().count() == 1,
                "{refusal}"
            );
        }
        let many: Vec<String> = (0..30).map(|n| format!("D{n}=x")).collect();
        for dimensions in [
            "Stage",
            "=x",
            "Stage=",
            "Stage= ",
            ":a=b",
            "Stage=é",
            "Stage=a,",
            "Stage=a,Stage=b",
            "Code=x",
            "Outcome=x",
            "Requests=x",
            "level=x",
            "_aws=x",
            &many.join(","),
            &format!("{}=x", "n".repeat(251)),
            &format!("n={}", "v".repeat(1025)),
        ] {
            let refusal = metrics(None, Some(dimensions)).unwrap_err();
            assert!(
                refusal.contains("METRICS_DIMENSIONS") && refusal.lines().count() == 1,
                "{refusal}"
            );
        }
        assert!(metrics(None, Some(&many[..29].join(","))).is_ok());
        assert!(metrics(None, Some(&format!("{}=x", "n".repeat(250)))).is_ok());
    }
}
