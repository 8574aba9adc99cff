//! Runs the conformance suite for change logs and device stores on the in-memory implementation.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's failure is a panic")]

macro_rules! suite {
    ($($case:ident)*) => {
        mod memory {
            use coinolio_core::log::MemoryLog;

            $(#[tokio::test]
            async fn $case() {
                super::$case(MemoryLog::default()).await;
            })*
        }
    };
}

mod suite;
