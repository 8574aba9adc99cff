//! The Lambda functions in this process, with the same handlers as in AWS.

use crate::gateway::Functions;
use coinolio_aws::App;
use coinolio_aws::http::{Event, to_gateway};
use coinolio_aws::routes::Operation;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;

/// Every function that answers requests, on one table.
pub struct Handlers {
    app: App,
}

impl Handlers {
    /// The functions, which share `app`.
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

impl Functions for Handlers {
    async fn invoke(&self, operation: Operation, event: Event) -> ApiGatewayV2httpResponse {
        to_gateway(coinolio_functions::handle(&self.app, operation, event).await)
    }
}
