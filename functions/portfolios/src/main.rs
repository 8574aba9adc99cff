//! The binary of the portfolios function, which Lambda runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    coinolio_aws::runtime::run(portfolios::handle)
}
