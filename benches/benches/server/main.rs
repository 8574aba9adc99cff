//! Measures the local server over HTTP, side by side with the bare store below it, in the same run.
//!
//! Server, store and clients share this machine's cores, so the clients' own work reduces every figure. Data is on
//! disk, as with `cargo run`. Each figure is `median (min–max)` over its rounds. Under `cargo test` every
//! measurement is run once and briefly, to check that it works.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod batch;
mod client;
mod events;
mod memory;
mod status;
mod v1;
mod v2;

use coinolio_local::error::StartError;
use coinolio_local::server::{Options, Server};
use events::Events;
use std::time::Duration;

/// A reason to stop the benchmark: if a request fails, the figures mean nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("no answer: {0}")]
    Transport(#[from] reqwest::Error),
    #[error("{0}")]
    Answer(String),
    #[error("store: {0}")]
    Store(String),
    #[error(transparent)]
    System(#[from] std::io::Error),
    #[error("a client ended early: {0}")]
    Client(#[from] tokio::task::JoinError),
}

/// The extent of the measurements.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Number of turns of each measurement.
    rounds: usize,
    /// Duration of a turn.
    turn: Duration,
    /// Numbers of syncs after which memory is measured.
    syncs: [usize; 2],
}

const FULL: Plan = Plan {
    rounds: 7,
    turn: Duration::from_millis(1_500),
    syncs: [100, 1_000],
};

const ONCE: Plan = Plan {
    rounds: 1,
    turn: Duration::from_millis(100),
    syncs: [2, 4],
};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let plan = if measuring { FULL } else { ONCE };
    let events = Events::capture();
    let folder = tempfile::tempdir()?;
    let options = Options {
        data: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let server = Server::start(&options).await?;
    let cores = std::thread::available_parallelism()?;
    println!("Server, store and clients share {cores} cores. Each figure: median (min–max) over its rounds.");

    // Memory comes first, before the other measurements leave their traces in the process.
    memory::measure(&server, plan).await?;
    v1::measure(&server, &events, plan).await?;
    v2::measure(&server, plan).await?;
    batch::measure(&server, plan).await?;
    status::measure(&server, plan).await?;
    server.stop().await;
    Ok(())
}
