//! Sample changes, patches and documents.

use coinolio_core::algebra::{Conflict, Op, Path, Rule, Side, Winner};
use coinolio_core::id::{DeviceId, PortfolioId, SyncId, UserId};
use coinolio_core::json::{self, Value};
use coinolio_core::log::{
    Change, Draft, Edit, Entry, Extent, Kind, Patch, PortfolioKey, SnapshotDraft, Version, json_size,
};
use coinolio_core::store::{Appended, Store};
use coinolio_core::time::Timestamp;

/// A UUID, as real portfolios, devices and syncs have for their ids.
pub(crate) const UUID: &str = "0b8f2a36-3a64-4c1f-9d3e-5f7f0c6f2f11";

pub(crate) fn key(user: &str, portfolio: &str) -> PortfolioKey {
    PortfolioKey {
        user: UserId::parse(user).unwrap(),
        portfolio: PortfolioId::parse(portfolio).unwrap(),
    }
}

pub(crate) fn value(text: &str) -> Value {
    json::read(text.as_bytes()).unwrap()
}

pub(crate) fn set(path: &str, value: &str, at: i64) -> Edit {
    let op = format!(r#"{{"op":"set","path":{path},"value":{value}}}"#);
    Edit {
        op: Op::from_json(&self::value(&op)).unwrap(),
        at: Timestamp::from_millis(at),
    }
}

/// Returns a patch of one field, the kind that phones send most.
pub(crate) fn small_patch() -> Patch {
    Patch {
        edits: vec![set(
            r#"["assets",{"id":"bitcoin"},"amount"]"#,
            "\"0.12345678\"",
            1_767_225_600_000,
        )],
        conflicts: Vec::new(),
    }
}

/// Returns a patch with a conflict and with numbers that binary64 cannot represent.
pub(crate) fn exact_patch() -> Patch {
    let side = |value: Option<&str>, device: Option<&str>, at| Side {
        value: value.map(self::value),
        device_id: device.map(|id| DeviceId::parse(id).unwrap()),
        modified_at: Timestamp::from_millis(at),
    };
    Patch {
        edits: vec![set("[\"n\"]", "[0.10, 9007199254740993, 1e2, -0]", 5)],
        conflicts: vec![Conflict {
            path: Path::from_json(&value(r#"["t",{"id":9007199254740993},"n"]"#)).unwrap(),
            winner: Winner::Client,
            rule: Rule::Newest,
            client: side(Some("1.10"), Some("phone"), 5),
            server: side(None, None, 4),
        }],
    }
}

/// Returns text of `bytes` bytes that hardly compresses, different for each seed.
pub(crate) fn noise(bytes: usize, seed: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let letters = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[usize::try_from(state >> 58).unwrap()])
    });
    letters.take(bytes).collect()
}

/// Returns a patch of one edit of `bytes` bytes that hardly compress.
pub(crate) fn noisy_patch(bytes: usize, seed: u64) -> Patch {
    Patch {
        edits: vec![set("[\"noise\"]", &format!("\"{}\"", noise(bytes, seed)), 1)],
        conflicts: Vec::new(),
    }
}

/// Returns the draft of a device's sync on top of `parent`.
pub(crate) fn synced(parent: Version, version: Version, patch: Patch) -> Draft {
    let kind = if parent == 0 { Kind::Created } else { Kind::Synced };
    let received = Timestamp::from_millis(1_767_225_600_000 + i64::try_from(version).unwrap());
    Draft {
        parent,
        version,
        device_id: Some(DeviceId::parse(UUID).unwrap()),
        sync_id: Some(SyncId::parse(UUID).unwrap()),
        fingerprint: Some([7; 32]),
        ..Draft::on(None, Extent::EMPTY, kind, patch, received)
    }
}

pub(crate) fn entry(key: &PortfolioKey, name: &str) -> Entry {
    let created = Timestamp::from_millis(1_767_225_600_001);
    Entry::new(key.portfolio.clone(), name.to_owned(), created)
}

/// Drafts a snapshot of `document`, as if each version up to `version` had a patch of 100 bytes and took 1,000 bytes to
/// store.
pub(crate) fn snapshot(version: Version, document: Value) -> SnapshotDraft {
    SnapshotDraft {
        version,
        document_bytes: json_size(&document),
        at_patch_bytes: 100 * version,
        at_stored_bytes: 1000 * version,
        document,
    }
}

/// Returns the change that `draft` makes, without the patch and the stored bytes.
pub(crate) fn made(draft: &Draft) -> Change {
    bare(&Change::from(draft.clone()))
}

/// Returns the change without the fields in which the log may differ from the draft: the patch, which it may store
/// elsewhere, and the stored bytes.
pub(crate) fn bare(change: &Change) -> Change {
    Change {
        patch: None,
        patch_id: None,
        extent: Extent {
            stored_bytes: 0,
            ..change.extent
        },
        ..change.clone()
    }
}

/// Creates the portfolio with a small patch.
pub(crate) async fn create(log: &impl Store, key: &PortfolioKey) {
    let first = synced(0, 1, small_patch());
    let created = log.create(key, &entry(key, "main"), &first).await.unwrap();
    assert_eq!(created, Appended::Written);
}

pub(crate) async fn append(log: &impl Store, key: &PortfolioKey, new: &Draft) {
    assert_eq!(log.append(key, new).await.unwrap(), Appended::Written);
}
