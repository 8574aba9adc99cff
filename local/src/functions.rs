//! The Lambda functions in this process, with the same handlers as in AWS.

use crate::gateway::Functions;
use coinolio_aws::App;
use coinolio_aws::http::{Event, GatewayAnswer, gateway_answer};
use coinolio_aws::routes::Operation;

/// All functions that answer requests, on one table.
pub struct Handlers {
    app: App,
}

impl Handlers {
    /// Returns the functions, which share `app`.
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

impl Functions for Handlers {
    async fn invoke(&self, operation: Operation, event: Event) -> GatewayAnswer {
        gateway_answer(coinolio_functions::handle(&self.app, operation, event).await)
    }
}
