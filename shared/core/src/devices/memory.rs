//! The devices in memory: the port's contract without a store behind it.

use super::{Described, Device, Devices, Profile, Sighting};
use crate::id::{DeviceId, UserId};
use crate::log::{LogError, MemoryLog};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// The devices of all users.
pub(crate) type Kept = BTreeMap<(UserId, DeviceId), Device>;

impl Devices for MemoryLog {
    async fn devices(&self, user: &UserId) -> Result<Vec<Device>, LogError> {
        // Keys sort by user, then by device.
        let of_user = |kept: &mut Kept| {
            let devices = kept.iter().filter(|((owner, _), _)| owner == user);
            devices.map(|(_, device)| device.clone()).collect()
        };
        Ok(self.with_devices(of_user))
    }

    async fn device(&self, user: &UserId, id: &DeviceId) -> Result<Option<Device>, LogError> {
        Ok(self.with_devices(|kept| kept.get(&(user.clone(), id.clone())).cloned()))
    }

    async fn glance(&self, user: &UserId, id: &DeviceId) -> Result<Option<Device>, LogError> {
        self.device(user, id).await
    }

    async fn describe(
        &self,
        user: &UserId,
        id: &DeviceId,
        profile: &Profile,
        now: Timestamp,
    ) -> Result<Described, LogError> {
        Ok(self.with_devices(|kept| {
            let key = (user.clone(), id.clone());
            let created = !kept.contains_key(&key);
            let device = kept.entry(key).or_insert_with(|| Device::new(id.clone(), now));
            device.profile = profile.clone();
            Described {
                device: device.clone(),
                created,
            }
        }))
    }

    async fn record(&self, user: &UserId, id: &DeviceId, sighting: &Sighting) -> Result<bool, LogError> {
        Ok(self.with_devices(|kept| {
            let device = kept.entry((user.clone(), id.clone()));
            sighting.add_to(device.or_insert_with(|| Device::new(id.clone(), sighting.at)))
        }))
    }

    async fn forget(&self, user: &UserId, id: &DeviceId) -> Result<bool, LogError> {
        Ok(self.with_devices(|kept| kept.remove(&(user.clone(), id.clone())).is_some()))
    }
}
