//! The local server follows the table's stream and compacts portfolios.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, StreamSpecification};
use coinolio_core::sync::Retention;
use coinolio_local::device::Device;
use coinolio_local::server::{Options, Server, TABLE};
use std::time::Duration;

/// A timeout far longer than any step takes; a test that reaches it has hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// Syncs 20 edits, enough that a snapshot is due.
async fn edit(server: &Server) {
    let mut device = Device::new("phone", &server.url(), &server.token("ann").unwrap(), "main").unwrap();
    for n in 0..20 {
        device.set(&["notes", &format!("n{n}")], "x".repeat(300).as_str().into());
        device.sync().await.unwrap();
    }
}

/// Waits until the portfolio has a snapshot.
async fn compacted(client: &Client) {
    let query = client
        .query()
        .table_name(TABLE)
        .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
        .expression_attribute_values(":pk", AttributeValue::S("USER#ann#PORTFOLIO#main".to_owned()))
        .expression_attribute_values(":sk", AttributeValue::S("SNAPSHOT#".to_owned()));
    let is_there = async {
        while query.clone().send().await.unwrap().count == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_there).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_portfolio_is_compacted_and_the_server_still_stops() {
    let server = Server::start(&Options::default()).await.unwrap();
    edit(&server).await;
    compacted(&server.dynamodb()).await;
    tokio::time::timeout(PATIENCE, server.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_stream_gets_one_when_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        data: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let server = Server::start(&options).await.unwrap();
    let off = StreamSpecification::builder().stream_enabled(false).build().unwrap();
    let update = server.dynamodb().update_table().table_name(TABLE);
    update.stream_specification(off).send().await.unwrap();
    server.stop().await;

    let server = Server::start(&options).await.unwrap();
    edit(&server).await;
    compacted(&server.dynamodb()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_expire_within_seconds_if_the_server_is_told_to() {
    let options = Options {
        retention: Some(Retention {
            age: Duration::from_millis(1),
            versions: 1,
        }),
        ..Options::default()
    };
    let server = Server::start(&options).await.unwrap();
    let token = server.token("ann").unwrap();
    let mut device = Device::new("phone", &server.url(), &token, "main").unwrap();
    let first = format!("{}/api/v2/portfolios/main?version=1", server.url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // A version expires when a snapshot that is newer than another one is written.
    let has_expired = async {
        for n in 0.. {
            device.set(&["notes", &format!("n{n}")], "x".repeat(1000).as_str().into());
            device.sync().await.unwrap();
            let read = client.get(&first).bearer_auth(&token).send().await.unwrap();
            if read.status() == 410 {
                return read.text().await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        String::new()
    };
    let problem = tokio::time::timeout(PATIENCE, has_expired).await.unwrap();
    assert!(problem.contains("base_expired"), "{problem}");
    server.stop().await;
}
