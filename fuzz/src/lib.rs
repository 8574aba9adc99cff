//! The service that the targets for handlers and decoder run on: the functions on an embedded DynamoDB, which is
//! replaced after a number of inputs.

use coinolio_tests::service::Service;
use std::cell::RefCell;
use tokio::runtime::Runtime;

/// Number of inputs per table. The embedded DynamoDB goes through the table's whole DynamoDB stream at every write.
const INPUTS: u32 = 300;

struct Served {
    service: Service,
    inputs: u32,
    /// Dropping it also stops the table's server, which is one of its tasks.
    runtime: Runtime,
}

impl Served {
    fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let service = runtime.block_on(Service::start());
        Self {
            service,
            inputs: 0,
            runtime,
        }
    }
}

/// Runs `input` on the functions and a table that contains the data of earlier inputs.
///
/// # Panics
/// Panics if `input` panics or calls this function again.
pub fn on_service<T>(input: impl AsyncFnOnce(&Service) -> T) -> T {
    thread_local! {
        static SERVED: RefCell<Option<Served>> = const { RefCell::new(None) };
    }
    SERVED.with_borrow_mut(|served| {
        served.take_if(|served| served.inputs == INPUTS);
        let served = served.get_or_insert_with(Served::start);
        served.inputs += 1;
        served.runtime.block_on(input(&served.service))
    })
}
