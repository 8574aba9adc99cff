//! The ports to users' devices.

use super::StoreError;
use crate::algebra::Ranks;
use crate::devices::{Device, Profile, Sighting};
use crate::id::{DeviceId, UserId};
use crate::time::Timestamp;
use std::future::Future;

/// The result of describing a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The device as it is now.
    pub device: Device,
    /// True if it was not registered before.
    pub created: bool,
}

/// The registered devices of all users.
///
/// Every read but [`Self::device_eventually`] MUST be strongly consistent. Each method is one request up to the store's
/// page size; [`Self::describe`] is two.
pub trait Devices: Send + Sync {
    /// Returns the user's devices, sorted by id.
    fn devices(&self, user: &UserId) -> impl Future<Output = Result<Vec<Device>, StoreError>> + Send;

    /// Returns one of the user's devices.
    fn device(&self, user: &UserId, id: &DeviceId) -> impl Future<Output = Result<Option<Device>, StoreError>> + Send;

    /// Returns one of the user's devices by an eventually consistent read, which costs half as much and may miss the
    /// newest writes.
    fn device_eventually(
        &self,
        user: &UserId,
        id: &DeviceId,
    ) -> impl Future<Output = Result<Option<Device>, StoreError>> + Send;

    /// Replaces a device's profile and nothing else; registers the device at `now` if it is new.
    fn describe(
        &self,
        user: &UserId,
        id: &DeviceId,
        profile: &Profile,
        now: Timestamp,
    ) -> impl Future<Output = Result<Described, StoreError>> + Send;

    /// Stores a sighting, and registers the device if it is new.
    ///
    /// The sighting is stored as a whole or not at all: returns false, and stores nothing, if the device has already
    /// acknowledged a newer version than one of the sighting's.
    fn record(
        &self,
        user: &UserId,
        id: &DeviceId,
        sighting: &Sighting,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a device; returns false if there is none.
    fn forget(&self, user: &UserId, id: &DeviceId) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// The source of the device ranks that a merge needs.
pub trait RankSource: Send + Sync {
    /// Returns the ranks of those of the user's devices that have one, in one request up to the store's page size.
    fn ranks(&self, user: &UserId) -> impl Future<Output = Result<Ranks, StoreError>> + Send;
}

impl<D: Devices> RankSource for D {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, StoreError> {
        let devices = self.devices(user).await?.into_iter();
        Ok(devices
            .filter_map(|device| Some((device.id, device.profile.rank?)))
            .collect())
    }
}
