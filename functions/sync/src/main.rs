//! The sync function as Lambda runs it.

use coinolio_aws::App;
use coinolio_aws::config::Config;
use coinolio_aws::http::{Event, to_gateway};
use coinolio_aws::telemetry::{self, Format};
use lambda_runtime::{Error, run, service_fn};
use std::convert::Infallible;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    telemetry::init(Format::Json(config.metrics.clone()), &[]);
    let app = &App::of(&config).await;
    run(service_fn(async |event: Event| {
        Ok::<_, Infallible>(to_gateway(sync::handle(app, event).await))
    }))
    .await
}
