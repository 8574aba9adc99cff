//! The command line.

use crate::gateway::Failure;
use clap::{Args, Parser, Subcommand, ValueEnum};
use lambda_http::http::Uri;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

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
    /// Origin of a browser app that may use the API (CORS), such as http://localhost:8081; `*` allows all. May be
    /// given several times. In AWS, the parameter CorsOrigins lists them.
    #[arg(long, value_name = "ORIGIN", default_value = "*", value_parser = origin)]
    pub cors_origin: Vec<String>,
    /// Make requests fail: a code (`busy`, `409:busy`), a status (`503`, `429`), an error of the gateway itself
    /// (`gateway:503`), or `unanswered`, which carries the request out and ends the connection. A probability may
    /// follow: `409:busy:0.1`. May be given several times. A request can ask for a failure, too, by the header
    /// Coinolio-Fail.
    #[arg(long, value_name = "ERROR[:PROBABILITY]")]
    pub fail: Vec<Failure>,
    /// Age at which changes expire: a whole number with `s`, `m`, `h` or `d`. They are removed when the next snapshot
    /// is written.
    #[arg(long, value_name = "AGE", default_value = "90d", value_parser = age)]
    pub retention_age: Duration,
    /// How many of the newest versions never expire.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    pub retention_versions: u64,
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

/// Accepts `*` or an origin (RFC 6454 section 6.2) of `http` or `https`, as the template's parameter does.
fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_host =
        |host: &str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-".contains(&b));
    if text == "*" || host.is_some_and(is_host) {
        return Ok(text.to_owned());
    }
    Err("neither * nor an origin such as http://localhost:8081, without a path".to_owned())
}

/// Reads an age such as `30s` or `90d`.
fn age(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];
    let parsed = units.iter().find_map(|(unit, seconds)| {
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(*seconds)
    });
    let seconds = parsed.ok_or("not a whole number with s, m, h or d, such as 30s")?;
    Ok(Duration::from_secs(seconds))
}

/// Accepts an address that is not reachable from other networks: loopback or private (RFC 1918).
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
    use coinolio_aws::config::DEFAULT_RETENTION;
    use coinolio_core::sync::Retention;

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
        assert_eq!(
            (cli.serve.cors_origin, cli.serve.fail),
            (vec!["*".to_owned()], Vec::new())
        );
        let retention = Retention {
            age: cli.serve.retention_age,
            versions: cli.serve.retention_versions,
        };
        assert_eq!(retention, DEFAULT_RETENTION);
    }

    #[test]
    fn the_options_of_client_developers_are_checked() {
        let with = |option, value| Cli::try_parse_from(["coinolio-local", option, value]).map(|cli| cli.serve);
        let serve = Cli::try_parse_from(["coinolio-local", "--fail", "409:busy:0.1", "--fail", "503"]).unwrap();
        assert_eq!(serve.serve.fail.len(), 2);
        for origin in ["*", "http://localhost:8081", "https://app.example.com"] {
            assert_eq!(with("--cors-origin", origin).unwrap().cors_origin, [origin]);
        }
        for (age, seconds) in [("0s", 0), ("30s", 30), ("2m", 120), ("1h", 3600), ("1d", 86_400)] {
            let serve = with("--retention-age", age).unwrap();
            assert_eq!(serve.retention_age.as_secs(), seconds, "{age}");
        }
        for (option, value) in [
            ("--fail", "409"),
            ("--fail", "busy:2.0"),
            ("--cors-origin", ""),
            ("--cors-origin", "localhost:8081"),
            ("--cors-origin", "http://localhost/app"),
            ("--retention-age", "30"),
            ("--retention-age", "-1s"),
            ("--retention-age", "s"),
            ("--retention-versions", "0"),
        ] {
            assert!(with(option, value).is_err(), "{option} {value}");
        }
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
