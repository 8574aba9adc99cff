//! The change-stream function as Lambda runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    coinolio_aws::runtime::run_on_stream(change_stream::handle)
}
