//! Measures the cold start of each function, side by side with a hello-world function of `lambda_http` built with
//! the same profile and started in the same run.
//!
//! Each start is a separate process that polls a runtime API in this process. This process also runs DynamoDB, and
//! its threads share the machine's cores with the function. A function reaches DynamoDB in two ways: over HTTP, and
//! over HTTPS as a deployed function does (the test certificate authority is one more root besides Amazon's).
//! Contestants take turns, and each figure is `median (min–max)` over the rounds. Under `cargo test` each function
//! starts once, in the profile of the tests, to check that it works.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod binaries;
mod start;
mod traffic;

use binaries::Binary;
use coinolio_aws::routes::Function;
use coinolio_benches::measure::Spread;
use coinolio_benches::table::Table;
use coinolio_tests::dynamodb::{Dynamo, TABLE};
use coinolio_tests::tls::Tls;
use start::Start;
use std::path::{Path, PathBuf};
use traffic::Traffic;

/// A reason to stop the benchmark: if a start fails, the figures mean nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Build(String),
    #[error("unexpected answer: {0}")]
    Answer(String),
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// Number of starts of each contestant, after one to warm up the machine's caches.
const STARTS: usize = 40;

/// A function, and the protocol by which it reaches DynamoDB.
struct Contestant<'a> {
    binary: Binary,
    path: PathBuf,
    reaches: &'static str,
    environment: Vec<(&'a str, &'a str)>,
    starts: Vec<Start>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let built = binaries::build(measuring)?;
    let dynamo = Dynamo::start().await;
    let tls = Tls::before(&dynamo.endpoint).await;
    let http = [("TABLE_NAME", TABLE), ("AWS_ENDPOINT_URL_DYNAMODB", &dynamo.endpoint)];
    let https = [
        ("TABLE_NAME", TABLE),
        ("AWS_ENDPOINT_URL_DYNAMODB", &tls.endpoint),
        ("AWS_CA_BUNDLE", tls.bundle()),
    ];
    let mut contestants = Vec::new();
    for binary in Binary::all() {
        let contestant = |reaches, environment: &[_]| Contestant {
            binary,
            path: built[binary.name()].clone(),
            reaches,
            environment: environment.to_vec(),
            starts: Vec::new(),
        };
        if binary == Binary::HelloWorld {
            contestants.push(contestant("", &[]));
        } else {
            contestants.push(contestant("http", &http));
            contestants.push(contestant("https", &https));
        }
    }
    let mut traffic = Traffic::default();
    let portfolios = Binary::Function(Function::Portfolios);
    let path = &built[portfolios.name()];
    start::once(path, portfolios, &http, &Traffic::creation(), &mut traffic).await?;
    run(&mut contestants, if measuring { STARTS } else { 0 }, &mut traffic).await?;
    print(&contestants)?;
    Ok(())
}

/// Starts the contestants in turns (A B C, B C A, …), so that other load on the machine affects all of them alike.
/// The first round is not counted, unless it is the only one.
async fn run(contestants: &mut [Contestant<'_>], starts: usize, traffic: &mut Traffic) -> Result<(), Failure> {
    let count = contestants.len();
    for round in 0..=starts {
        for turn in 0..count {
            let contestant = &mut contestants[(round + turn) % count];
            let Contestant {
                binary,
                path,
                environment,
                ..
            } = contestant;
            let start = start::measure(path, *binary, environment, traffic).await?;
            if round > 0 || starts == 0 {
                contestant.starts.push(start);
            }
        }
    }
    Ok(())
}

fn print(contestants: &[Contestant<'_>]) -> Result<(), Failure> {
    let cores = std::thread::available_parallelism()?;
    let starts = contestants.first().map_or(0, |contestant| contestant.starts.len());
    println!(
        "{starts} starts of each function, on {cores} shared cores with runtime API and DynamoDB; median (min–max)."
    );
    println!(
        "Times in milliseconds; columns ×: multiples of the hello-world's time. CPU: CPU time until the first poll.\n"
    );
    let mut table = Table::new([
        "function",
        "DynamoDB",
        "first poll",
        "×",
        "of which CPU",
        "×",
        "exec to first answer",
        "×",
    ]);
    let base = contestants.first();
    for contestant in contestants {
        let mut cells = vec![contestant.binary.name().to_owned(), contestant.reaches.to_owned()];
        for figure in [
            |start: &Start| start.poll,
            |start: &Start| start.cpu,
            |start: &Start| start.first_answer,
        ] {
            let ours = contestant.spread(figure);
            let theirs = base.map_or(f64::NAN, |base| base.spread(figure).median);
            cells.push(format!("{ours:.2}"));
            cells.push(format!("{:.2}", ours.median / theirs));
        }
        table.row(cells);
    }
    println!("{table}");
    println!("Time to answer the first and tenth event, memory after the first (MiB), size of deployed binary (MB).\n");
    let mut table = Table::new([
        "function",
        "DynamoDB",
        "first",
        "tenth",
        "first/tenth",
        "resident",
        "binary",
    ]);
    for contestant in contestants {
        let [first, tenth] = [
            contestant.spread(|start| start.first),
            contestant.spread(|start| start.tenth),
        ];
        table.row([
            contestant.binary.name().to_owned(),
            contestant.reaches.to_owned(),
            format!("{first:.2}"),
            format!("{tenth:.2}"),
            format!("{:.2}", first.median / tenth.median),
            format!("{:.1}", contestant.spread(|start| start.resident)),
            format!("{:.2}", megabytes(&contestant.path)?),
        ]);
    }
    println!("{table}");
    println!("Limits for sync: first poll 1.7 × hello-world's, first answer 2 × the tenth, 10 MiB, binary of 9 MB.");
    Ok(())
}

impl Contestant<'_> {
    fn spread(&self, figure: impl Fn(&Start) -> f64) -> Spread {
        Spread::of(self.starts.iter().map(figure).collect())
    }
}

fn megabytes(binary: &Path) -> Result<f64, Failure> {
    // Exact below 2^53 bytes.
    Ok(std::fs::metadata(binary)?.len() as f64 / 1e6)
}
