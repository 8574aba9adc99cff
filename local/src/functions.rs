//! The Lambda functions, called in this process: the same handlers as in AWS, and the same conversion of their
//! answers for the gateway.

use crate::gateway::Functions;
use coinolio_aws::App;
use coinolio_aws::http::{Event, to_gateway};
use coinolio_aws::routes::Function;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;

/// Every function that answers requests, on one table.
pub struct Handlers {
    app: App,
}

impl Handlers {
    /// Creates the handlers, which share `app`.
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

impl Functions for Handlers {
    async fn invoke(&self, function: Function, event: Event) -> ApiGatewayV2httpResponse {
        let answer = match function {
            Function::SyncStatus => sync_status::handle(&self.app, event).await,
            Function::Sync => sync::handle(&self.app, event).await,
            Function::Portfolios => portfolios::handle(&self.app, event).await,
            Function::Devices => devices::handle(&self.app, event).await,
        };
        to_gateway(answer)
    }
}
