//! Configuration, read once when a function starts.
//!
//! Every setting of a function is an environment variable. All are checked before the first event. If one is
//! invalid, the function stops with one line that names the variable ([`ConfigError`]).

mod client;
mod endpoint;
mod metrics;
mod retention;
mod roots;

pub use client::{dynamodb_client, emulator_client};
pub use endpoint::Endpoint;
pub use metrics::MetricsConfig;
pub use retention::DEFAULT_RETENTION;
pub use roots::Roots;

use aws_sdk_dynamodb::config::Credentials;
use coinolio_core::id::UserId;
use coinolio_core::sync::Retention;
use lambda_http::http::uri::Authority;

/// The settings of a function.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TABLE_NAME`: the name of the DynamoDB table.
    pub table: String,
    /// `DEV_USER`: the user of every request when no authorizer runs. Accepted only with a local DynamoDB.
    pub dev_user: Option<UserId>,
    /// How to reach DynamoDB.
    pub store: StoreConfig,
    /// `RETENTION_DAYS` and `RETENTION_VERSIONS`: the changes that compaction may remove.
    pub retention: Retention,
    /// `METRICS_NAMESPACE` and `METRICS_DIMENSIONS`: the namespace and the dimensions of the metrics.
    pub metrics: MetricsConfig,
}

/// How to reach DynamoDB: the variables that every AWS SDK reads ("AWS SDKs and Tools Reference Guide").
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `AWS_REGION`, or else `AWS_DEFAULT_REGION`, or else `us-east-1` if the endpoint is local.
    pub region: String,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, or else `AWS_ENDPOINT_URL`. `None` stands for the region's own endpoint.
    pub endpoint: Option<Endpoint>,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. All may be absent if the endpoint is
    /// local, because an emulator does not check them.
    pub credentials: Option<Credentials>,
    /// The trusted root certificates: Amazon's, and those in `AWS_CA_BUNDLE`.
    pub roots: Roots,
}

/// The reason why a function cannot start. It never contains a variable's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is unset or empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// A variable's value cannot be used.
    #[error("the environment variable {name} {problem}")]
    Unusable {
        /// The variable.
        name: &'static str,
        /// The problem, worded to follow the name.
        problem: String,
    },
}

impl ConfigError {
    /// Returns the error for the variable `name`. `problem` is worded to follow the name.
    pub(crate) fn unusable(name: &'static str, problem: impl Into<String>) -> Self {
        Self::Unusable {
            name,
            problem: problem.into(),
        }
    }
}

impl Config {
    /// Reads the configuration from the environment.
    ///
    /// # Errors
    /// Returns an error that names the first variable that is missing or invalid.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(environment)
    }

    pub(crate) fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let environment = Environment(&lookup);
        let table = table(&environment)?;
        let store = StoreConfig::read(&environment)?;
        let dev_user = dev_user(&environment, &store)?;
        let metrics = MetricsConfig::read(&environment)?;
        let retention = retention::retention(&environment)?;
        check_platform(&environment)?;
        Ok(Self {
            table,
            dev_user,
            store,
            retention,
            metrics,
        })
    }
}

impl StoreConfig {
    fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        let endpoint = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"]
            .into_iter()
            .find_map(|name| environment.get(name).map(|url| Endpoint::parse(name, &url)))
            .transpose()?;
        let is_local = endpoint.as_ref().is_some_and(Endpoint::is_local);
        let region = environment
            .get("AWS_REGION")
            .or_else(|| environment.get("AWS_DEFAULT_REGION"))
            .or_else(|| is_local.then(|| "us-east-1".to_owned()))
            .ok_or(ConfigError::Missing("AWS_REGION"))?;
        if !is_region(&region) {
            return Err(ConfigError::unusable(
                "AWS_REGION",
                "is not a region's name, such as eu-central-1",
            ));
        }
        let credentials = match credentials(environment) {
            Ok(credentials) => Some(credentials),
            Err(_) if is_local => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            region,
            endpoint,
            credentials,
            roots: Roots::read(environment.get("AWS_CA_BUNDLE").as_deref())?,
        })
    }
}

fn credentials(environment: &Environment<'_>) -> Result<Credentials, ConfigError> {
    let key = environment.required("AWS_ACCESS_KEY_ID")?;
    let secret = environment.required("AWS_SECRET_ACCESS_KEY")?;
    let token = environment.get("AWS_SESSION_TOKEN");
    // No expiry: Lambda's credentials are valid for as long as the execution environment lives.
    Ok(Credentials::new(key, secret, token, None, "environment"))
}

/// The variables of the process. An empty variable counts as unset, because `sam local` sets variables that have no
/// value to the empty string.
struct Environment<'e>(&'e dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.get(name).ok_or(ConfigError::Missing(name))
    }
}

/// Returns a variable's value. Bytes that are not Unicode are replaced, which makes the value invalid for every
/// variable.
fn environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Reads a table's name: 3 to 255 of `a–z A–Z 0–9 _ . -` (DynamoDB Developer Guide, "Naming rules").
///
/// The SDK also accepts an ARN. But DynamoDB may list the unprocessed writes of a batch under the table's name, and
/// with an ARN the lookup by name would not find them: they would look processed.
fn table(environment: &Environment<'_>) -> Result<String, ConfigError> {
    const NAME: &str = "TABLE_NAME";
    let table = environment.required(NAME)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if (3..=255).contains(&table.len()) && table.bytes().all(allowed) {
        return Ok(table);
    }
    let problem = "is not a table's name: 3 to 255 of a-z, A-Z, 0-9, '_', '.' and '-' (not an ARN)";
    Err(ConfigError::unusable(NAME, problem))
}

/// Reads the development identity. It is allowed only with a DynamoDB on this machine, which holds no real user's
/// data, and never in Lambda.
fn dev_user(environment: &Environment<'_>, store: &StoreConfig) -> Result<Option<UserId>, ConfigError> {
    const NAME: &str = "DEV_USER";
    let Some(user) = environment.get(NAME) else {
        return Ok(None);
    };
    if is_deployed(environment) {
        return Err(ConfigError::unusable(
            NAME,
            "is set in Lambda: a development identity is for local runs only",
        ));
    }
    if !store.endpoint.as_ref().is_some_and(Endpoint::is_local) {
        return Err(ConfigError::unusable(
            NAME,
            "is set without a local DynamoDB: AWS_ENDPOINT_URL_DYNAMODB has to name localhost, \
             a loopback address or host.docker.internal",
        ));
    }
    UserId::parse(&user).map(Some).map_err(|_| {
        ConfigError::unusable(
            NAME,
            "cannot name a user: 1 to 255 bytes without '#' and control characters",
        )
    })
}

/// Returns true if the function runs in AWS. Lambda sets `AWS_LAMBDA_INITIALIZATION_TYPE` in every environment
/// ("Defined runtime environment variables"). cargo-lambda does not set it. `sam local` does, but also sets
/// `AWS_SAM_LOCAL`.
fn is_deployed(environment: &Environment<'_>) -> bool {
    let emulated = environment.get("AWS_SAM_LOCAL").as_deref() == Some("true");
    environment.get("AWS_LAMBDA_INITIALIZATION_TYPE").is_some() && !emulated
}

/// Checks the variables that Lambda sets for its runtime library.
fn check_platform(environment: &Environment<'_>) -> Result<(), ConfigError> {
    for name in ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"] {
        environment.required(name)?;
    }
    let memory = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
    if environment.required(memory)?.parse::<i32>().is_err() {
        return Err(ConfigError::unusable(memory, "is not a number of megabytes"));
    }
    let api = "AWS_LAMBDA_RUNTIME_API";
    let address = environment.required(api)?;
    let address = address.strip_prefix("http://").unwrap_or(&address);
    // A path may follow the authority: cargo-lambda serves each function under a separate path.
    let authority = address.split_once('/').map_or(address, |(authority, _)| authority);
    if authority.parse::<Authority>().is_err() {
        return Err(ConfigError::unusable(api, "is not a host and port"));
    }
    Ok(())
}

/// Returns true if `name` can safely be part of a host name. The SDK itself refuses unknown regions.
fn is_region(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
