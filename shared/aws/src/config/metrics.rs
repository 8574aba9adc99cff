//! The namespace and the dimensions of the metrics.

use super::{ConfigError, Environment};
use crate::metrics::is_member;

/// The maximum number of dimensions of a metric (embedded metric format, "DimensionSet").
const MOST_DIMENSIONS: usize = 30;

/// The maximum length of a dimension's name. CloudWatch accepts 255 characters, the embedded metric format's schema
/// 250.
const LONGEST_NAME: usize = 250;

/// The namespace of the metrics, and the dimensions that every metric has.
///
/// The default suits a developer's machine: namespace `Coinolio/Sync`, dimension `Stage=local`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// The namespace.
    pub namespace: String,
    /// The names and values of the dimensions. There is at least one.
    pub dimensions: Vec<(String, String)>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            namespace: "Coinolio/Sync".to_owned(),
            dimensions: vec![("Stage".to_owned(), "local".to_owned())],
        }
    }
}

impl MetricsConfig {
    /// Reads `METRICS_NAMESPACE` and `METRICS_DIMENSIONS`. Both have defaults.
    ///
    /// The dimensions are comma-separated `Name=value` pairs, such as `Stage=prod,Team=sync`.
    ///
    /// # Errors
    /// Fails for values that CloudWatch would refuse or silently drop (CloudWatch API Reference, `PutMetricData` and
    /// `Dimension`).
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        let default = Self::default();
        let namespace = match environment.get("METRICS_NAMESPACE") {
            Some(value) => namespace(value)?,
            None => default.namespace,
        };
        let dimensions = match environment.get("METRICS_DIMENSIONS") {
            Some(value) => dimensions(&value)?,
            None => default.dimensions,
        };
        Ok(Self { namespace, dimensions })
    }
}

/// Checks a namespace by CloudWatch's rules (CloudWatch User Guide, "Metrics concepts"; CloudWatch API Reference,
/// `PutMetricData`).
fn namespace(value: String) -> Result<String, ConfigError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/#: ".contains(&byte);
    let reserved = value.starts_with("AWS/") || value.starts_with(':');
    if value.len() > 255 || value.trim().is_empty() || !value.bytes().all(allowed) || reserved {
        let rule = "is not a namespace: up to 255 of A-Z a-z 0-9 . _ - / # : and spaces, not only spaces, \
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
                "has an invalid name: names have 1 to 250 ASCII characters and do not begin with a colon".to_owned(),
            ));
        }
        if !named(value) || value.len() > 1024 {
            return Err(unusable(format!("needs 1 to 1024 ASCII characters for {name}")));
        }
        if is_member(name) || found.iter().any(|(known, _)| known == name) {
            return Err(unusable(format!(
                "must not name {name}: the log event already has such a member"
            )));
        }
        found.push((name.to_owned(), value.to_owned()));
    }
    // Leave room for one more dimension, because some metrics add one (`Metric::by`).
    if found.len() >= MOST_DIMENSIONS {
        return Err(unusable(format!("has more than {} dimensions", MOST_DIMENSIONS - 1)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Environment;
    use super::MetricsConfig;

    fn metrics(namespace: Option<&str>, dimensions: Option<&str>) -> Result<MetricsConfig, String> {
        let lookup = |name: &str| match name {
            "METRICS_NAMESPACE" => namespace.map(str::to_owned),
            _ => dimensions.map(str::to_owned),
        };
        MetricsConfig::read(&Environment(&lookup)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_apply_without_variables() {
        assert_eq!(metrics(None, None), Ok(MetricsConfig::default()));
    }

    #[test]
    fn the_variables_set_namespace_and_dimensions() {
        let found = metrics(Some("A/b.c_d-e#f:g h"), Some("Stage=prod,Team=a=b")).unwrap();
        assert_eq!(found.namespace, "A/b.c_d-e#f:g h");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found.dimensions, [pair("Stage", "prod"), pair("Team", "a=b")]);
    }

    #[test]
    fn a_value_that_cloudwatch_would_refuse_is_refused_by_the_variables_name() {
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
