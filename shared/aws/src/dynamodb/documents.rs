//! Documents that an execution environment remembers between its invocations.

use coinolio_core::json::Value;
use coinolio_core::log::{Change, ChangeIdentity, PortfolioKey};
use lru::LruCache;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How much is remembered, in bytes of compact JSON: some six times that in memory, which leaves most of a
/// function's 256 MB to its work.
const ROOM: u64 = 8 * 1024 * 1024;

/// The newest remembered document of each portfolio, as far as there is room for the most recently used.
pub(super) struct Documents(Mutex<Kept>);

struct Kept {
    recent: LruCache<PortfolioKey, Document>,
    bytes: u64,
}

struct Document {
    made_by: ChangeIdentity,
    document: Arc<Value>,
    bytes: u64,
}

impl Documents {
    pub(super) fn get(&self, key: &PortfolioKey, change: &Change) -> Option<Arc<Value>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.recent.get(key)?;
        (found.made_by == ChangeIdentity::of(change)).then(|| Arc::clone(&found.document))
    }

    pub(super) fn put(&self, key: &PortfolioKey, change: &Change, document: &Arc<Value>, bytes: u64) {
        if bytes > ROOM {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let document = Document {
            made_by: ChangeIdentity::of(change),
            document: Arc::clone(document),
            bytes,
        };
        kept.bytes += bytes;
        let replaced = kept.recent.put(key.clone(), document);
        kept.bytes -= replaced.map_or(0, |replaced| replaced.bytes);
        while kept.bytes > ROOM {
            let Some((_, oldest)) = kept.recent.pop_lru() else {
                break;
            };
            kept.bytes -= oldest.bytes;
        }
    }
}

impl Default for Documents {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            recent: LruCache::unbounded(),
            bytes: 0,
        }))
    }
}

impl fmt::Debug for Documents {
    /// Says nothing of the documents: they are their users' alone.
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
    fn a_document_is_remembered_for_the_change_that_made_it_alone() {
        let (documents, document) = (Documents::default(), Arc::new(Value::from("a")));
        documents.put(&key("a"), &change(2, 5), &document, 3);
        assert_eq!(documents.get(&key("a"), &change(2, 5)), Some(document));
        assert_eq!(documents.get(&key("a"), &change(3, 5)), None, "another version");
        assert_eq!(documents.get(&key("a"), &change(2, 6)), None, "another history");
        assert_eq!(documents.get(&key("b"), &change(2, 5)), None, "another portfolio");
    }

    #[test]
    fn what_was_not_used_for_longest_is_forgotten_first() {
        let (documents, document) = (Documents::default(), Arc::new(Value::Null));
        for portfolio in ["a", "b"] {
            documents.put(&key(portfolio), &change(1, 1), &document, ROOM / 2);
        }
        assert!(documents.get(&key("a"), &change(1, 1)).is_some());
        documents.put(&key("c"), &change(1, 1), &document, ROOM / 2);
        let is_kept = |portfolio| documents.get(&key(portfolio), &change(1, 1)).is_some();
        assert_eq!(["a", "b", "c"].map(is_kept), [true, false, true]);
        documents.put(&key("d"), &change(1, 1), &document, ROOM + 1);
        assert!(!is_kept("d") && is_kept("a"), "what has no room takes none");
    }
}
