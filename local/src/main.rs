//! `cargo run`: the local server, its tokens and its demo.

use clap::Parser;
use coinolio_aws::telemetry::{self, Format, Metrics};
use coinolio_local::cli::{Cli, Command, LogFormat, Serve};
use coinolio_local::error::StartError;
use coinolio_local::secret::Secret;
use coinolio_local::server::{Options, Server};
use coinolio_local::signals::Signals;
use coinolio_local::token::Tokens;
use coinolio_local::{banner, checkout, demo};
use std::io::Write;
use std::process::ExitCode;

/// Runs the command. On failure, prints one line to standard error and exits with status 1.
fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Token { user }) => token(&user).map(|()| ExitCode::SUCCESS),
        Some(Command::Demo) => block_on(play()),
        None => block_on(serve(cli.serve)),
    };
    done.unwrap_or_else(|error| {
        let line = error.to_string().replace('\n', " ");
        // If standard error is closed too, the exit status still reports the failure.
        let _ = writeln!(anstream::stderr(), "error: {line}");
        ExitCode::FAILURE
    })
}

fn block_on(work: impl Future<Output = Result<ExitCode, StartError>>) -> Result<ExitCode, StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| StartError::System("cannot start threads", cause))?;
    let done = runtime.block_on(work);
    // `Server::stop` has already waited for running requests: do not wait for them again.
    runtime.shutdown_background();
    done
}

fn token(user: &str) -> Result<(), StartError> {
    let token = Tokens::new(&Secret::of(&checkout::folder())?).issue(user)?;
    writeln!(anstream::stdout(), "{token}").map_err(|cause| StartError::System("cannot write the token", cause))
}

async fn serve(options: Serve) -> Result<ExitCode, StartError> {
    let format = match options.log {
        LogFormat::Json => Format::Json(Metrics::default()),
        LogFormat::Pretty => Format::Pretty,
    };
    // The embedded store warns about each failed condition. Optimistic concurrency makes them routine, so leave
    // its events out of the log.
    telemetry::init(format, &["dynoxide"]);
    let mut signals = Signals::catch()?;
    let data = (!options.memory).then(|| options.data.unwrap_or_else(checkout::folder));
    let location = data
        .as_ref()
        .map_or_else(|| "in memory only".to_owned(), |folder| folder.display().to_string());
    let server = Server::start(&Options {
        port: options.port,
        dynamodb_address: Some(options.dynamodb_address),
        dynamodb_port: options.dynamodb_port,
        dynamodb_endpoint: options.dynamodb_endpoint,
        data,
    })
    .await?;
    match options.log {
        // Standard output carries only JSON lines, so the banner goes to standard error.
        LogFormat::Json => banner::write(&server, &location, &mut anstream::stderr())?,
        LogFormat::Pretty => banner::write(&server, &location, &mut anstream::stdout())?,
    }
    signals.received().await;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn play() -> Result<ExitCode, StartError> {
    let server = Server::start(&Options::default()).await?;
    let played = demo::play(&server, &mut anstream::stdout()).await;
    server.stop().await;
    Ok(match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(anstream::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    })
}
