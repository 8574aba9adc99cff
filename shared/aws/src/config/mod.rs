//! Configuration, read once when a function starts.
//!
//! A function takes its settings from environment variables and from nothing else. Each is checked before the
//! first event: a wrong one stops the function with one line that names it ([`ConfigError`]).

mod client;
mod endpoint;
mod retention;
mod roots;

pub use client::{dynamodb_client, emulator_client};
pub use endpoint::Endpoint;
pub use retention::DEFAULT_RETENTION;
pub use roots::Roots;

use crate::telemetry::Metrics;
use aws_sdk_dynamodb::config::Credentials;
use coinolio_core::id::UserId;
use coinolio_core::sync::Retention;
use lambda_http::http::uri::Authority;

/// What a function's environment says.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TABLE_NAME`: the DynamoDB table.
    pub table: String,
    /// `DEV_USER`: who asks where no authorizer runs. Only ever set together with a local DynamoDB.
    pub dev_user: Option<UserId>,
    /// Where DynamoDB is and how it is reached.
    pub store: StoreConfig,
    /// `RETENTION_DAYS` and `RETENTION_VERSIONS`: what compaction may remove.
    pub retention: Retention,
    /// `METRICS_NAMESPACE` and `METRICS_DIMENSIONS`: where the metrics go.
    pub metrics: Metrics,
}

/// How DynamoDB is reached: by the variables that every AWS SDK knows ("AWS SDKs and Tools Reference Guide").
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`; `us-east-1` for a local endpoint without either.
    pub region: String,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`; without it the region's own.
    pub endpoint: Option<Endpoint>,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; only a local endpoint, which checks none,
    /// does without.
    pub credentials: Option<Credentials>,
    /// The roots that an HTTPS endpoint must chain to: Amazon's, and those of `AWS_CA_BUNDLE`.
    pub roots: Roots,
}

/// Why a function cannot start. It never holds a variable's value.
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
        /// What is wrong with it, to be read after the name.
        problem: String,
    },
}

impl ConfigError {
    /// The variable `name` cannot be used: `problem` says why, to be read after the name.
    pub(crate) fn unusable(name: &'static str, problem: impl Into<String>) -> Self {
        Self::Unusable {
            name,
            problem: problem.into(),
        }
    }
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// The first variable that is missing or wrong, by its name.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(environment)
    }

    pub(crate) fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let environment = Environment(&lookup);
        let table = table(&environment)?;
        let store = StoreConfig::read(&environment)?;
        let dev_user = dev_user(&environment, &store)?;
        let metrics = Metrics::from_lookup(&|name| environment.get(name))?;
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
    // Lambda gives each environment credentials for its whole life: they never expire here.
    Ok(Credentials::new(key, secret, token, None, "environment"))
}

/// The variables of the process, an empty one being one that is not set: `sam local` empties those that it
/// has no value for.
struct Environment<'e>(&'e dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.get(name).ok_or(ConfigError::Missing(name))
    }
}

/// A variable's value; what of it is not Unicode cannot be part of any right value, and stays recognisably wrong.
fn environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// A table's name: 3 to 255 of `a–z A–Z 0–9 _ . -` (DynamoDB Developer Guide, "Naming rules").
///
/// The SDK takes an ARN as well, but DynamoDB may name the table by its name in its answer about a batch's
/// unprocessed writes: those would then be taken for written.
fn table(environment: &Environment<'_>) -> Result<String, ConfigError> {
    const NAME: &str = "TABLE_NAME";
    let table = environment.required(NAME)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if (3..=255).contains(&table.len()) && table.bytes().all(allowed) {
        return Ok(table);
    }
    let problem = "is not a table's name: 3 to 255 of a-z, A-Z, 0-9, '_', '.' and '-' (an ARN is not taken)";
    Err(ConfigError::unusable(NAME, problem))
}

/// The development identity, allowed only where the data cannot be anybody's: with a DynamoDB on this machine,
/// and never in Lambda.
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

/// True in AWS. Lambda sets `AWS_LAMBDA_INITIALIZATION_TYPE` in every environment ("Defined runtime environment
/// variables"), cargo-lambda never does; `sam local` imitates it, and says so with `AWS_SAM_LOCAL`.
fn is_deployed(environment: &Environment<'_>) -> bool {
    let emulated = environment.get("AWS_SAM_LOCAL").as_deref() == Some("true");
    environment.get("AWS_LAMBDA_INITIALIZATION_TYPE").is_some() && !emulated
}

/// Checks what Lambda itself sets and its runtime library insists on.
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
    // A path may follow the authority: cargo-lambda serves each function below its own.
    let authority = address.split_once('/').map_or(address, |(authority, _)| authority);
    if authority.parse::<Authority>().is_err() {
        return Err(ConfigError::unusable(api, "is not a host and port"));
    }
    Ok(())
}

/// A region's name as part of a host name: what it can do harm with is refused, unknown ones are the SDK's matter.
fn is_region(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
