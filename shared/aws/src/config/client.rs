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

/// Pins the SDK's defaults to this date, so that an upgrade of the SDK does not change them.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Returns a client for the environment's DynamoDB.
///
/// Region and credentials come from environment variables, which Lambda sets. The SDK's default chain would also
/// try files and metadata services; that code would enlarge the binary and slow down every start.
///
/// The timeouts are:
///
/// - 1 s for a connection, which normally takes a millisecond;
/// - 3 s for an attempt, which normally takes a few milliseconds, or a few hundred for a batch of 9 MB;
/// - 8 s for all attempts of a request together. The function can then still answer 503 within its own timeout and
///   API Gateway's 29 s.
///
/// There are three attempts, as in the SDK's standard mode. During a longer outage, the answer's `Retry-After`
/// tells the app when to try again.
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

/// Returns an HTTP client that trusts only [`StoreConfig::roots`]. It has TLS only if the endpoint is HTTPS. The
/// SDK's default client would first parse every certificate of the operating system, which would take up most of a
/// cold start.
fn http_client(store: &StoreConfig) -> SharedHttpClient {
    if store.endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_https()) {
        return Builder::new().build_http();
    }
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(store.roots.context())
        .build_https()
}

/// Returns dummy credentials for an emulator, which does not check them.
fn any_credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "local")
}

/// Returns a client for an emulated DynamoDB at `endpoint`, such as `http://127.0.0.1:8000`.
///
/// The client has dummy credentials, because an emulator does not check them, and no timeouts, because an emulator
/// shares its machine with other work. It reads no environment variable, profile, metadata service or trust store.
/// (The SDK's default HTTP client would read the operating system's certificates. That takes time, and fails on a
/// machine that has none.)
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
