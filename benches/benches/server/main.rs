//! The local server over HTTP, beside the bare store that it stands on, in the same run.
//!
//! Server, store and clients share this machine's cores, so every figure is what is left after the clients'
//! own work. Data is on disk as with `cargo run`. Each figure is `median (min–max)` over its rounds. Under
//! `cargo test` every measurement is done once and briefly, to see that it runs.
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

/// Why the benchmark stops: a figure would mean nothing where a request fails.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("no answer: {0}")]
    Transport(#[from] reqwest::Error),
    #[error("{0}")]
    Answer(String),
    #[error("the store: {0}")]
    Store(String),
    #[error(transparent)]
    System(#[from] std::io::Error),
    #[error("a client ended: {0}")]
    Client(#[from] tokio::task::JoinError),
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// How often each thing measured gets its turn.
    rounds: usize,
    /// How long a turn takes.
    turn: Duration,
    /// After how many syncs memory is looked at.
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
    println!("Server, store and clients share {cores} cores. Each figure: median (min–max) of its rounds.");

    // First, before the other measurements have left their traces in the process.
    memory::measure(&server, plan).await?;
    v1::measure(&server, &events, plan).await?;
    v2::measure(&server, plan).await?;
    batch::measure(&server, plan).await?;
    status::measure(&server, plan).await?;
    server.stop().await;
    Ok(())
}
