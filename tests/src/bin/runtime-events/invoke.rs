//! The Lambda invoke API, as emulators serve it.

use crate::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coinolio_aws::routes::Function;
use coinolio_tests::answered::Answered;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Client;
use serde::Deserialize;
use std::collections::HashMap;

/// A function's response to the gateway, in payload format 2.0.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status_code: u16,
    #[serde(default)]
    headers: HashMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// A function's response to the event source of a stream.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StreamResponse {
    batch_item_failures: Vec<StreamFailure>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StreamFailure {
    item_identifier: String,
}

/// Invokes the function on the table's stream with `event`. Returns the sequence numbers of the records that it reports
/// as failed.
pub(crate) async fn send_to_stream(client: &Client, url: &str, event: &str) -> Result<Vec<String>, Failure> {
    let text = invoke(client, url, Function::ChangeStream, event).await?;
    let response: StreamResponse = serde_json::from_str(&text).map_err(|cause| format!("{cause}: {text}"))?;
    let failures = response.batch_item_failures.into_iter();
    Ok(failures.map(|failure| failure.item_identifier).collect())
}

/// Invokes `function` with `event` and returns its answer.
pub(crate) async fn send(client: &Client, url: &str, function: Function, event: &str) -> Result<Answered, Failure> {
    let text = invoke(client, url, function, event).await?;
    let response: Response = serde_json::from_str(&text).map_err(|cause| format!("{cause}: {text}"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &response.headers {
        headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    let body = response.body.unwrap_or_default();
    let body = if response.is_base64_encoded {
        STANDARD.decode(body)?
    } else {
        body.into_bytes()
    };
    Ok(Answered::new(response.status_code, headers, &body)?)
}

/// What the function answers (Lambda API Reference, "Invoke"). Its binary's name is its name to the emulator.
async fn invoke(client: &Client, url: &str, function: Function, event: &str) -> Result<String, Failure> {
    let name = function.name();
    let request = client.post(format!("{url}/2015-03-31/functions/{name}/invocations"));
    let invoked = request.body(event.to_owned()).send().await?;
    let status = invoked.status();
    let failed = invoked.headers().contains_key("x-amz-function-error");
    let text = invoked.text().await?;
    if failed || !status.is_success() {
        return Err(format!("the invocation failed with {status}: {text}").into());
    }
    Ok(text)
}
