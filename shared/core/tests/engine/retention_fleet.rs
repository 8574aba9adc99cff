//! v2: a fleet under compaction that keeps next to nothing: devices fall behind it, and nothing is lost (laws 2 and 4).

use crate::fixture::{body, everything, key, minute, portfolio, send, server_at, value, wire};
use coinolio_core::algebra::{apply, diff};
use coinolio_core::error::Code;
use coinolio_core::json::Value;
use coinolio_core::log::{ChangeLog, MemoryLog, Version};
use coinolio_core::sync::{Retention, compact};
use coinolio_core::wire::v2::{News, SyncResponse};
use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use std::cell::Cell;
use std::collections::BTreeSet;

/// The least that may be kept: whatever stands before the newest snapshot but one goes.
const NEXT_TO_NOTHING: Retention = Retention {
    age: std::time::Duration::ZERO,
    versions: 1,
};

const NAMES: [&str; 3] = ["phone", "tablet", "watch"];

#[derive(Clone, Debug)]
enum Step {
    /// A device sets a field, or deletes it.
    Edit(usize, u8, bool),
    /// A device syncs, and hears the answer or not.
    Sync(usize, bool),
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..NAMES.len(), 0..4_u8, prop::bool::weighted(0.2)).prop_map(|(d, f, deletes)| Step::Edit(d, f, deletes)),
        // The watch is seldom online.
        4 => (0..2_usize, prop::bool::weighted(0.8)).prop_map(|(d, hears)| Step::Sync(d, hears)),
        1 => prop::bool::weighted(0.8).prop_map(|hears| Step::Sync(2, hears)),
        3 => Just(Step::Compact),
    ]
}

struct Device {
    name: &'static str,
    version: Version,
    base: Value,
    document: Value,
    /// A request that was not answered yet, and the document that it leads to.
    unanswered: Option<(serde_json::Value, Value)>,
}

struct Fleet {
    log: MemoryLog,
    devices: Vec<Device>,
    clock: u32,
    /// Every value that a device has set.
    set: BTreeSet<u64>,
    /// Those that somebody replaced who had them, and those that a conflict records.
    settled: BTreeSet<u64>,
    /// How often a device had lost its base.
    lost: usize,
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
            settled: BTreeSet::new(),
            lost: 0,
        }
    }

    fn run(&mut self, step: &Step) {
        self.clock += 1;
        match *step {
            Step::Edit(device, field, deletes) => self.edit(device, field, deletes),
            Step::Sync(device, hears) => self.sync(device, hears),
            Step::Compact => drop(block_on(compact(&self.log, &key(), &NEXT_TO_NOTHING, minute(1_000))).unwrap()),
        }
    }

    fn edit(&mut self, device: usize, field: u8, deletes: bool) {
        let device = &mut self.devices[device];
        let mut document = wire(&device.document);
        let field = format!("f{field}");
        self.settled.extend(number(&document[&field]));
        if deletes {
            document.as_object_mut().unwrap().remove(&field);
        } else {
            let unique = u64::from(self.clock);
            // So large that a few of them are worth a snapshot.
            document[&field] = json!({"n": unique, "note": format!("{unique:01500}")});
            self.set.insert(unique);
        }
        device.document = value(&document);
    }

    fn sync(&mut self, index: usize, hears: bool) {
        let device = &mut self.devices[index];
        let (mut request, sent) = device.unanswered.take().unwrap_or_else(|| {
            // Whole fields, as a device that keeps no more than which of them were edited.
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
                self.lost += 1;
                request["base_lost"] = json!(true);
                send(&self.log, &request, self.clock).unwrap().answer
            }
            Ok(answered) => answered.answer,
        };
        self.settle();
        let device = &mut self.devices[index];
        if hears {
            let replaced = device.hear(&sent, answer);
            self.settled.extend(replaced);
        } else {
            device.unanswered = Some((request, sent));
        }
    }

    /// Both values of each conflict that the newest change recorded.
    fn settle(&mut self) {
        let head = everything(&self.log).pop().unwrap();
        for conflict in block_on(self.log.patch(&key(), &head)).unwrap().conflicts {
            for side in [&conflict.client, &conflict.server] {
                let held = side.value.as_ref().map(wire).unwrap_or_default();
                self.settled.extend(number(&held));
                // Inside the field.
                self.settled.extend(held.as_u64());
            }
        }
    }
}

impl Device {
    /// What the request brought becomes the server's document, edits made since stay: what they replace of it, the
    /// device has had.
    fn hear(&mut self, sent: &Value, answer: SyncResponse) -> Vec<u64> {
        let since = diff(sent, &self.document);
        self.base = match answer.news {
            News::Document(document) => document,
            News::Changes(changes) => {
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
        let replaced = members.filter(|(name, held)| document[name.as_str()] != **held);
        replaced.filter_map(|(_, held)| number(held)).collect()
    }
}

#[test]
fn devices_that_fall_behind_a_small_retention_lose_nothing_and_converge() {
    let (lost, removed) = (Cell::new(0), Cell::new(0));
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
            let held = server_at(&fleet.log, head);
            for device in &fleet.devices {
                prop_assert_eq!(device.version, head);
                prop_assert_eq!(&device.document, &held);
            }
            let held = wire(&held);
            let held: BTreeSet<u64> = held.as_object().unwrap().values().filter_map(number).collect();
            for unique in &fleet.set {
                prop_assert!(
                    held.contains(unique) || fleet.settled.contains(unique),
                    "{} is lost",
                    unique
                );
            }
            lost.set(lost.get() + fleet.lost);
            removed.set(removed.get() + log[0].parent);
            Ok(())
        })
        .unwrap();
    assert!(lost.get() > 20, "{} bases lost", lost.get());
    assert!(removed.get() > 500, "{} changes removed", removed.get());
}
