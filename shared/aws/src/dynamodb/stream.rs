//! The records of the table's stream.

use super::item::FORMAT;
use super::keys;
use coinolio_core::log::PortfolioKey;
use serde::Deserialize;
use serde_json::Value;

/// The members of a stream record that this service reads (DynamoDB Streams API reference, "Record").
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
    /// Missing or of any form if the item is not a change.
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
    /// Returns the portfolio whose new change the record reports. Returns `None` if the record is about another
    /// item or is not an insertion.
    ///
    /// # Errors
    /// Returns the reason why the item cannot be read as a change. The reason contains none of the item's data.
    pub(crate) fn changed_portfolio(&self) -> Result<Option<PortfolioKey>, &'static str> {
        let Change { keys, new_image } = &self.dynamodb;
        if self.event_name != "INSERT" || !keys::is_change(&keys.sk.text) {
            return Ok(None);
        }
        let format = new_image.pointer("/format/N").and_then(Value::as_str);
        match format.and_then(|digits| digits.parse::<u64>().ok()) {
            Some(FORMAT) => {}
            Some(_) => return Err("the change is of a format that this version does not read"),
            None => return Err("the record does not contain the change's format"),
        }
        let key = keys::portfolio_of(&keys.pk.text).ok_or("the change is not in a portfolio's partition")?;
        Ok(Some(key))
    }
}
