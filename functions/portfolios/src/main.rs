//! The portfolios function as Lambda runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    coinolio_aws::runtime::run(portfolios::handle)
}
