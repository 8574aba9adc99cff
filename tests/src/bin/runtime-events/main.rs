//! Sends the events of `events/` to the functions under a Lambda runtime and compares each answer with
//! `tests/scenario.json`, against which the tests also check the handlers.
//!
//! The table must be empty, because each answer depends on the earlier ones. Prints one line for each event. If an
//! answer differs, also prints both sides of each difference, and exits with status 1 at the end.

mod events;
mod invoke;
mod plain;
mod refusals;

use clap::{Parser, Subcommand};
use coinolio_tests::scenario::{Step, Times, steps};
use coinolio_tests::stream_events;
use events::GatewayEvent;
use reqwest::Client;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(about = "Sends the events of events/ to running functions and compares the answers.")]
struct Cli {
    #[command(subcommand)]
    how: How,
}

#[derive(Debug, Subcommand)]
enum How {
    /// Sends each event as it is to the Lambda invoke API, including the events of the table's stream and some that
    /// the functions must refuse.
    Invoke {
        /// The API, such as `http://127.0.0.1:9000` of `cargo lambda watch`.
        url: String,
    },
    /// Sends each event as the HTTP request that it represents. The functions' `DEV_USER` must be the events' `sub`.
    Http {
        /// The part of the URL before the path, such as `http://127.0.0.1:3000` of `sam local start-api`.
        url: String,
    },
}

/// The reason why an event got no answer.
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let how = Cli::parse().how;
    // No timeout, because the first request may have to wait for a compiler.
    let client = Client::builder().no_proxy().build()?;
    let mut report = Report::default();
    let mut times = Times::default();
    for step in steps() {
        let event = events::read(&step.event)?;
        let name = line(&step, &event);
        if matches!(how, How::Http { .. }) && str::from_utf8(&event.body).is_err() {
            // The next step is the same sync uncompressed, with the same answer.
            writeln!(
                io::stdout(),
                "SKIP {name}: the emulators' routers take JSON as text only"
            )?;
            continue;
        }
        let answered = match &how {
            How::Invoke { url } => invoke::send(&client, url, event.function()?, &event.text).await,
            How::Http { url } => plain::send(&client, url, &event).await,
        };
        report.line(&name, answered.map(|answered| times.differences(&step, &answered)))?;
    }
    if let How::Invoke { url } = &how {
        for refusal in refusals::all()? {
            let answered = invoke::send(&client, url, refusal.function, &refusal.event).await;
            report.line(refusal.name, answered.map(|answered| refusal.differences(&answered)))?;
        }
        for name in stream_events::NAMES {
            let event = stream_events::read(name);
            let expected = stream_events::failing(&event);
            let failed = invoke::send_to_stream(&client, url, &event.to_string()).await;
            let differences = failed.map(|failed| match failed == expected {
                true => String::new(),
                false => format!("failed {failed:?}, expected {expected:?}\n"),
            });
            report.line(&format!("change-stream/{name}"), differences)?;
        }
    }
    Ok(if report.differing == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn line(step: &Step, event: &GatewayEvent) -> String {
    format!("{:<22} {} {} {}", step.event, step.status, event.method, event.path)
}

/// Prints the results and counts the events whose answers differ.
#[derive(Debug, Default)]
struct Report {
    differing: usize,
}

impl Report {
    fn line(&mut self, name: &str, differences: Result<String, Failure>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let differences = differences.unwrap_or_else(|failure| format!("no answer: {failure}\n"));
        if differences.is_empty() {
            writeln!(out, "ok   {name}")
        } else {
            self.differing += 1;
            write!(out, "DIFF {name}\n{differences}")
        }
    }
}
