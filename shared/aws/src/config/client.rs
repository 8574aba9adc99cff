//! The SDK's client.

use super::StoreConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::time::Duration;

/// The SDK's defaults as of this date: they change with a change of this line, not with an upgrade.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// A client for the environment's DynamoDB.
///
/// All it needs is said here: region and credentials are those of environment variables, which is where Lambda puts
/// them. The SDK's own chain would also look into files and at metadata services, and all of those would be part of the
/// binary and of each start.
///
/// A connection is made in a millisecond or not at all: 1 s. An attempt is a few milliseconds, or some
/// hundred for a batch of 9 MB: after 3 s it is lost. All attempts together end after 8 s, so that the
/// function still answers 503 within its own time and API Gateway's 29 s. Three attempts, as in the
/// SDK's standard mode; a longer outage is the app's to retry, with its `Retry-After`.
pub fn dynamodb_client(store: &StoreConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build();
    let credentials = store.credentials.clone().unwrap_or_else(any_credentials);
    let mut config = SdkConfig::builder()
        .behavior_version(behavior())
        .region(Region::new(store.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .http_client(http_client(store));
    if let Some(endpoint) = &store.endpoint {
        config = config.endpoint_url(endpoint.url());
    }
    Client::new(&config.build())
}

/// TLS only where it is used, and with the roots of [`StoreConfig::roots`] only: the SDK's own client parses every
/// certificate of the operating system first, which is most of its cold start.
fn http_client(store: &StoreConfig) -> SharedHttpClient {
    if store.endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_https()) {
        return Builder::new().build_http();
    }
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(store.roots.context())
        .build_https()
}

/// Credentials for an emulator, which checks none.
fn any_credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "local")
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
        .credentials_provider(any_credentials())
        .endpoint_url(endpoint)
        .http_client(Builder::new().build_http())
        .build();
    Client::from_conf(config)
}
