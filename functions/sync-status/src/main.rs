//! The binary of the sync-status function, which Lambda runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    coinolio_aws::runtime::run(sync_status::handle)
}
