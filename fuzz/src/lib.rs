//! Runs the functions on an embedded DynamoDB, for the fuzz targets of the handlers and the decoders.

use coinolio_tests::service::Service;
use std::cell::RefCell;
use tokio::runtime::Runtime;

/// The number of inputs after which a new, empty table replaces the old one. A table becomes slower with every
/// input, because the embedded DynamoDB reads the whole stream of the table at each write.
const INPUTS: u32 = 300;

struct Served {
    service: Service,
    inputs: u32,
    /// Dropping the runtime also stops the table's server, which is one of its tasks.
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

/// Runs `input` on the functions. The table contains the data of earlier inputs.
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
