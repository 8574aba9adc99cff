//! Items and their attributes, independent of their meaning.

use super::errors::corrupt;
use super::payload;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_core::log::{MAX_VERSION, Version};
use coinolio_core::store::StoreError;
use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

/// An item in the SDK's form.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The format of the items that this version writes. It reads no other format.
pub(super) const FORMAT: u64 = 1;

/// Returns a string attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// Returns a number attribute.
pub(super) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Returns a binary attribute.
pub(super) fn binary(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// Returns an item that contains only a key and the format.
pub(super) fn keyed(pk: &str, sk: &str) -> Item {
    Item::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text(sk)),
        ("format".to_owned(), number(FORMAT)),
    ])
}

/// Returns an upper bound of an item's size as DynamoDB counts it (DynamoDB Developer Guide, "Item sizes and
/// formats").
pub(super) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        // One byte for each two digits, plus one, plus one for a sign.
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 2,
        // Three bytes for the map, and one for each member.
        AttributeValue::M(members) => 3 + members.len() + size(members),
        _ => 1,
    }
}

/// A stored item that is being read. Every error names the item.
pub(super) struct Stored<'a> {
    item: &'a Item,
}

impl<'a> Stored<'a> {
    /// Opens an item, if it has the format that this version reads.
    pub(super) fn open(item: &'a Item) -> Result<Self, StoreError> {
        let stored = Self { item };
        match stored.whole::<u64>("format")? {
            FORMAT => Ok(stored),
            other => Err(stored.corrupt(format!("is of format {other}, this version reads {FORMAT}"))),
        }
    }

    /// Opens a map, which has no format, or an item of any format of which only the key is read.
    pub(super) const fn open_any(item: &'a Item) -> Self {
        Self { item }
    }

    /// Returns the error that names the item and gives the `reason`.
    pub(super) fn corrupt(&self, reason: impl Display) -> StoreError {
        let part = |name| match self.item.get(name) {
            Some(AttributeValue::S(text)) => text.as_str(),
            _ => "?",
        };
        corrupt(part("pk"), part("sk"), reason.to_string())
    }

    /// Reads a string attribute.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        match self.item.get(name) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(self.corrupt(format_args!("{name} is not a string"))),
        }
    }

    /// Reads a whole number.
    pub(super) fn whole<N: FromStr>(&self, name: &str) -> Result<N, StoreError> {
        let parsed = match self.item.get(name) {
            Some(AttributeValue::N(digits)) => digits.parse().ok(),
            _ => None,
        };
        parsed.ok_or_else(|| self.corrupt(format_args!("{name} is not a whole number in range")))
    }

    /// Reads a version, at most [`MAX_VERSION`].
    pub(super) fn version(&self, name: &str) -> Result<Version, StoreError> {
        match self.whole(name)? {
            version @ 0..=MAX_VERSION => Ok(version),
            _ => Err(self.corrupt(format_args!("{name} is over {MAX_VERSION}"))),
        }
    }

    /// Reads a binary attribute.
    pub(super) fn bytes(&self, name: &str) -> Result<&'a [u8], StoreError> {
        match self.item.get(name) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref()),
            _ => Err(self.corrupt(format_args!("{name} is not binary"))),
        }
    }

    /// Reads a SHA-256 checksum.
    pub(super) fn sum(&self, name: &str) -> Result<[u8; 32], StoreError> {
        let bytes = self.bytes(name)?.try_into();
        bytes.map_err(|_| self.corrupt(format_args!("{name} is not 32 bytes")))
    }

    /// Reads a binary attribute and checks that it matches the checksum in the attribute `sum`.
    pub(super) fn proven(&self, name: &str) -> Result<&'a [u8], StoreError> {
        let bytes = self.bytes(name)?;
        if payload::checksum(bytes) == self.sum("sum")? {
            Ok(bytes)
        } else {
            Err(self.corrupt(format_args!("{name} does not match its stored checksum")))
        }
    }

    /// Returns true if the item has the attribute.
    pub(super) fn has(&self, name: &str) -> bool {
        self.item.contains_key(name)
    }

    /// Reads the attribute `name` with `read`, if the item has it.
    pub(super) fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.has(name).then(read).transpose()
    }

    /// Reads an id, if the item has it.
    pub(super) fn id<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, coinolio_core::Error>,
    ) -> Result<Option<T>, StoreError> {
        self.optional(name, || {
            parse(self.text(name)?).map_err(|error| self.corrupt(format_args!("{name}: {error}")))
        })
    }

    /// Returns true if the attribute is the boolean `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        matches!(self.item.get(name), Some(AttributeValue::Bool(true)))
    }
}
