//! Sends the events of `events/` to the functions under a Lambda runtime and compares each answer with
//! `tests/scenario.json`, to which the tests hold the handlers.
//!
//! The table has to be empty: each answer depends on the ones before. One line for each event; status 1
//! where anything differs, with both sides.

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
    /// Each event as it is, those of the table's stream too, and some that the functions must refuse, through the
    /// Lambda invoke API.
    Invoke {
        /// The API, such as `http://127.0.0.1:9000` of `cargo lambda watch`.
        url: String,
    },
    /// Each event as the HTTP request that it stands for; the functions' `DEV_USER` has to be the events' `sub`.
    Http {
        /// What stands before the path, such as `http://127.0.0.1:3000` of `sam local start-api`.
        url: String,
    },
}

/// Why there is no answer to compare.
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let how = Cli::parse().how;
    // The first request may wait for a compiler, so there is no limit.
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

/// What was printed.
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
