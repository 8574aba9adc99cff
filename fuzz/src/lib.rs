//! What the targets of the handlers and the decoder share: the functions on an embedded DynamoDB, a new one now and then.

use coinolio_tests::service::Service;
use std::cell::RefCell;
use tokio::runtime::Runtime;

/// How many inputs one table serves. The embedded DynamoDB goes through the whole stream of its table at every write.
const INPUTS: u32 = 300;

struct Served {
    service: Service,
    inputs: u32,
    /// Dropped with the table's server, which is one of its tasks.
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

/// Hands the functions on a table, which holds what earlier inputs left there, to `input`.
///
/// # Panics
/// Where `input` does, or calls this again.
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
