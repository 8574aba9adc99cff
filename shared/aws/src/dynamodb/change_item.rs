//! Conversion between changes and items.

use super::item::{Item, Stored, binary, keyed, number, size, text};
use super::keys;
use super::payload;
use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_core::id::{DeviceId, SyncId};
use coinolio_core::log::{Change, Draft, Extent, Kind, Patch, PortfolioKey};
use coinolio_core::store::StoreError;
use coinolio_core::time::Timestamp;

/// The attribute with the storage size, in bytes, of this change and all changes before it.
const STORED_BYTES: &str = "stored_bytes";

/// The attribute that marks a change whose patch is stored in chunks.
pub(super) const APART: &str = "apart";

/// Returns the item of a change, without its patch.
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
    // A placeholder of maximum length, so that the item does not grow when `put_stored_bytes` replaces it.
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

/// Sets the item's stored bytes: the parent's sum, plus the sizes of this item and of its patch's chunks.
pub(super) fn put_stored_bytes(item: &mut Item, parents: u64, chunks: &[Item]) {
    let own: usize = size(item) + chunks.iter().map(size).sum::<usize>();
    let own = u64::try_from(own).unwrap_or(u64::MAX);
    item.insert(STORED_BYTES.to_owned(), number(parents.saturating_add(own)));
}

/// Reads a change, including its patch if the item contains it.
pub(super) fn read_change(item: &Item) -> Result<Change, StoreError> {
    let stored = Stored::open(item)?;
    let parent = stored.whole("parent")?;
    if stored.text("sk")? != keys::change_sort(parent) {
        return Err(stored.corrupt("parent does not match the key"));
    }
    let version = stored.version("version")?;
    if version <= parent {
        return Err(stored.corrupt("version is not above parent"));
    }
    let patch = read_inline_patch(&stored)?;
    Ok(Change {
        parent,
        version,
        base: stored.optional("base", || stored.version("base"))?.unwrap_or(parent),
        kind: Kind::parse(stored.text("kind")?).ok_or_else(|| stored.corrupt("kind is unknown"))?,
        device_id: stored.id("device", DeviceId::parse)?,
        sync_id: stored.id("sync", SyncId::parse)?,
        fingerprint: stored.optional("print", || stored.sum("print"))?,
        verbatim: stored.is_true("verbatim"),
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

/// Reads the random id that a change received from its writer.
fn change_id<'a>(stored: &Stored<'a>) -> Result<&'a str, StoreError> {
    let id = stored.text("id")?;
    match uuid::Uuid::try_parse(id) {
        Ok(_) => Ok(id),
        Err(_) => Err(stored.corrupt("id is not a UUID")),
    }
}

/// Returns true if the item was written by the write with this random id.
pub(super) fn was_written_as(item: &Item, id: &str) -> bool {
    matches!(item.get("id"), Some(AttributeValue::S(stored)) if stored == id)
}

/// Adds a patch to the item of its change. `plain_size` is the size before compression, if the patch is compressed.
pub(super) fn put_inline_patch(item: &mut Item, stored: &[u8], plain_size: Option<usize>) {
    item.insert("patch".to_owned(), binary(stored));
    item.insert("sum".to_owned(), binary(payload::checksum(stored)));
    if let Some(size) = plain_size {
        item.insert("size".to_owned(), number(size));
    }
}

fn read_inline_patch(stored: &Stored<'_>) -> Result<Option<Patch>, StoreError> {
    // Without this flag, a change with a missing patch would look like a change with a chunked patch.
    if stored.is_true(APART) {
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
