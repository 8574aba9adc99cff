//! Configuration, read once when a function starts.

use crate::telemetry::Metrics;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use std::time::Duration;

/// The SDK's defaults as of this date: they change with a change of this line, not with an upgrade.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// What a function's environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `TABLE_NAME`: the DynamoDB table.
    pub table: String,
    /// `METRICS_NAMESPACE` and `METRICS_DIMENSIONS`: where the metrics go.
    pub metrics: Metrics,
}

/// Why a function cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// A variable's value cannot be used.
    #[error("the environment variable {name} {problem}")]
    Unusable {
        /// The variable.
        name: &'static str,
        /// What is wrong with its value, which is not repeated: it may be a secret.
        problem: String,
    },
}

impl ConfigError {
    /// What is wrong with the value of `name`.
    pub(crate) fn unusable(name: &'static str, problem: impl Into<String>) -> Self {
        let problem = problem.into();
        Self::Unusable { name, problem }
    }
}

impl Config {
    /// Reads the environment. `AWS_ENDPOINT_URL_DYNAMODB`, region and credentials are the SDK's own
    /// matter.
    ///
    /// # Errors
    /// The first variable that is missing, by its name.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(lookup: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        let lookup = |name| lookup(name).filter(|value| !value.is_empty());
        Ok(Self {
            table: lookup("TABLE_NAME").ok_or(ConfigError::Missing("TABLE_NAME"))?,
            metrics: Metrics::from_lookup(&lookup)?,
        })
    }
}

/// A client for the environment's DynamoDB.
///
/// A connection is made in a millisecond or not at all: 1 s. An attempt is a few milliseconds, or some
/// hundred for a batch of 9 MB: after 3 s it is lost. All attempts together end after 8 s, so that the
/// function still answers 503 within its own time and API Gateway's 29 s. Three attempts, as in the
/// SDK's standard mode; a longer outage is the app's to retry, with its `Retry-After`.
pub async fn dynamodb_client() -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build();
    let config = aws_config::defaults(behavior())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .load()
        .await;
    Client::new(&config)
}

/// A client for an emulated DynamoDB at `endpoint`, such as `http://127.0.0.1:8000`, which checks no
/// credentials. It has no timeouts: an emulator shares its machine with whatever else runs there.
///
/// All it needs is said here: no environment variable, profile, metadata service or trust store is read.
/// (The SDK's own HTTP client reads the operating system's certificates first, which takes a while and
/// fails on machines that have none.)
pub fn emulator_client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(behavior())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

#[cfg(test)]
mod tests {
    use super::{Config, ConfigError};
    use crate::telemetry::Metrics;

    #[test]
    fn a_missing_or_empty_variable_is_named() {
        for value in [None, Some(String::new())] {
            let error = Config::from_lookup(|_| value.clone());
            assert_eq!(error, Err(ConfigError::Missing("TABLE_NAME")));
        }
        let text = ConfigError::Missing("TABLE_NAME").to_string();
        assert_eq!(text, "the environment variable TABLE_NAME is not set");
        let config = Config::from_lookup(|name| (name == "TABLE_NAME").then(|| "coinolio".to_owned()));
        let expected = Config {
            table: "coinolio".to_owned(),
            metrics: Metrics::default(),
        };
        assert_eq!(config, Ok(expected));
    }
}
