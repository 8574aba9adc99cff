//! The binary of the sync function, which Lambda runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    coinolio_aws::runtime::run(sync::handle)
}
