//! Measures 25 portfolios in one `POST /api/v2/sync`, side by side with the slowest of 25 single syncs.
//!
//! There are two runs. The first uses the local server, whose store is in this process and executes one write after
//! another. The second delays each answer of the store, as a network would: as on AWS, a sync then waits more than
//! it works.

use crate::client::Api;
use crate::{Failure, Plan};
use coinolio_benches::measure::Spread;
use coinolio_benches::table::Table;
use coinolio_local::server::Server;
use coinolio_tests::faults::Fault;
use coinolio_tests::service::{Call, Service};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The maximum number of portfolios in a batch (docs/PROTOCOL.md).
const PORTFOLIOS: usize = 25;

/// Delay of the store's answers in the second run: so long that the work of this machine's few cores hardly counts.
const HELD_BACK: Duration = Duration::from_millis(100);

/// Prints how long a batch takes, and the slowest of the same number of single syncs, in turns.
pub(crate) async fn measure(server: &Server, plan: Plan) -> Result<(), Failure> {
    println!("\n{PORTFOLIOS} portfolios, one changed field each, in one batch and in single syncs one after another:");
    let mut table = Table::new([
        "",
        "batch, ms",
        "slowest single, ms",
        "ratio of medians",
        "ratio per round",
    ]);
    let local = Door::Server(Api::new(server, "batch")?);
    row(&mut table, "local server", local, plan.rounds * 4).await?;
    let hold = |_: &str, _: usize| Fault::ServeLate(HELD_BACK);
    let service = Service::start().await;
    let held_back = service.on(service.dynamo.failing_log(hold).await);
    let name = format!("sync function, store answers delayed by {} ms", HELD_BACK.as_millis());
    row(&mut table, &name, Door::Function(held_back), plan.rounds).await?;
    println!("{table}");
    Ok(())
}

async fn row(table: &mut Table, name: &str, door: Door, rounds: usize) -> Result<(), Failure> {
    let mut version = 0;
    let (mut batches, mut singles) = (Vec::new(), Vec::new());
    // The first round creates the portfolios and opens the connections.
    for round in 0..=rounds {
        let mut slowest = 0.0_f64;
        for number in 0..PORTFOLIOS {
            let mut body = part(number, version);
            body["device_id"] = json!("phone");
            body["sent_at"] = json!(SENT_AT);
            let body = body.to_string();
            let start = Instant::now();
            let answer = door.single(number, &body).await?;
            slowest = slowest.max(start.elapsed().as_secs_f64() * 1e3);
            expect(&answer["version"], version + 1)?;
        }
        version += 1;
        let parts: Vec<Value> = (0..PORTFOLIOS).map(|number| part(number, version)).collect();
        let body = json!({"device_id": "phone", "sent_at": SENT_AT, "portfolios": parts}).to_string();
        let start = Instant::now();
        let answer = door.batch(&body).await?;
        let took = start.elapsed().as_secs_f64() * 1e3;
        version += 1;
        for number in 0..PORTFOLIOS {
            expect(&answer["results"][number]["body"]["version"], version)?;
        }
        if round > 0 {
            batches.push(took);
            singles.push(slowest);
        }
    }
    let ratios = batches
        .iter()
        .zip(&singles)
        .map(|(batch, single)| batch / single)
        .collect();
    let (batch, single) = (Spread::of(batches), Spread::of(singles));
    table.row([
        name.to_owned(),
        format!("{batch:.1}"),
        format!("{single:.1}"),
        format!("{:.2}", batch.median / single.median),
        format!("{:.2}", Spread::of(ratios)),
    ]);
    Ok(())
}

const SENT_AT: &str = "2026-01-01T12:00:00.000Z";

/// Returns an edit of one field of portfolio `number`, on top of version `base`.
fn part(number: usize, base: u64) -> Value {
    json!({
        "portfolio_id": id(number),
        "sync_id": format!("{number}-{base}"),
        "base_version": base,
        "changes": [{"op": "set", "path": ["assets", "btc", "amount"], "value": format!("{base}.00000001"),
                     "modified_at": "2026-01-01T11:59:00.000Z"}],
    })
}

fn id(number: usize) -> String {
    format!("batch-{number}")
}

fn parsed(text: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(text).map_err(|error| Failure::Answer(error.to_string()))
}

fn expect(version: &Value, expected: u64) -> Result<(), Failure> {
    if version.as_u64() == Some(expected) {
        Ok(())
    } else {
        Err(Failure::Answer(format!("version is {version}, expected {expected}")))
    }
}

/// The way in which syncs reach the service.
enum Door {
    /// Over HTTP.
    Server(Api),
    /// As events from API Gateway.
    Function(Service),
}

impl Door {
    async fn single(&self, number: usize, body: &str) -> Result<Value, Failure> {
        let path = format!("/api/v2/portfolios/{}/sync", id(number));
        self.send("v2-sync", &path, body).await
    }

    async fn batch(&self, body: &str) -> Result<Value, Failure> {
        self.send("v2-sync-all", "/api/v2/sync", body).await
    }

    async fn send(&self, name: &str, path: &str, body: &str) -> Result<Value, Failure> {
        match self {
            Self::Server(api) => parsed(&api.send(Method::POST, path, body.to_owned()).await?),
            Self::Function(service) => {
                let call = Call::of(name)
                    .to(Method::POST, path)
                    .without_header("accept-encoding")
                    .text(body);
                let answer = service.handle(call.event()).await;
                if answer.status().as_u16() != 200 {
                    return Err(Failure::Answer(format!("{path}: {:?}", answer.body())));
                }
                parsed(answer.body())
            }
        }
    }
}
