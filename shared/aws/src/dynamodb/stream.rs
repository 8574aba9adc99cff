//! The items of the log as the table's stream tells of them.

use super::items::FORMAT;
use super::keys;
use coinolio_core::log::PortfolioKey;
use serde::Deserialize;
use serde_json::Value;

/// What is read of a stream's record (DynamoDB Streams API reference, "Record").
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    dynamodb: Change,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    keys: Keys,
    /// Of another item than a change it may be anything, or not there.
    #[serde(default)]
    new_image: Value,
}

#[derive(Debug, Deserialize)]
struct Keys {
    pk: Text,
    sk: Text,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

impl Record {
    /// The portfolio that the record tells a new change of; `None` where it is of another item, or not an
    /// insertion.
    ///
    /// # Errors
    /// What a change's item cannot be: a reason that holds nothing of it.
    pub(crate) fn changed_portfolio(&self) -> Result<Option<PortfolioKey>, &'static str> {
        let Change { keys, new_image } = &self.dynamodb;
        if self.event_name != "INSERT" || !keys::is_change(&keys.sk.text) {
            return Ok(None);
        }
        let format = new_image.pointer("/format/N").and_then(Value::as_str);
        match format.and_then(|digits| digits.parse::<u64>().ok()) {
            Some(FORMAT) => {}
            Some(_) => return Err("the change is of a format that this version does not read"),
            None => return Err("the change's item with its format is not in the record"),
        }
        let key = keys::portfolio_of(&keys.pk.text).ok_or("the change is in no portfolio's partition")?;
        Ok(Some(key))
    }
}
