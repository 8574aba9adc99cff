//! The tests that need a running DynamoDB API or server. They are one binary; its modules mirror the code under test.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's failure is a panic")]

macro_rules! suite {
    ($($case:ident)*) => {
        mod dynamodb {
            use coinolio_tests::dynamodb::Dynamo;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(Dynamo::start().await.log()).await;
            })*
        }
    };
}

mod compaction_costs;
// The conformance suite for every store. The core runs it on the store in memory, this binary on DynamoDB.
#[path = "../../../shared/core/tests/conformance/suite/mod.rs"]
mod conformance;
mod dynamodb_costs;
mod dynamodb_faults;
mod interrupted_removal;
mod isolation;
mod openapi;
mod routes;
mod stream;
mod sync_costs;
mod template;
