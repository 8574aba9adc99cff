//! Every Lambda function of the workspace in one process.
//!
//! In AWS each function runs on its own and API Gateway picks it. The local server, the tests and the benchmarks
//! reach the same handlers through this crate.

use coinolio_aws::App;
use coinolio_aws::http::{Answer, Event};
use coinolio_aws::routes::Operation;

/// Passes a batch of the table's stream to the function that reads it.
pub use change_stream::handle as handle_batch;

/// Passes an event of the HTTP API to the function that answers `operation`.
///
/// The gateway has already chosen the route. The function finds it again from the event, as it does in AWS.
pub async fn handle(app: &App, operation: Operation, event: Event) -> Answer {
    match operation {
        Operation::SyncStatus(_) => sync_status::handle(app, event).await,
        Operation::Sync(_) => sync::handle(app, event).await,
        Operation::Portfolios(_) => portfolios::handle(app, event).await,
        Operation::Devices(_) => devices::handle(app, event).await,
    }
}
