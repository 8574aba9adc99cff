//! The port of the directory: reads and writes entries, alone or together with a change.

use super::errors::{corrupt, refused};
use super::item::{Item, Stored, keyed, number, text};
use super::keys::{self, SortRange};
use super::log::{NO_SUCH_CHANGE, Write};
use super::store::DynamoStore;
use super::table::{Action, Consistency, Order, Put, Update, Updated};
use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_core::id::{PortfolioId, UserId};
use coinolio_core::log::{Draft, Entry, PortfolioKey, SnapshotMark, Version};
use coinolio_core::store::{Appended, Directory, StoreError};
use coinolio_core::time::Timestamp;

/// The attribute with the newest snapshot's version.
const MARKED_VERSION: &str = "snap";

/// The attribute with the oldest retained version. It is absent if retention has never removed a change.
const RETAINED_FROM: &str = "kept_from";

impl Directory for DynamoStore {
    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, StoreError> {
        let pk = keys::user_partition(user);
        let range = SortRange::below(keys::ENTRY_PREFIX);
        let found = self.table.query(&pk, range, Order::Ascending, None).await?;
        found.iter().map(read_entry).collect()
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, StoreError> {
        let (pk, sk) = entry_key(key);
        let found = self.table.get(&pk, &sk, Consistency::Strong).await?;
        found.as_ref().map(read_entry).transpose()
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, StoreError> {
        let mut update = Update::default();
        update.set("name", text(name));
        self.update_entry(key, update).await
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, StoreError> {
        let mut update = Update::default();
        move_forward(&mut update, MARKED_VERSION, mark.version);
        for (name, value) in mark_attributes(mark) {
            update.set(name, value);
        }
        self.update_entry(key, update).await
    }

    async fn retain_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, StoreError> {
        let mut update = Update::default();
        move_forward(&mut update, RETAINED_FROM, version);
        update.set(RETAINED_FROM, number(version));
        self.update_entry(key, update).await
    }

    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &Draft) -> Result<Appended, StoreError> {
        let (write, (pk, sk)) = (Write::of(key, first)?, entry_key(key));
        // Retention may remove the first change, but never the entry. So the entry's condition prevents a second
        // beginning of the log.
        let entry = Action::Put(entry_item(key, entry), "attribute_not_exists(pk)");
        let there = match self.write_with_entry(entry, &write).await? {
            Put::Written => return Ok(Appended::Written),
            Put::Refused(Some(there)) => Some(there),
            Put::Refused(None) => self.oldest_item(key, 0).await?,
        };
        match there {
            Some(there) => self.occupied(&write, &there).await,
            None => {
                let log = keys::portfolio_partition(key);
                Err(corrupt(&pk, &sk, format!("exists, but {log} contains no change")))
            }
        }
    }

    async fn append_and_rename(&self, key: &PortfolioKey, draft: &Draft, name: &str) -> Result<Appended, StoreError> {
        let (write, (pk, sk)) = (Write::of(key, draft)?, entry_key(key));
        let mut update = Update::default();
        update.set("name", text(name));
        update.require("attribute_exists(pk)");
        match self.write_with_entry(Action::Update(pk, sk, update), &write).await? {
            Put::Written => Ok(Appended::Written),
            Put::Refused(Some(there)) => self.occupied(&write, &there).await,
            Put::Refused(None) => Err(refused("the portfolio has no directory entry")),
        }
    }
}

impl DynamoStore {
    /// Updates an existing entry. Returns false if there is none, or if a condition of the update is false.
    async fn update_entry(&self, key: &PortfolioKey, mut update: Update) -> Result<bool, StoreError> {
        let (pk, sk) = entry_key(key);
        update.require("attribute_exists(pk)");
        let updated = self.table.update(&pk, &sk, update).await?;
        Ok(matches!(updated, Updated::Written(_)))
    }

    /// Writes a change and its portfolio's entry in one transaction.
    async fn write_with_entry(&self, entry: Action<'_>, write: &Write) -> Result<Put, StoreError> {
        self.table.put_all(&write.chunks).await?;
        let change = Action::Put(write.item.clone(), NO_SUCH_CHANGE);
        self.table.write_both(&[entry, change]).await
    }
}

/// Adds the condition that the version in `attribute` increases.
fn move_forward(update: &mut Update, attribute: &str, version: Version) {
    let (name, value) = (update.name(attribute), update.value(number(version)));
    update.require(format!("(attribute_not_exists({name}) OR {name} < {value})"));
}

fn entry_key(key: &PortfolioKey) -> (String, String) {
    (keys::user_partition(&key.user), keys::entry_sort(&key.portfolio))
}

/// Returns the item of a directory entry.
fn entry_item(key: &PortfolioKey, entry: &Entry) -> Item {
    let (pk, sk) = entry_key(key);
    let mut item = keyed(&pk, &sk);
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

/// Returns the attributes that describe the newest snapshot.
fn mark_attributes(mark: &SnapshotMark) -> [(&'static str, AttributeValue); 5] {
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

/// Reads a directory entry from its item.
fn read_entry(item: &Item) -> Result<Entry, StoreError> {
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
