//! Plain HTTP requests to a gateway.

use crate::Failure;
use crate::events::GatewayEvent;
use coinolio_tests::answered::Answered;
use reqwest::Client;

/// Sends the request that `event` represents to the gateway at `url`.
pub(crate) async fn send(client: &Client, url: &str, event: &GatewayEvent) -> Result<Answered, Failure> {
    let mut target = format!("{url}{}", event.path);
    if !event.query.is_empty() {
        target = format!("{target}?{}", event.query);
    }
    let request = client.request(event.method.clone(), target);
    let response = request
        .headers(event.headers.clone())
        .body(event.body.clone())
        .send()
        .await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answered::new(status, headers, &response.bytes().await?)?)
}
