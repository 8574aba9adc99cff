//! The binary of the devices function, which Lambda runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    coinolio_aws::runtime::run(devices::handle)
}
