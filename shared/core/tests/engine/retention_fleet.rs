//! v2: a fleet under a very short retention. Devices fall behind it, yet no edit disappears and all devices converge
//! (laws 2 and 4 of `docs/MERGE.md`).

use crate::fixture::{body, everything, key, main_in, minute, portfolio, send, server_at, value, wire};
use coinolio_core::algebra::{apply, diff};
use coinolio_core::error::Code;
use coinolio_core::json::Value;
use coinolio_core::log::Version;
use coinolio_core::store::{ChangeLog, MemoryStore};
use coinolio_core::sync::Retention;
use coinolio_core::wire::v2::{Delta, SyncResponse};
use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use std::cell::Cell;
use std::collections::BTreeSet;

/// The shortest retention: a compaction removes every change before the second newest snapshot.
const NEXT_TO_NOTHING: Retention = Retention {
    age: std::time::Duration::ZERO,
    versions: 1,
};

const NAMES: [&str; 3] = ["phone", "tablet", "watch"];

#[derive(Clone, Debug)]
enum Step {
    /// A device sets a field or, if the last member is true, deletes it.
    Edit(usize, u8, bool),
    /// A device syncs and, if the last member is true, receives the answer.
    Sync(usize, bool),
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..NAMES.len(), 0..4_u8, prop::bool::weighted(0.2)).prop_map(|(d, f, deletes)| Step::Edit(d, f, deletes)),
        // The watch is seldom online.
        4 => (0..2_usize, prop::bool::weighted(0.8)).prop_map(|(d, receives)| Step::Sync(d, receives)),
        1 => prop::bool::weighted(0.8).prop_map(|receives| Step::Sync(2, receives)),
        3 => Just(Step::Compact),
    ]
}

struct Device {
    name: &'static str,
    version: Version,
    base: Value,
    document: Value,
    /// The unanswered request, and the document with the edits that it sent.
    unanswered: Option<(serde_json::Value, Value)>,
}

struct Fleet {
    log: MemoryStore,
    devices: Vec<Device>,
    clock: u32,
    /// Every value that a device has set.
    set: BTreeSet<u64>,
    /// The values that a device replaced after it had seen them, and those that a conflict records.
    accounted: BTreeSet<u64>,
    /// How often the base of a device had expired.
    expired: usize,
}

fn number(value: &serde_json::Value) -> Option<u64> {
    value["n"].as_u64()
}

impl Fleet {
    fn new() -> Self {
        let log = portfolio().log;
        let device = |name| Device {
            name,
            version: 1,
            base: server_at(&log, 1),
            document: server_at(&log, 1),
            unanswered: None,
        };
        Self {
            devices: NAMES.map(device).into(),
            log,
            clock: 1,
            set: BTreeSet::new(),
            accounted: BTreeSet::new(),
            expired: 0,
        }
    }

    fn run(&mut self, step: &Step) {
        self.clock += 1;
        match *step {
            Step::Edit(device, field, deletes) => self.edit(device, field, deletes),
            Step::Sync(device, receives) => self.sync(device, receives),
            Step::Compact => drop(block_on(main_in(&self.log).compact(&NEXT_TO_NOTHING, minute(1_000))).unwrap()),
        }
    }

    fn edit(&mut self, device: usize, field: u8, deletes: bool) {
        let device = &mut self.devices[device];
        let mut document = wire(&device.document);
        let field = format!("f{field}");
        self.accounted.extend(number(&document[&field]));
        if deletes {
            document.as_object_mut().unwrap().remove(&field);
        } else {
            let unique = u64::from(self.clock);
            // So large that a few of them make a snapshot due.
            document[&field] = json!({"n": unique, "note": format!("{unique:01500}")});
            self.set.insert(unique);
        }
        device.document = value(&document);
    }

    fn sync(&mut self, index: usize, receives: bool) {
        let device = &mut self.devices[index];
        let (mut request, sent) = device.unanswered.take().unwrap_or_else(|| {
            let changes: Vec<_> = diff(&device.base, &device.document).iter().map(wire).collect();
            let id = format!("{}-{}", device.name, self.clock);
            (
                body(device.name, &id, device.version, &changes, self.clock),
                device.document.clone(),
            )
        });
        let answer = match send(&self.log, &request, self.clock) {
            Err(error) => {
                assert_eq!(error.code, Code::BaseExpired, "{error}");
                self.expired += 1;
                request["base_lost"] = json!(true);
                send(&self.log, &request, self.clock).unwrap().answer
            }
            Ok(answered) => answered.answer,
        };
        self.record_conflicts();
        let device = &mut self.devices[index];
        if receives {
            let replaced = device.receive(&sent, answer);
            self.accounted.extend(replaced);
        } else {
            device.unanswered = Some((request, sent));
        }
    }

    /// Accounts for both values of each conflict that the newest change recorded.
    fn record_conflicts(&mut self) {
        let head = everything(&self.log).pop().unwrap();
        for conflict in block_on(self.log.patch(key(), &head)).unwrap().conflicts {
            for side in [&conflict.client, &conflict.server] {
                let value = side.value.as_ref().map(wire).unwrap_or_default();
                self.accounted.extend(number(&value));
                // The conflict may be about a member inside the field.
                self.accounted.extend(value.as_u64());
            }
        }
    }
}

impl Device {
    /// Applies an answer: the document that was sent becomes the server's; edits made since then stay on top of it.
    /// Returns the server's values that these edits replace.
    fn receive(&mut self, sent: &Value, answer: SyncResponse) -> Vec<u64> {
        let since = diff(sent, &self.document);
        self.base = match answer.delta {
            Delta::Document(document) => document,
            Delta::Changes(changes) => {
                let mut document = sent.clone();
                apply(&mut document, &changes);
                document
            }
        };
        self.version = answer.version;
        self.document = self.base.clone();
        apply(&mut self.document, &since);
        let (base, document) = (wire(&self.base), wire(&self.document));
        let members = base.as_object().unwrap().iter();
        let replaced = members.filter(|(name, old)| document[name.as_str()] != **old);
        replaced.filter_map(|(_, old)| number(old)).collect()
    }
}

#[test]
fn devices_that_fall_behind_a_short_retention_converge_and_no_edit_disappears() {
    let (expired, removed) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let steps = prop::collection::vec(step(), 20..120);
    TestRunner::new(config)
        .run(&steps, |steps| {
            let mut fleet = Fleet::new();
            steps.iter().for_each(|step| fleet.run(step));
            for _ in 0..3 {
                (0..NAMES.len()).for_each(|device| fleet.run(&Step::Sync(device, true)));
            }
            let log = everything(&fleet.log);
            let head = log.last().unwrap().version;
            let current = server_at(&fleet.log, head);
            for device in &fleet.devices {
                prop_assert_eq!(device.version, head);
                prop_assert_eq!(&device.document, &current);
            }
            let current = wire(&current);
            let current: BTreeSet<u64> = current.as_object().unwrap().values().filter_map(number).collect();
            for unique in &fleet.set {
                prop_assert!(
                    current.contains(unique) || fleet.accounted.contains(unique),
                    "{} has disappeared",
                    unique
                );
            }
            expired.set(expired.get() + fleet.expired);
            removed.set(removed.get() + log[0].parent);
            Ok(())
        })
        .unwrap();
    assert!(expired.get() > 20, "only {} bases expired", expired.get());
    assert!(removed.get() > 500, "only {} changes removed", removed.get());
}
