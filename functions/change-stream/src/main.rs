//! The binary of the change-stream function, which Lambda runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    coinolio_aws::runtime::run_on_stream(change_stream::handle)
}
