//! Measures sync-status on increasing numbers of connections.

use crate::client::Api;
use crate::{Failure, Plan};
use coinolio_benches::measure::Spread;
use coinolio_benches::table::Table;
use coinolio_local::server::Server;
use reqwest::Method;
use std::time::Instant;
use tokio::task::JoinSet;

const CONNECTIONS: [usize; 4] = [1, 8, 32, 128];

/// Prints the sync-status requests per second for each number of connections; the numbers take turns.
pub(crate) async fn measure(server: &Server, plan: Plan) -> Result<(), Failure> {
    println!("\nsync-status (the benchmark stops at an error or at a request that takes 10 seconds):");
    let api = Api::new(server, "status")?;
    let create = r#"{"id":"status","name":"status","device_id":"phone","data":{"assets":{}}}"#;
    api.send(Method::POST, "/api/v1/portfolios", create.to_owned()).await?;
    let mut rates = CONNECTIONS.map(|_| Vec::new());
    for _ in 0..plan.rounds {
        for (connections, rates) in CONNECTIONS.into_iter().zip(&mut rates) {
            rates.push(rate(&api, connections, plan).await?);
        }
    }
    let mut table = Table::new(["connections", "requests/s"]);
    for (connections, rates) in CONNECTIONS.into_iter().zip(rates) {
        table.row([connections.to_string(), format!("{:.0}", Spread::of(rates))]);
    }
    println!("{table}");
    Ok(())
}

/// Returns the requests per second. Every client always has one request in progress, on a connection that stays
/// open.
async fn rate(api: &Api, connections: usize, plan: Plan) -> Result<f64, Failure> {
    let mut clients = JoinSet::new();
    let start = Instant::now();
    for _ in 0..connections {
        let api = api.clone();
        clients.spawn(async move {
            let path = "/api/v1/portfolios/status/sync-status?client_version=1&device_id=phone";
            let mut done = 0_u32;
            while start.elapsed() < plan.turn {
                api.send(Method::GET, path, String::new()).await?;
                done += 1;
            }
            Ok::<_, Failure>(done)
        });
    }
    let mut done = 0;
    while let Some(client) = clients.join_next().await {
        done += client??;
    }
    Ok(f64::from(done) / start.elapsed().as_secs_f64())
}
