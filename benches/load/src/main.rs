//! Sends mixed v1 and v2 traffic to the local server, on increasing numbers of connections, and measures each
//! number for some time.
//!
//! Every connection sends its next request as soon as the last one is answered. Server, store and connections share
//! this machine's cores, so the connections' own work reduces the figures.

mod device;
mod memory;
mod plot;
mod report;
mod server;
mod traffic;

use anyhow::{Context, Result};
use clap::Parser;
use report::{Report, Stage};
use rlt::cli::BenchCli;
use server::Server;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use traffic::Traffic;

/// Sends mixed v1 and v2 traffic to a `coinolio-local` that it starts itself.
#[derive(Debug, Parser)]
struct Cli {
    /// Path of the server's binary.
    #[arg(long, value_name = "FILE", default_value = "target/release/coinolio-local")]
    server: PathBuf,
    /// Numbers of connections, measured one after another.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,8,32,128")]
    connections: Vec<u32>,
    /// Seconds for which each number of connections is measured.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// File for a plot of the figures, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Ends with status 1 if a figure is out of bounds.
#[tokio::main]
async fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let folder = tempfile::tempdir()?;
    let server = Server::start(&cli.server, folder.path()).await?;
    let mut stages = Vec::new();
    for &connections in &cli.connections {
        stages.push(stage(&cli, &server, connections, folder.path()).await?);
        eprintln!("{connections} connections: done");
    }
    println!("{}", report::table(&stages));
    if let Some(file) = &cli.plot {
        plot::draw(&stages, file)?;
    }
    let shortfalls: Vec<String> = stages.iter().flat_map(Stage::shortfalls).collect();
    for shortfall in &shortfalls {
        println!("out of bounds: {shortfall}");
    }
    Ok(if shortfalls.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn stage(cli: &Cli, server: &Server, connections: u32, folder: &Path) -> Result<Stage> {
    let file = folder.join(format!("{connections}.json"));
    let duration = format!("{}s", cli.seconds);
    let (concurrency, warmup) = (connections.to_string(), (connections * 20).to_string());
    let options = BenchCli::try_parse_from([
        "load",
        "--concurrency",
        &concurrency,
        "--duration",
        &duration,
        "--warmup",
        &warmup,
        "--quiet",
        "--output",
        "json",
        "--output-file",
        file.to_str().context("the path of the temporary folder is not UTF-8")?,
    ])?;
    let traffic = Traffic::new(server, connections).await?;
    let mut memory = Vec::new();
    tokio::select! {
        done = rlt::cli::run(options, traffic) => done?,
        never = memory::watch(server.id(), &mut memory) => match never {},
    }
    Ok(Stage {
        connections,
        report: Report::read(&file)?,
        memory,
    })
}
