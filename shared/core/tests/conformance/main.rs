//! Runs the conformance suite on the store in memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's failure is a panic")]

macro_rules! suite {
    ($($case:ident)*) => {
        mod memory {
            use coinolio_core::store::MemoryStore;

            $(#[tokio::test]
            async fn $case() {
                super::$case(MemoryStore::default()).await;
            })*
        }
    };
}

mod suite;
