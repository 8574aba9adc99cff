//! Measures v2 syncs of one field on eight connections, side by side with the two store requests that such a sync
//! needs.

use crate::client::Api;
use crate::{Failure, Plan};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use coinolio_benches::measure::Spread;
use coinolio_benches::table::Table;
use coinolio_local::server::{Server, TABLE};
use reqwest::Method;
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Instant;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 8;
const USER: &str = "v2";

/// Prints how many syncs and how many bare request pairs complete per second, in turns, and the ratio of the two.
pub(crate) async fn measure(server: &Server, plan: Plan) -> Result<(), Failure> {
    println!(
        "\nv2 sync of one field, {CONNECTIONS} connections with a portfolio each, compared with a bare Query + PutItem:"
    );
    let (mut tablets, mut pairs) = (Vec::new(), Vec::new());
    for number in 0..CONNECTIONS {
        let mut tablet = Tablet::new(server, number)?;
        tablet.work().await?;
        pairs.push(Pair::like(server.dynamodb(), &tablet).await?);
        tablets.push(tablet);
    }
    let (mut syncs, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        syncs.push(rate(&mut tablets, plan).await?);
        bare.push(rate(&mut pairs, plan).await?);
    }
    let ratios = syncs.iter().zip(&bare).map(|(syncs, bare)| syncs / bare).collect();
    let ratio = Spread::of(syncs.clone()).median / Spread::of(bare.clone()).median;
    let mut table = Table::new(["", "per second"]);
    table.row(["v2 sync".to_owned(), format!("{:.0}", Spread::of(syncs))]);
    table.row(["bare Query + PutItem".to_owned(), format!("{:.0}", Spread::of(bare))]);
    println!("{table}");
    println!(
        "Ratio of medians: {ratio:.2}; ratio per round: {:.2}",
        Spread::of(ratios)
    );
    Ok(())
}

/// Something that does one unit of work after another.
trait Worker: Send + Sized + 'static {
    fn work(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Returns the units of work per second, of all workers together.
async fn rate<W: Worker>(workers: &mut Vec<W>, plan: Plan) -> Result<f64, Failure> {
    let mut running = JoinSet::new();
    let start = Instant::now();
    for mut worker in workers.drain(..) {
        running.spawn(async move {
            let mut done = 0_u32;
            while start.elapsed() < plan.turn {
                worker.work().await?;
                done += 1;
            }
            Ok::<_, Failure>((worker, done))
        });
    }
    let mut sum = 0;
    while let Some(ended) = running.join_next().await {
        let (worker, done) = ended??;
        workers.push(worker);
        sum += done;
    }
    Ok(f64::from(sum) / start.elapsed().as_secs_f64())
}

/// A v2 device with its own portfolio and its own connection.
struct Tablet {
    api: Api,
    id: String,
    version: u64,
}

#[derive(Deserialize)]
struct Synced {
    version: u64,
}

impl Tablet {
    fn new(server: &Server, number: usize) -> Result<Self, Failure> {
        Ok(Self {
            api: Api::new(server, USER)?,
            id: format!("v2-{number}"),
            version: 0,
        })
    }
}

impl Worker for Tablet {
    async fn work(&mut self) -> Result<(), Failure> {
        let (id, version) = (&self.id, self.version);
        let body = format!(
            r#"{{"device_id":"tablet","sync_id":"{id}-{version}","base_version":{version},"sent_at":"2026-01-01T12:00:00.000Z","changes":[{{"op":"set","path":["@portfolios","default","assets","btc","amount"],"value":"{version}.00000001","modified_at":"2026-01-01T11:59:00.000Z"}}]}}"#
        );
        let answer = self
            .api
            .send(Method::POST, &format!("/api/v2/portfolios/{id}/sync"), body)
            .await?;
        let synced: Synced = serde_json::from_slice(&answer).map_err(|error| Failure::Answer(error.to_string()))?;
        if synced.version != version + 1 {
            return Err(Failure::Answer(format!(
                "the sync based on version {version} made version {}",
                synced.version
            )));
        }
        self.version = synced.version;
        Ok(())
    }
}

type Item = HashMap<String, AttributeValue>;

/// A Query for the newest change and a PutItem of the next one, sent as a sync sends them and with the same SDK.
/// The item is a copy of a change that a sync has written.
struct Pair {
    client: Client,
    partition: String,
    change: Item,
    parent: u64,
}

impl Pair {
    async fn like(client: Client, tablet: &Tablet) -> Result<Self, Failure> {
        let written = format!("USER#{USER}#PORTFOLIO#{}", tablet.id);
        let newest = tablet.version - 1;
        let mut found = query(&client, &written, newest).await?;
        let Some(change) = found.pop() else {
            return Err(Failure::Store(format!("no change on parent {newest} in {written}")));
        };
        Ok(Self {
            client,
            partition: format!("BARE#{}", tablet.id),
            change,
            parent: 0,
        })
    }
}

impl Worker for Pair {
    async fn work(&mut self) -> Result<(), Failure> {
        query(&self.client, &self.partition, self.parent.saturating_sub(1)).await?;
        self.change
            .insert("pk".to_owned(), AttributeValue::S(self.partition.clone()));
        self.change
            .insert("sk".to_owned(), AttributeValue::S(sort_key(self.parent)));
        self.client
            .put_item()
            .table_name(TABLE)
            .set_item(Some(self.change.clone()))
            .condition_expression("attribute_not_exists(version)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| Failure::Store(format!("{error:?}")))?;
        self.parent += 1;
        Ok(())
    }
}

/// Returns the changes on `parent` and later, queried as a sync does.
async fn query(client: &Client, partition: &str, parent: u64) -> Result<Vec<Item>, Failure> {
    let page = client
        .query()
        .table_name(TABLE)
        .consistent_read(true)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .scan_index_forward(false)
        .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
        .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
        .expression_attribute_values(":from", AttributeValue::S(sort_key(parent)))
        .expression_attribute_values(":to", AttributeValue::S(format!("CHANGE#{}", "9".repeat(20))))
        .send()
        .await
        .map_err(|error| Failure::Store(format!("{error:?}")))?;
    Ok(page.items.unwrap_or_default())
}

/// Returns the sort key of a change (docs/ARCHITECTURE.md).
fn sort_key(parent: u64) -> String {
    format!("CHANGE#{parent:020}")
}
