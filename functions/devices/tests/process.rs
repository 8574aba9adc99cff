//! Starts the function's binary as Lambda does.

use coinolio_tests::starting::{assert_starts, event};

#[tokio::test]
async fn the_function_starts_only_with_a_valid_environment() {
    assert_starts(env!("CARGO_BIN_EXE_devices"), &event("v2-devices"), 200).await;
}
