//! The devices' port on DynamoDB.
//!
//! A device's item has an attribute for each portfolio that it acknowledged, and no map of them: one UpdateItem sets such
//! an attribute whether or not the item is there, where a map's member can be set only in a map that is.

use super::errors::store_error;
use super::items::{self, Item, Stored, number, text};
use super::keys::{self, SortRange};
use super::log::{DynamoLog, failed_write_units};
use super::requests::{Consistency, Order, key, units};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use coinolio_core::devices::{Acknowledged, Device, MAX_RANK, Profile, Sighting};
use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::store::{Described, Devices, StoreError};
use coinolio_core::time::Timestamp;
use std::collections::HashMap;

/// What the attributes of acknowledged versions begin with; the portfolio's id follows.
const ACKNOWLEDGED: &str = "ack#";

/// The members of a profile in an item.
const NAME: &str = "name";
const PLATFORM: &str = "platform";
const RANK: &str = "rank";
const APP_VERSION: &str = "app_version";

impl Devices for DynamoLog {
    async fn devices(&self, user: &UserId) -> Result<Vec<Device>, StoreError> {
        let pk = keys::user_partition(user);
        let range = SortRange::below(keys::DEVICE_PREFIX);
        let found = self.query(&pk, range, Order::Ascending, None).await?;
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
        // An item that cannot be read is left as it is, for the operator: no condition of an update can tell.
        self.device(user, id).await?;
        let mut update = Update::of_device(now);
        update.replace(NAME, profile.name.as_deref().map(text));
        update.replace(PLATFORM, profile.platform.as_deref().map(text));
        update.replace(RANK, profile.rank.map(number));
        update.replace(APP_VERSION, profile.app_version.as_deref().map(text));
        match self.update_device(user, id, update).await? {
            Updated::Written(before) => {
                let created = before.is_none();
                let mut device = before.unwrap_or_else(|| Device::new(id.clone(), now));
                device.profile = profile.clone();
                Ok(Described { device, created })
            }
            // The condition is on the format alone, and a format that is not known has been told.
            Updated::Refused => Err(StoreError::Refused("a device was not described".into())),
        }
    }

    async fn record(&self, user: &UserId, id: &DeviceId, sighting: &Sighting) -> Result<bool, StoreError> {
        let mut update = Update::of_device(sighting.at);
        update.replace("last_seen", Some(number(sighting.at.millis())));
        for (portfolio, version) in &sighting.acknowledged {
            update.acknowledge(portfolio, *version, sighting.at);
        }
        let updated = self.update_device(user, id, update).await?;
        Ok(matches!(updated, Updated::Written(_)))
    }

    async fn forget(&self, user: &UserId, id: &DeviceId) -> Result<bool, StoreError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&*self.table)
            .set_key(Some(key(&keys::user_partition(user), &keys::device_sort(id))))
            .return_values(ReturnValue::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await
            .map_err(store_error)?;
        self.meter.wrote(units(deleted.consumed_capacity.as_ref()));
        Ok(deleted.attributes.is_some_and(|before| !before.is_empty()))
    }
}

/// What became of an update.
enum Updated {
    /// It is written; what was there before, if anything was.
    Written(Option<Device>),
    /// Its condition does not hold.
    Refused,
}

impl DynamoLog {
    async fn get_device(
        &self,
        user: &UserId,
        id: &DeviceId,
        consistency: Consistency,
    ) -> Result<Option<Device>, StoreError> {
        let (pk, sk) = (keys::user_partition(user), keys::device_sort(id));
        let found = self.get_item(&pk, &sk, consistency).await?;
        found.as_ref().map(read_device).transpose()
    }

    async fn update_device(&self, user: &UserId, id: &DeviceId, update: Update) -> Result<Updated, StoreError> {
        let sent = update
            .onto(self.client.update_item())
            .table_name(&*self.table)
            .set_key(Some(key(&keys::user_partition(user), &keys::device_sort(id))))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await;
        let error = match sent {
            Ok(sent) => {
                self.meter.wrote(units(sent.consumed_capacity.as_ref()));
                // Of an item that was not there DynamoDB returns nothing, an emulator its key.
                let before = sent.attributes.filter(|before| before.len() > 2);
                return Ok(Updated::Written(before.as_ref().map(read_device).transpose()?));
            }
            Err(error) => error,
        };
        let Some(there) = error.as_service_error().and_then(|error| match error {
            UpdateItemError::ConditionalCheckFailedException(failed) => failed.item(),
            _ => None,
        }) else {
            return Err(store_error(error));
        };
        self.meter.wrote(Some(failed_write_units(there, None)));
        // An item of a newer format is an error that names it.
        read_device(there).map(|_| Updated::Refused)
    }
}

/// An UpdateItem of a device: its expressions and what they refer to, in the order in which they came.
struct Update {
    set: Vec<String>,
    remove: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Update {
    /// Makes the device, where there is none, as created at `now`; never touches one of another format.
    fn of_device(now: Timestamp) -> Self {
        let mut update = Self {
            set: Vec::new(),
            remove: Vec::new(),
            conditions: Vec::new(),
            names: HashMap::new(),
            values: HashMap::new(),
        };
        let (name, value) = (update.name("format"), update.value(number(items::FORMAT)));
        update.set.push(format!("{name} = {value}"));
        update
            .conditions
            .push(format!("(attribute_not_exists({name}) OR {name} = {value})"));
        let (name, value) = (update.name("created"), update.value(number(now.millis())));
        update.set.push(format!("{name} = if_not_exists({name}, {value})"));
        update
    }

    /// Sets an attribute, or takes it away.
    fn replace(&mut self, name: &str, value: Option<AttributeValue>) {
        let name = self.name(name);
        match value {
            Some(value) => {
                let value = self.value(value);
                self.set.push(format!("{name} = {value}"));
            }
            None => self.remove.push(name),
        }
    }

    /// Keeps an acknowledged version, unless a newer one is kept.
    fn acknowledge(&mut self, portfolio: &PortfolioId, version: u64, at: Timestamp) {
        let name = self.name(&format!("{ACKNOWLEDGED}{portfolio}"));
        let kept = HashMap::from([
            ("version".to_owned(), number(version)),
            ("at".to_owned(), number(at.millis())),
        ]);
        let value = self.value(AttributeValue::M(kept));
        self.set.push(format!("{name} = {value}"));
        self.names.insert("#version".to_owned(), "version".to_owned());
        let version = self.value(number(version));
        self.conditions.push(format!(
            "(attribute_not_exists({name}) OR {name}.#version <= {version})"
        ));
    }

    fn name(&mut self, attribute: &str) -> String {
        let name = format!("#n{}", self.names.len());
        self.names.insert(name.clone(), attribute.to_owned());
        name
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let name = format!(":v{}", self.values.len());
        self.values.insert(name.clone(), value);
        name
    }

    fn onto(self, request: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        let mut expression = format!("SET {}", self.set.join(", "));
        if !self.remove.is_empty() {
            expression = format!("{expression} REMOVE {}", self.remove.join(", "));
        }
        request
            .update_expression(expression)
            .condition_expression(self.conditions.join(" AND "))
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values(Some(self.values))
    }
}

/// Reads a device.
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
        device
            .acknowledged
            .extend([acknowledged.ok_or_else(|| stored.corrupt(format_args!("{name} is no acknowledged version")))?]);
    }
    Ok(device)
}

fn read_acknowledged(value: &AttributeValue) -> Option<Acknowledged> {
    let kept = Stored::open_any(value.as_m().ok()?);
    Some(Acknowledged {
        version: kept.version("version").ok()?,
        at: Timestamp::from_millis(kept.whole("at").ok()?),
    })
}
