//! The documents that an execution environment caches between invocations.

use coinolio_core::json::Value;
use coinolio_core::log::{Change, ChangeIdentity, PortfolioKey};
use lru::LruCache;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The maximum total size of the cached documents, in bytes of compact JSON. In memory they need about six times as
/// much, which leaves most of a function's 256 MB for its work.
const ROOM: u64 = 8 * 1024 * 1024;

/// The latest cached document of each portfolio. To make room for a new document, the least recently used ones are
/// removed.
pub(super) struct Documents(Mutex<Remembered>);

struct Remembered {
    recent: LruCache<PortfolioKey, Document>,
    bytes: u64,
}

struct Document {
    made_by: ChangeIdentity,
    document: Arc<Value>,
    bytes: u64,
}

impl Documents {
    /// Returns the document that `change` produced, if it is cached.
    pub(super) fn get(&self, key: &PortfolioKey, change: &Change) -> Option<Arc<Value>> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = remembered.recent.get(key)?;
        (found.made_by == ChangeIdentity::of(change)).then(|| Arc::clone(&found.document))
    }

    /// Caches the document that `change` produced, unless it alone exceeds the maximum total size.
    pub(super) fn put(&self, key: &PortfolioKey, change: &Change, document: &Arc<Value>, bytes: u64) {
        if bytes > ROOM {
            return;
        }
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let document = Document {
            made_by: ChangeIdentity::of(change),
            document: Arc::clone(document),
            bytes,
        };
        remembered.bytes += bytes;
        let replaced = remembered.recent.put(key.clone(), document);
        remembered.bytes -= replaced.map_or(0, |replaced| replaced.bytes);
        while remembered.bytes > ROOM {
            let Some((_, oldest)) = remembered.recent.pop_lru() else {
                break;
            };
            remembered.bytes -= oldest.bytes;
        }
    }
}

impl Default for Documents {
    fn default() -> Self {
        Self(Mutex::new(Remembered {
            recent: LruCache::unbounded(),
            bytes: 0,
        }))
    }
}

impl fmt::Debug for Documents {
    /// Prints no document, because documents belong to the users.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Documents")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coinolio_core::id::{PortfolioId, UserId};
    use coinolio_core::log::{Extent, Kind, Version};
    use coinolio_core::time::Timestamp;

    fn key(portfolio: &str) -> PortfolioKey {
        PortfolioKey {
            user: UserId::parse("ann").unwrap(),
            portfolio: PortfolioId::parse(portfolio).unwrap(),
        }
    }

    fn change(version: Version, at: i64) -> Change {
        Change {
            parent: version - 1,
            version,
            base: version - 1,
            kind: Kind::Synced,
            device_id: None,
            sync_id: None,
            fingerprint: None,
            verbatim: false,
            last_sync_at: Timestamp::from_millis(at),
            extent: Extent::EMPTY,
            conflicts: 0,
            patch_bytes: 0,
            patch: None,
            patch_id: None,
        }
    }

    #[test]
    fn a_document_is_returned_only_for_the_change_that_produced_it() {
        let (documents, document) = (Documents::default(), Arc::new(Value::from("a")));
        documents.put(&key("a"), &change(2, 5), &document, 3);
        assert_eq!(documents.get(&key("a"), &change(2, 5)), Some(document));
        assert_eq!(documents.get(&key("a"), &change(3, 5)), None, "another version");
        assert_eq!(documents.get(&key("a"), &change(2, 6)), None, "another history");
        assert_eq!(documents.get(&key("b"), &change(2, 5)), None, "another portfolio");
    }

    #[test]
    fn the_least_recently_used_document_is_removed_first() {
        let (documents, document) = (Documents::default(), Arc::new(Value::Null));
        for portfolio in ["a", "b"] {
            documents.put(&key(portfolio), &change(1, 1), &document, ROOM / 2);
        }
        assert!(documents.get(&key("a"), &change(1, 1)).is_some());
        documents.put(&key("c"), &change(1, 1), &document, ROOM / 2);
        let is_remembered = |portfolio| documents.get(&key(portfolio), &change(1, 1)).is_some();
        assert_eq!(["a", "b", "c"].map(is_remembered), [true, false, true]);
        documents.put(&key("d"), &change(1, 1), &document, ROOM + 1);
        assert!(
            !is_remembered("d") && is_remembered("a"),
            "a document that is too large must not replace another"
        );
    }
}
