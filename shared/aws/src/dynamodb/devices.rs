//! The port of the devices.
//!
//! A device's item has one attribute for each portfolio that the device acknowledged, instead of one map for all of
//! them. UpdateItem can set an attribute even if the item does not exist yet, but a map's member only if the map
//! exists.

use super::errors::refused;
use super::item::{self, Item, Stored, number, text};
use super::keys::{self, SortRange};
use super::store::DynamoStore;
use super::table::{Consistency, Order, Update, Updated};
use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_core::devices::{Acknowledged, Device, MAX_RANK, Profile, Sighting};
use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::log::Version;
use coinolio_core::store::{Described, Devices, StoreError};
use coinolio_core::time::Timestamp;
use std::collections::HashMap;

/// The prefix of the attributes with acknowledged versions. The portfolio's id follows.
const ACKNOWLEDGED: &str = "ack#";

/// The attributes of a profile.
const NAME: &str = "name";
const PLATFORM: &str = "platform";
const RANK: &str = "rank";
const APP_VERSION: &str = "app_version";

impl Devices for DynamoStore {
    async fn devices(&self, user: &UserId) -> Result<Vec<Device>, StoreError> {
        let pk = keys::user_partition(user);
        let range = SortRange::below(keys::DEVICE_PREFIX);
        let found = self.table.query(&pk, range, Order::Ascending, None).await?;
        found.iter().map(read_device).collect()
    }

    async fn device(&self, user: &UserId, id: &DeviceId) -> Result<Option<Device>, StoreError> {
        self.get_device(user, id, Consistency::Strong).await
    }

    async fn device_eventually(&self, user: &UserId, id: &DeviceId) -> Result<Option<Device>, StoreError> {
        self.get_device(user, id, Consistency::Eventual).await
    }

    async fn describe(
        &self,
        user: &UserId,
        id: &DeviceId,
        profile: &Profile,
        now: Timestamp,
    ) -> Result<Described, StoreError> {
        // An update would overwrite an unreadable item, and no condition can recognize one. So read the item first:
        // an unreadable one fails here and stays unchanged for the operator to inspect.
        self.device(user, id).await?;
        let mut update = update_of_device(now);
        update.replace(NAME, profile.name.as_deref().map(text));
        update.replace(PLATFORM, profile.platform.as_deref().map(text));
        update.replace(RANK, profile.rank.map(number));
        update.replace(APP_VERSION, profile.app_version.as_deref().map(text));
        match self.update_device(user, id, update).await? {
            UpdatedDevice::Written(before) => {
                let created = before.is_none();
                let mut device = before.unwrap_or_else(|| Device::new(id.clone(), now));
                device.profile = profile.clone();
                Ok(Described { device, created })
            }
            // The update's only condition is on the format, and `update_device` already reports an unknown format
            // as an error.
            UpdatedDevice::Refused => Err(refused("a device was not described")),
        }
    }

    async fn record(&self, user: &UserId, id: &DeviceId, sighting: &Sighting) -> Result<bool, StoreError> {
        let mut update = update_of_device(sighting.at);
        update.set("last_seen", number(sighting.at.millis()));
        for (portfolio, version) in &sighting.acknowledged {
            acknowledge(&mut update, portfolio, *version, sighting.at);
        }
        let updated = self.update_device(user, id, update).await?;
        Ok(matches!(updated, UpdatedDevice::Written(_)))
    }

    async fn forget(&self, user: &UserId, id: &DeviceId) -> Result<bool, StoreError> {
        self.table
            .delete(&keys::user_partition(user), &keys::device_sort(id))
            .await
    }
}

/// The outcome of an update of a device.
enum UpdatedDevice {
    /// The device was updated. Contains its state before the update, if it existed.
    Written(Option<Device>),
    /// A condition was false, so nothing was written.
    Refused,
}

impl DynamoStore {
    async fn get_device(
        &self,
        user: &UserId,
        id: &DeviceId,
        consistency: Consistency,
    ) -> Result<Option<Device>, StoreError> {
        let (pk, sk) = (keys::user_partition(user), keys::device_sort(id));
        let found = self.table.get(&pk, &sk, consistency).await?;
        found.as_ref().map(read_device).transpose()
    }

    async fn update_device(&self, user: &UserId, id: &DeviceId, update: Update) -> Result<UpdatedDevice, StoreError> {
        let (pk, sk) = (keys::user_partition(user), keys::device_sort(id));
        match self.table.update(&pk, &sk, update).await? {
            Updated::Written(before) => {
                let before = before.as_ref().map(read_device).transpose()?;
                Ok(UpdatedDevice::Written(before))
            }
            // If the item has a newer format, reading it returns an error that names the item.
            Updated::Refused(Some(there)) => read_device(&there).map(|_| UpdatedDevice::Refused),
            Updated::Refused(None) => Err(refused("a condition was false, but there is no device")),
        }
    }
}

/// Begins an update of a device. The update creates the device at `now` if it does not exist, and fails if the
/// stored item has another format.
fn update_of_device(now: Timestamp) -> Update {
    let mut update = Update::default();
    update.set("format", number(item::FORMAT));
    update.set_if_absent("created", number(now.millis()));
    let (name, value) = (update.name("format"), update.value(number(item::FORMAT)));
    update.require(format!("(attribute_not_exists({name}) OR {name} = {value})"));
    update
}

/// Sets the version that a device acknowledged, on condition that no newer version is stored.
fn acknowledge(update: &mut Update, portfolio: &PortfolioId, version: Version, at: Timestamp) {
    let attribute = format!("{ACKNOWLEDGED}{portfolio}");
    let acknowledged = HashMap::from([
        ("version".to_owned(), number(version)),
        ("at".to_owned(), number(at.millis())),
    ]);
    update.set(&attribute, AttributeValue::M(acknowledged));
    let (name, member) = (update.name(&attribute), update.name("version"));
    let version = update.value(number(version));
    update.require(format!(
        "(attribute_not_exists({name}) OR {name}.{member} <= {version})"
    ));
}

/// Reads a device from its item.
fn read_device(item: &Item) -> Result<Device, StoreError> {
    let stored = Stored::open(item)?;
    let id = stored.text("sk")?.strip_prefix(keys::DEVICE_PREFIX).unwrap_or_default();
    let words = |name| stored.optional(name, || stored.text(name).map(str::to_owned));
    let mut device = Device::new(
        DeviceId::parse(id).map_err(|error| stored.corrupt(error))?,
        Timestamp::from_millis(stored.whole("created")?),
    );
    device.profile = Profile {
        name: words(NAME)?,
        platform: words(PLATFORM)?,
        rank: stored.optional(RANK, || match stored.whole(RANK)? {
            rank @ 0..=MAX_RANK => Ok(rank),
            _ => Err(stored.corrupt("rank is over 100")),
        })?,
        app_version: words(APP_VERSION)?,
    };
    device.last_seen = stored.optional("last_seen", || stored.whole("last_seen").map(Timestamp::from_millis))?;
    for (name, value) in item {
        let Some(portfolio) = name.strip_prefix(ACKNOWLEDGED) else {
            continue;
        };
        let acknowledged = PortfolioId::parse(portfolio).ok().zip(read_acknowledged(value));
        let acknowledged =
            acknowledged.ok_or_else(|| stored.corrupt(format_args!("{name} is not an acknowledged version")))?;
        device.acknowledged.extend([acknowledged]);
    }
    Ok(device)
}

fn read_acknowledged(value: &AttributeValue) -> Option<Acknowledged> {
    let stored = Stored::open_any(value.as_m().ok()?);
    Some(Acknowledged {
        version: stored.version("version").ok()?,
        at: Timestamp::from_millis(stored.whole("at").ok()?),
    })
}
