//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use lambda_http::http::Uri;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Runs Coinolio Sync on this machine: the Lambda functions' handlers behind a local API Gateway, on an
/// embedded DynamoDB. Without a subcommand, starts the server.
#[derive(Debug, Parser)]
#[command(name = "coinolio-local", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// The command to run; `None` starts the server.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The server's options.
    #[command(flatten)]
    pub serve: Serve,
}

/// The commands other than starting the server.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a bearer token for a user; every local server of this checkout accepts it.
    Token {
        /// The user's id, which becomes the token's `sub` claim.
        #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
        user: String,
    },
    /// Simulate a phone and a tablet that edit one portfolio, and check that both end with the server's document.
    Demo,
}

/// The server's options.
#[derive(Args, Debug)]
pub struct Serve {
    /// Port of the API on 127.0.0.1; 0 picks a free one.
    #[arg(long, value_name = "N", default_value_t = 3000)]
    pub port: u16,
    /// Address of the DynamoDB API, which checks no credentials: a loopback address or, for `sam local`, the private
    /// address of a container engine's bridge.
    #[arg(long, value_name = "ADDRESS", default_value_t = Ipv4Addr::LOCALHOST, value_parser = not_public)]
    pub dynamodb_address: Ipv4Addr,
    /// Port of the DynamoDB API; 0 picks a free one.
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub dynamodb_port: u16,
    /// URL at which the functions reach DynamoDB: a proxy on this machine, to test the functions while DynamoDB fails
    /// [default: the DynamoDB API itself].
    #[arg(long, value_name = "URL", value_parser = on_this_machine)]
    pub dynamodb_endpoint: Option<String>,
    /// Folder that stores the data between runs [default: .coinolio in the checkout].
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    pub data: Option<PathBuf>,
    /// Store the data in memory only, until the server stops.
    #[arg(long)]
    pub memory: bool,
    /// Format of standard output: readable lines, or one JSON object per line and nothing else.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Pretty)]
    pub log: LogFormat,
}

/// The log's format on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line, as the functions log in AWS.
    Json,
    /// Human-readable lines.
    Pretty,
}

/// Accepts an `http` URL whose host is a loopback IPv4 address, such as `http://127.0.0.1:8001`.
fn on_this_machine(text: &str) -> Result<String, String> {
    let url: Uri = text.parse().map_err(|_| "not a URL".to_owned())?;
    let host = url.host().and_then(|host| host.parse::<Ipv4Addr>().ok());
    if url.scheme_str() == Some("http") && host.is_some_and(|host| host.is_loopback()) {
        return Ok(text.to_owned());
    }
    Err("not a loopback URL such as http://127.0.0.1:8001".to_owned())
}

/// Accepts an address that other networks cannot reach: loopback or private (RFC 1918).
fn not_public(text: &str) -> Result<Ipv4Addr, String> {
    let address: Ipv4Addr = text.parse().map_err(|_| "not an IPv4 address".to_owned())?;
    if address.is_loopback() || address.is_private() {
        return Ok(address);
    }
    Err("neither a loopback nor a private address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command, LogFormat};
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_program_serves_on_the_documented_ports_by_default() {
        let cli = Cli::try_parse_from(["coinolio-local"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!((cli.serve.port, cli.serve.dynamodb_port), (3000, 8000));
        assert_eq!((cli.serve.data, cli.serve.memory), (None, false));
        assert_eq!(cli.serve.log, LogFormat::Pretty);
    }

    #[test]
    fn a_token_needs_a_user() {
        assert!(Cli::try_parse_from(["coinolio-local", "token"]).is_err());
        assert!(Cli::try_parse_from(["coinolio-local", "token", ""]).is_err());
        let cli = Cli::try_parse_from(["coinolio-local", "token", "ann"]).unwrap();
        assert!(matches!(cli.command, Some(Command::Token { user }) if user == "ann"));
    }

    #[test]
    fn the_dynamodb_api_never_listens_on_a_public_address() {
        let at = |address| Cli::try_parse_from(["coinolio-local", "--dynamodb-address", address]);
        for address in ["127.0.0.1", "172.17.0.1"] {
            assert_eq!(at(address).unwrap().serve.dynamodb_address.to_string(), address);
        }
        for address in ["0.0.0.0", "203.0.113.7", "localhost", "::1", ""] {
            assert!(at(address).is_err(), "{address}");
        }
    }

    #[test]
    fn the_dynamodb_endpoint_must_be_on_this_machine() {
        let by = |url| Cli::try_parse_from(["coinolio-local", "--dynamodb-endpoint", url]);
        let url = "http://127.0.0.1:8001";
        assert_eq!(by(url).unwrap().serve.dynamodb_endpoint.as_deref(), Some(url));
        for url in [
            "",
            "127.0.0.1:8001",
            "https://127.0.0.1:8001",
            "http://203.0.113.7",
            "http://",
        ] {
            assert!(by(url).is_err(), "{url}");
        }
    }

    #[test]
    fn the_memory_and_data_options_exclude_each_other() {
        assert!(Cli::try_parse_from(["coinolio-local", "--memory", "--data", "x"]).is_err());
    }
}
