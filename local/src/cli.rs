//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Coinolio Sync on this machine: the Lambda functions' handlers behind a local API Gateway, on an
/// embedded DynamoDB. Without a subcommand it serves.
#[derive(Debug, Parser)]
#[command(name = "coinolio-local", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub serve: Serve,
}

/// What the program does instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a bearer token for a user, good for every local server of this checkout.
    Token {
        /// The user's id: the token's `sub` claim.
        #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
        user: String,
    },
    /// Play two devices that edit one portfolio, and check that they end in agreement.
    Demo,
}

/// How to serve.
#[derive(Args, Debug)]
pub struct Serve {
    /// Port of the API on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 3000)]
    pub port: u16,
    /// Port of the DynamoDB API on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub dynamodb_port: u16,
    /// Folder that keeps the data between runs [default: .coinolio in the checkout].
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    pub data: Option<PathBuf>,
    /// Keep the data in memory only.
    #[arg(long)]
    pub memory: bool,
    /// What standard output holds: readable lines, or one JSON object a line and nothing else.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Pretty)]
    pub log: LogFormat,
}

/// The form of the log on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line, as the functions log in AWS.
    Json,
    /// Lines for people.
    Pretty,
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
    fn without_arguments_it_serves_on_the_documented_ports() {
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
    fn memory_and_a_data_folder_exclude_each_other() {
        assert!(Cli::try_parse_from(["coinolio-local", "--memory", "--data", "x"]).is_err());
    }
}
