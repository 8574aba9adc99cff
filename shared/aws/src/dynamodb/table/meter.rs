//! The requests and capacity units of one invocation.

use crate::dynamodb::item::{self, Item};
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::ConsumedCapacity;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The write unit: a write of up to this many bytes costs one (DynamoDB Developer Guide, "Read and write
/// operations").
pub(in crate::dynamodb) const WRITE_UNIT: usize = 1024;

/// The requests sent to DynamoDB, and the capacity units that they consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// The number of transmitted requests. Each of the SDK's retries counts.
    pub requests: u64,
    /// Read request units, as DynamoDB reports them. A strongly consistent read of up to 4 KB costs one.
    pub read_units: f64,
    /// Write request units. A write of up to 1 KB costs one unit, or two in a transaction.
    ///
    /// DynamoDB charges for a write whose condition is false, but does not report its units. The meter computes
    /// them from the sizes of both items (DynamoDB Developer Guide, "Conditional writes").
    pub write_units: f64,
    /// The time from the transmission of a request until its response is read, summed over all requests. The sum
    /// can exceed the duration of the invocation if requests run concurrently.
    pub waited: Duration,
}

/// The time when a request was transmitted. It is stored with the request, because one meter counts concurrent
/// requests.
#[derive(Debug)]
struct Transmitted(Instant);

impl Storable for Transmitted {
    type Storer = StoreReplace<Self>;
}

/// Counts the [`Usage`] of one invocation. All clones count into the same sum.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

impl Meter {
    /// Returns the usage so far.
    pub fn usage(&self) -> Usage {
        *self.sum()
    }

    /// Adds the read units that the SDK reports.
    pub(super) fn read(&self, units: Option<f64>) {
        self.sum().read_units += units.unwrap_or_default();
    }

    /// Adds the write units that the SDK reports.
    pub(super) fn wrote(&self, units: Option<f64>) {
        self.sum().write_units += units.unwrap_or_default();
    }

    fn sum(&self) -> MutexGuard<'_, Usage> {
        // No panic leaves the sum half updated, so it is usable even if the lock is poisoned.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.sum().requests += 1;
        config.interceptor_state().store_put(Transmitted(Instant::now()));
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        _context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Transmitted(at)) = config.load::<Transmitted>() {
            self.sum().waited += at.elapsed();
        }
        Ok(())
    }
}

/// Returns the capacity units in a response, if it reports them.
pub(super) fn units(capacity: Option<&ConsumedCapacity>) -> Option<f64> {
    capacity.and_then(|capacity| capacity.capacity_units)
}

/// Returns the units of a write whose condition is false. DynamoDB charges for the larger one of the two items
/// (DynamoDB Developer Guide, "Conditional writes").
#[expect(clippy::cast_precision_loss, reason = "an item's size is below 400 KB")]
pub(super) fn failed_write_units(item: &Item, there: Option<&Item>) -> f64 {
    let bytes = there.map_or(0, item::size).max(item::size(item));
    bytes.div_ceil(WRITE_UNIT) as f64
}

#[cfg(test)]
mod tests {
    use super::{Duration, Meter, Usage};

    #[test]
    fn clones_count_into_the_same_sum() {
        let meter = Meter::default();
        let clone = meter.clone();
        meter.read(Some(0.5));
        clone.read(Some(1.0));
        clone.wrote(Some(2.0));
        clone.wrote(None);
        let expected = Usage {
            requests: 0,
            read_units: 1.5,
            write_units: 2.0,
            waited: Duration::ZERO,
        };
        assert_eq!(meter.usage(), expected);
        assert_eq!(Meter::default().usage(), Usage::default());
    }
}
