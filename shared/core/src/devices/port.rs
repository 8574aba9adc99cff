//! The ports to where devices are kept.

use super::{Device, Profile, Sighting};
use crate::algebra::Ranks;
use crate::id::{DeviceId, UserId};
use crate::log::LogError;
use crate::time::Timestamp;
use std::future::Future;

/// What became of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The device as it is now.
    pub device: Device,
    /// True where there was none before.
    pub created: bool,
}

/// Where the devices of all users are kept.
///
/// Every read but [`Self::glance`] MUST be strongly consistent. Each method is one request, up to the store's page size;
/// [`Self::describe`] is two.
pub trait Devices: Send + Sync {
    /// The user's devices, sorted by id.
    fn devices(&self, user: &UserId) -> impl Future<Output = Result<Vec<Device>, LogError>> + Send;

    /// One of the user's devices.
    fn device(&self, user: &UserId, id: &DeviceId) -> impl Future<Output = Result<Option<Device>, LogError>> + Send;

    /// One of the user's devices as it was a moment ago: it may lack the newest writes, which makes it cheaper.
    fn glance(&self, user: &UserId, id: &DeviceId) -> impl Future<Output = Result<Option<Device>, LogError>> + Send;

    /// Replaces a device's profile, and nothing else of it; makes the device, created at `now`, where there is none.
    fn describe(
        &self,
        user: &UserId,
        id: &DeviceId,
        profile: &Profile,
        now: Timestamp,
    ) -> impl Future<Output = Result<Described, LogError>> + Send;

    /// Keeps a sighting; makes the device where there is none. All of it is kept or nothing: false, and nothing kept,
    /// where a newer version than one of the sighting's is acknowledged already.
    fn record(
        &self,
        user: &UserId,
        id: &DeviceId,
        sighting: &Sighting,
    ) -> impl Future<Output = Result<bool, LogError>> + Send;

    /// Forgets a device; false where there is none.
    fn forget(&self, user: &UserId, id: &DeviceId) -> impl Future<Output = Result<bool, LogError>> + Send;
}

/// Where a merge learns the ranks of a user's devices.
pub trait RankSource: Send + Sync {
    /// The ranks of those of the user's devices that have one, in one request up to the store's page size.
    fn ranks(&self, user: &UserId) -> impl Future<Output = Result<Ranks, LogError>> + Send;
}

impl<D: Devices> RankSource for D {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, LogError> {
        let devices = self.devices(user).await?.into_iter();
        Ok(devices
            .filter_map(|device| Some((device.id, device.profile.rank?)))
            .collect())
    }
}
