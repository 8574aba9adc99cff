//! Directory entries and changes as items.

use super::keys;
use super::payload;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_core::id::{DeviceId, PortfolioId, SyncId};
use coinolio_core::log::{Change, Draft, Entry, Extent, Kind, MAX_VERSION, Patch, PortfolioKey, SnapshotMark, Version};
use coinolio_core::store::StoreError;
use coinolio_core::time::Timestamp;
use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

/// An item as the SDK has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The format of the items that this version writes, and the newest that it reads.
pub(super) const FORMAT: u64 = 1;

/// The attribute of a change with what the store keeps for it and all before.
const STORED_BYTES: &str = "stored_bytes";

/// A string attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(super) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A binary attribute.
pub(super) fn binary(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// An item with its key and format, and nothing else yet.
pub(super) fn keyed(pk: &str, sk: &str) -> Item {
    Item::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text(sk)),
        ("format".to_owned(), number(FORMAT)),
    ])
}

/// An item's size as DynamoDB counts it, rounded up (DynamoDB Developer Guide, "Item sizes and formats").
pub(super) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        // One byte for two digits and one more, another for a sign.
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 2,
        // Three bytes for the map and one for each member.
        AttributeValue::M(members) => 3 + members.len() + size(members),
        _ => 1,
    }
}

/// A stored item being read: every failure names the item.
pub(super) struct Stored<'a> {
    item: &'a Item,
}

impl<'a> Stored<'a> {
    /// Checks that the item is of a format that this version reads.
    pub(super) fn open(item: &'a Item) -> Result<Self, StoreError> {
        let stored = Self { item };
        match stored.whole::<u64>("format")? {
            FORMAT => Ok(stored),
            other => Err(stored.corrupt(format!("is of format {other}, this version reads {FORMAT}"))),
        }
    }

    /// Reads what says no format: an item of any, for its key alone, or a map in one.
    pub(super) const fn open_any(item: &'a Item) -> Self {
        Self { item }
    }

    /// The error that says what is wrong with the item.
    pub(super) fn corrupt(&self, reason: impl Display) -> StoreError {
        let part = |name| match self.item.get(name) {
            Some(AttributeValue::S(text)) => text.as_str(),
            _ => "?",
        };
        StoreError::corrupt(format!("{} {}", part("pk"), part("sk")), reason.to_string())
    }

    /// A string attribute.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        match self.item.get(name) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(self.corrupt(format_args!("{name} is not a string"))),
        }
    }

    /// A whole number.
    pub(super) fn whole<N: FromStr>(&self, name: &str) -> Result<N, StoreError> {
        let parsed = match self.item.get(name) {
            Some(AttributeValue::N(digits)) => digits.parse().ok(),
            _ => None,
        };
        parsed.ok_or_else(|| self.corrupt(format_args!("{name} is not a whole number in range")))
    }

    /// A version: one that clients can hold.
    pub(super) fn version(&self, name: &str) -> Result<Version, StoreError> {
        match self.whole(name)? {
            version @ 0..=MAX_VERSION => Ok(version),
            _ => Err(self.corrupt(format_args!("{name} is over {MAX_VERSION}"))),
        }
    }

    /// A binary attribute.
    pub(super) fn bytes(&self, name: &str) -> Result<&'a [u8], StoreError> {
        match self.item.get(name) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref()),
            _ => Err(self.corrupt(format_args!("{name} is not binary"))),
        }
    }

    /// A SHA-256.
    pub(super) fn sum(&self, name: &str) -> Result<[u8; 32], StoreError> {
        let bytes = self.bytes(name)?.try_into();
        bytes.map_err(|_| self.corrupt(format_args!("{name} is not 32 bytes")))
    }

    /// A binary attribute that must have the checksum `sum`.
    pub(super) fn proven(&self, name: &str) -> Result<&'a [u8], StoreError> {
        let bytes = self.bytes(name)?;
        if payload::checksum(bytes) == self.sum("sum")? {
            Ok(bytes)
        } else {
            Err(self.corrupt(format_args!(
                "{name} does not have the checksum that was stored with it"
            )))
        }
    }

    /// True where the item has the attribute.
    pub(super) fn has(&self, name: &str) -> bool {
        self.item.contains_key(name)
    }

    /// An attribute by `read`, where it is there.
    pub(super) fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.has(name).then(read).transpose()
    }

    fn id<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, coinolio_core::Error>,
    ) -> Result<Option<T>, StoreError> {
        self.optional(name, || {
            parse(self.text(name)?).map_err(|error| self.corrupt(format_args!("{name}: {error}")))
        })
    }
}

/// A change's item without its patch.
pub(super) fn change_item(key: &PortfolioKey, change: &Draft, change_id: &str) -> Item {
    let mut item = keyed(&keys::portfolio_partition(key), &keys::change_sort(change.parent));
    let mut put = |name: &str, value| {
        item.insert(name.to_owned(), value);
    };
    put("id", text(change_id));
    put("version", number(change.version));
    put("parent", number(change.parent));
    put("kind", text(change.kind.as_str()));
    put("at", number(change.last_sync_at.millis()));
    put("conflicts", number(change.conflicts()));
    put("bytes", number(change.patch_bytes));
    put("snap", number(change.extent.snapshot));
    put("snap_bytes", number(change.extent.snapshot_bytes));
    put("snap_at", number(change.extent.snapshot_at));
    put("patch_bytes", number(change.extent.patch_bytes));
    // The longest there is, so that the item does not grow when its own size is in it.
    put(STORED_BYTES, number(u64::MAX));
    // Most syncs are made on top of the head: then the attribute would only repeat `parent`.
    if change.base != change.parent {
        put("base", number(change.base));
    }
    if let Some(device) = &change.device_id {
        put("device", text(device.as_str()));
    }
    if let Some(sync) = &change.sync_id {
        put("sync", text(sync.as_str()));
    }
    if let Some(print) = &change.fingerprint {
        put("print", binary(*print));
    }
    if change.verbatim {
        put("verbatim", AttributeValue::Bool(true));
    }
    item
}

/// Puts what the store keeps for all changes into an item that has everything else: the parent's sum, the
/// item's size and that of the chunks of its patch.
pub(super) fn put_stored_bytes(item: &mut Item, parents: u64, chunks: &[Item]) {
    let own: usize = size(item) + chunks.iter().map(size).sum::<usize>();
    let own = u64::try_from(own).unwrap_or(u64::MAX);
    item.insert(STORED_BYTES.to_owned(), number(parents.saturating_add(own)));
}

/// Reads a change, its patch where it is in the item.
pub(super) fn read_change(item: &Item) -> Result<Change, StoreError> {
    let stored = Stored::open(item)?;
    let parent = stored.whole("parent")?;
    if stored.text("sk")? != keys::change_sort(parent) {
        return Err(stored.corrupt("parent is not the one that the key names"));
    }
    let version = stored.version("version")?;
    if version <= parent {
        return Err(stored.corrupt("version is not above parent"));
    }
    let patch = read_inline_patch(&stored)?;
    Ok(Change {
        parent,
        version,
        base: stored.optional("base", || stored.whole("base"))?.unwrap_or(parent),
        kind: Kind::parse(stored.text("kind")?).ok_or_else(|| stored.corrupt("kind is unknown"))?,
        device_id: stored.id("device", DeviceId::parse)?,
        sync_id: stored.id("sync", SyncId::parse)?,
        fingerprint: stored.optional("print", || stored.sum("print"))?,
        verbatim: matches!(item.get("verbatim"), Some(AttributeValue::Bool(true))),
        last_sync_at: Timestamp::from_millis(stored.whole("at")?),
        extent: Extent {
            snapshot: stored.whole("snap")?,
            snapshot_bytes: stored.whole("snap_bytes")?,
            snapshot_at: stored.whole("snap_at")?,
            patch_bytes: stored.whole("patch_bytes")?,
            stored_bytes: stored.whole(STORED_BYTES)?,
        },
        conflicts: stored.whole("conflicts")?,
        patch_bytes: stored.whole("bytes")?,
        patch_id: match patch {
            Some(_) => None,
            None => Some(change_id(&stored)?.into()),
        },
        patch,
    })
}

/// The random id that the writer of a change gave it.
fn change_id<'a>(stored: &Stored<'a>) -> Result<&'a str, StoreError> {
    let id = stored.text("id")?;
    match uuid::Uuid::try_parse(id) {
        Ok(_) => Ok(id),
        Err(_) => Err(stored.corrupt("id is not a UUID")),
    }
}

/// True where the writer that took `id` wrote the item.
pub(super) fn was_written_as(item: &Item, id: &str) -> bool {
    matches!(item.get("id"), Some(AttributeValue::S(stored)) if stored == id)
}

/// The attributes of a patch in its change's item: as it is, or compressed.
pub(super) fn put_inline_patch(item: &mut Item, stored: &[u8], plain_size: Option<usize>) {
    item.insert("patch".to_owned(), binary(stored));
    item.insert("sum".to_owned(), binary(payload::checksum(stored)));
    if let Some(size) = plain_size {
        item.insert("size".to_owned(), number(size));
    }
}

fn read_inline_patch(stored: &Stored<'_>) -> Result<Option<Patch>, StoreError> {
    // `apart` is said rather than concluded, so that a lost attribute is never taken for it.
    if matches!(stored.item.get("apart"), Some(AttributeValue::Bool(true))) {
        return Ok(None);
    }
    let bytes = stored.proven("patch")?;
    let patch = if stored.has("size") {
        let plain = payload::decompress(bytes, stored.whole("size")?);
        Patch::decode(&plain.map_err(|reason| stored.corrupt(format_args!("patch {reason}")))?)
    } else {
        Patch::decode(bytes)
    };
    patch
        .map(Some)
        .map_err(|error| stored.corrupt(format_args!("patch: {error}")))
}

/// A directory entry as an item.
pub(super) fn entry_item(key: &PortfolioKey, entry: &Entry) -> Item {
    let mut item = keyed(&keys::user_partition(&key.user), &keys::entry_sort(&key.portfolio));
    item.insert("name".to_owned(), text(&*entry.name));
    item.insert("created".to_owned(), number(entry.created.millis()));
    if let Some(mark) = &entry.snapshot {
        item.extend(mark_attributes(mark).map(|(name, value)| (name.to_owned(), value)));
    }
    if entry.retained_from > 0 {
        item.insert(RETAINED_FROM.to_owned(), number(entry.retained_from));
    }
    item
}

/// The attribute of a directory entry with the version of its newest snapshot, and those that go with it.
pub(super) const MARKED_VERSION: &str = "snap";

/// The attribute of a directory entry with the version that what is kept begins at, where retention ever removed any.
pub(super) const RETAINED_FROM: &str = "kept_from";

/// The condition of an update whose first attribute is a version: it moves forward only.
pub(super) const MOVES_FORWARD: &str = "attribute_not_exists(#0) OR #0 < :0";

/// The attributes of a directory entry that tell of its newest snapshot.
pub(super) fn mark_attributes(mark: &SnapshotMark) -> [(&'static str, AttributeValue); 5] {
    [
        (MARKED_VERSION, number(mark.version)),
        ("snap_bytes", number(mark.document_bytes)),
        ("snap_stored", number(mark.stored_bytes)),
        ("snap_at_patch", number(mark.at_patch_bytes)),
        ("snap_at_stored", number(mark.at_stored_bytes)),
    ]
}

fn read_mark(stored: &Stored<'_>) -> Result<SnapshotMark, StoreError> {
    Ok(SnapshotMark {
        version: stored.version(MARKED_VERSION)?,
        document_bytes: stored.whole("snap_bytes")?,
        stored_bytes: stored.whole("snap_stored")?,
        at_patch_bytes: stored.whole("snap_at_patch")?,
        at_stored_bytes: stored.whole("snap_at_stored")?,
    })
}

/// Reads a directory entry.
pub(super) fn read_entry(item: &Item) -> Result<Entry, StoreError> {
    let stored = Stored::open(item)?;
    let id = stored.text("sk")?.strip_prefix(keys::ENTRY_PREFIX).unwrap_or_default();
    Ok(Entry {
        portfolio: PortfolioId::parse(id).map_err(|error| stored.corrupt(error))?,
        name: stored.text("name")?.to_owned(),
        created: Timestamp::from_millis(stored.whole("created")?),
        snapshot: stored.optional(MARKED_VERSION, || read_mark(&stored))?,
        retained_from: stored
            .optional(RETAINED_FROM, || stored.version(RETAINED_FROM))?
            .unwrap_or_default(),
    })
}
