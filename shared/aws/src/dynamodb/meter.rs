//! What an invocation asks of DynamoDB (design section 6).

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// DynamoDB requests sent, and capacity units that DynamoDB says they consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Requests put on the wire: the SDK's retries each count.
    pub requests: u64,
    /// Read request units; a strongly consistent read of up to 4 KB is one.
    pub read_units: f64,
    /// Write request units; a write of up to 1 KB is one, in a transaction two.
    ///
    /// DynamoDB reports none for a write whose condition fails, though it charges for it: those units are
    /// computed from the sizes of both items (DynamoDB Developer Guide, "Conditional writes").
    pub write_units: f64,
    /// From a request's transmission until its answer is read, summed over all requests: more than the
    /// invocation's own time where requests run at once.
    pub waited: Duration,
}

/// When a request was put on the wire; kept with the request, since a meter counts several at once.
#[derive(Debug)]
struct Transmitted(Instant);

impl Storable for Transmitted {
    type Storer = StoreReplace<Self>;
}

/// Counts the [`Usage`] of one invocation; clones count into the same sum.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

impl Meter {
    /// What was used so far.
    pub fn usage(&self) -> Usage {
        *self.sum()
    }

    /// Adds read units as the SDK reports them.
    pub(super) fn read(&self, units: Option<f64>) {
        self.sum().read_units += units.unwrap_or_default();
    }

    /// Adds write units as the SDK reports them.
    pub(super) fn wrote(&self, units: Option<f64>) {
        self.sum().write_units += units.unwrap_or_default();
    }

    fn sum(&self) -> MutexGuard<'_, Usage> {
        // A sum is whole whenever its lock is free, so a panic elsewhere does not spoil it.
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

#[cfg(test)]
mod tests {
    use super::{Duration, Meter, Usage};

    #[test]
    fn clones_count_into_one_sum() {
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
