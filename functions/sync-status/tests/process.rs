//! The function's process, started as Lambda starts it.

use coinolio_tests::starting::{assert_starts, event};

#[tokio::test]
async fn the_function_starts_only_with_the_right_environment() {
    assert_starts(env!("CARGO_BIN_EXE_sync-status"), &event("v2-sync-status"), 404).await;
}
