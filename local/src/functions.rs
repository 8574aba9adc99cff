//! The Lambda functions in this process: the same handlers as in AWS, and the same way from an answer to
//! what the gateway takes.

use crate::gateway::Functions;
use coinolio_aws::App;
use coinolio_aws::http::{Event, to_gateway};
use coinolio_aws::routes::Function;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;

/// Every function of the workspace, on one table.
pub struct Handlers {
    app: App,
}

impl Handlers {
    /// The functions with what `app` holds.
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
