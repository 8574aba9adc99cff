//! v2: a device that never saw a value cannot remove it (law 12 of `docs/MERGE.md`), whatever its device id, its base and
//! its past: phones with one id, phones restored from their backups, and edits made while a sync was unanswered.

use crate::fixture::{Watched, body, everything, portfolio, rebased, send, server_at, value, wire};
use coinolio_core::algebra::diff;
use coinolio_core::json::Value;
use coinolio_core::log::Version;
use coinolio_core::wire::v2::SyncRequest;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

/// Two phones have one id.
const NAMES: [&str; 3] = ["phone", "phone", "tablet"];

#[derive(Clone, Copy, Debug)]
enum Act {
    SetField(u8),
    DeleteField(u8),
    SetInside(u8),
    SetElement(u8),
    DeleteElement(u8),
    DeleteList,
}

#[derive(Clone, Debug)]
enum Step {
    Sync(usize, Vec<Act>),
    /// A sync whose answer does not arrive, edits on the unchanged screen, and then the repetition.
    SyncInFlight(usize, Vec<Act>, Vec<Act>),
    Pull(usize),
    /// The device goes back to the state before so many of its syncs.
    Restore(usize, usize),
    /// The device forgets its base and sends its whole document.
    Rejoin(usize),
}

/// A device's version and its document.
type State = (Version, Value);

struct Fleet {
    log: Watched,
    /// The states of each device, the newest last.
    devices: Vec<Vec<State>>,
    /// The number of the step: all values are unique.
    number: u32,
}

/// Returns the document after `acts`; every new value is unique.
fn edited(document: &Value, acts: &[Act], number: u32) -> Value {
    let mut document = wire(document);
    for (index, act) in acts.iter().enumerate() {
        let unique = number * 100 + u32::try_from(index).unwrap();
        let mut list = document["list"].as_array().cloned().unwrap_or_default();
        let found = |n: u8| {
            list.iter()
                .position(|element| element["id"] == json!(format!("e{}", n % 3)))
        };
        let members = document.as_object_mut().unwrap();
        match *act {
            Act::SetField(n) => drop(members.insert(format!("f{}", n % 3), json!({ "v": unique }))),
            Act::SetInside(n) => {
                let field = members.entry(format!("f{}", n % 3)).or_insert(json!({}));
                field[format!("v{}", n % 2)] = json!(unique);
            }
            Act::DeleteField(n) => drop(members.remove(&format!("f{}", n % 3))),
            Act::SetElement(n) => {
                match found(n) {
                    Some(at) => list[at][format!("v{}", n % 2)] = json!(unique),
                    None => list.push(json!({"id": format!("e{}", n % 3), "v": unique})),
                }
                members.insert("list".into(), json!(list));
            }
            Act::DeleteElement(n) => {
                found(n).map(|at| list.remove(at));
                members.insert("list".into(), json!(list));
            }
            Act::DeleteList => drop(members.remove("list")),
        }
    }
    value(&document)
}

/// Adds the numbers in `value` to `numbers`.
fn gather(value: &serde_json::Value, numbers: &mut BTreeSet<u64>) {
    match value {
        serde_json::Value::Array(elements) => elements.iter().for_each(|element| gather(element, numbers)),
        serde_json::Value::Object(members) => members.values().for_each(|value| gather(value, numbers)),
        other => numbers.extend(other.as_u64()),
    }
}

fn numbers(document: &Value) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    gather(&wire(document), &mut numbers);
    numbers
}

impl Fleet {
    fn new() -> Self {
        let log = portfolio();
        let state = (1, server_at(&log.log, 1));
        let devices = NAMES.map(|_| vec![state.clone()]);
        Self {
            log,
            devices: devices.into(),
            number: 0,
        }
    }

    fn request(&mut self, device: usize, base: Version, from: &Value, to: &Value) -> serde_json::Value {
        self.number += 1;
        let changes: Vec<_> = diff(from, to).iter().map(wire).collect();
        let mut request = body(NAMES[device], &format!("s{}", self.number), base, &changes, self.number);
        let made = everything(&self.log.log);
        let made = made.iter().find(|change| change.version == base).unwrap();
        request["base_at"] = json!(made.last_sync_at.to_string());
        request
    }

    /// Sends a request whose edits make the document `edited`, and checks that only values that the device has `seen`
    /// disappear unrecorded.
    fn send(&mut self, device: usize, request: &serde_json::Value, seen: &[&Value], edited: &Value) -> State {
        let before = everything(&self.log.log).len();
        let answer = send(&self.log, request, self.number).unwrap().answer;
        let document = match request.get("rejoin") {
            Some(_) => server_at(&self.log.log, answer.version),
            None => rebased(&self.log.log, request, &answer),
        };
        for change in everything(&self.log.log).split_off(before) {
            let mut known = numbers(&server_at(&self.log.log, change.version));
            for conflict in change.patch.unwrap().conflicts {
                for side in [&conflict.client.value, &conflict.server.value].into_iter().flatten() {
                    gather(&wire(side), &mut known);
                }
            }
            let seen: BTreeSet<u64> = seen.iter().flat_map(|document| numbers(document)).collect();
            for value in numbers(&server_at(&self.log.log, change.parent)) {
                assert!(
                    known.contains(&value) || seen.contains(&value),
                    "{value} is gone: {request}"
                );
            }
            for value in numbers(edited) {
                assert!(
                    known.contains(&value) || seen.contains(&value),
                    "{value} was not stored: {request}"
                );
            }
        }
        let state = (answer.version, document);
        self.devices[device].push(state.clone());
        state
    }

    fn run(&mut self, step: &Step) {
        self.number += 1;
        match step {
            Step::Sync(device, acts) => {
                let (base, document) = self.devices[*device].last().unwrap().clone();
                let edited = edited(&document, acts, self.number);
                let request = self.request(*device, base, &document, &edited);
                self.send(*device, &request, &[&document], &edited);
            }
            Step::SyncInFlight(device, acts, later) => {
                let (base, document) = self.devices[*device].last().unwrap().clone();
                let sent = edited(&document, acts, self.number);
                let first = self.request(*device, base, &document, &sent);
                self.send(*device, &first, &[&document], &sent);
                let screen = edited(&sent, later, self.number);
                // The others write while the answer does not arrive.
                let others: Vec<usize> = (0..NAMES.len()).filter(|other| other != device).collect();
                for other in others {
                    self.run(&Step::Sync(other, vec![Act::SetField(0), Act::SetElement(1)]));
                }
                self.devices[*device].pop();
                let (version, _) = self.send(*device, &first, &[&document], &sent);
                let changes: Vec<_> = diff(&sent, &screen).iter().map(wire).collect();
                let mut request = self.request(*device, version, &document, &document);
                request["changes"] = json!(changes);
                request["edited_on"] = json!(base);
                request["follows"] = first["sync_id"].clone();
                self.send(*device, &request, &[&document, &sent], &screen);
            }
            Step::Pull(device) => self.run(&Step::Sync(*device, Vec::new())),
            Step::Restore(device, back) => {
                let states = &mut self.devices[*device];
                states.truncate(states.len().saturating_sub(*back).max(1));
            }
            Step::Rejoin(device) => {
                let (_, document) = self.devices[*device].last().unwrap().clone();
                let request = json!({"rejoin": true, "device_id": NAMES[*device], "document": wire(&document),
                    "sync_id": format!("r{}", self.number), "sent_at": "2026-01-01T00:00:00Z"});
                self.send(*device, &request, &[], &document);
            }
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let act = || {
        prop_oneof![
            any::<u8>().prop_map(Act::SetField),
            any::<u8>().prop_map(Act::SetInside),
            any::<u8>().prop_map(Act::DeleteField),
            any::<u8>().prop_map(Act::SetElement),
            any::<u8>().prop_map(Act::DeleteElement),
            Just(Act::DeleteList),
        ]
    };
    let acts = move || prop::collection::vec(act(), 1..4);
    let device = || 0..NAMES.len();
    prop_oneof![
        6 => (device(), acts()).prop_map(|(device, acts)| Step::Sync(device, acts)),
        2 => (device(), acts(), acts()).prop_map(|(device, acts, later)| Step::SyncInFlight(device, acts, later)),
        2 => device().prop_map(Step::Pull),
        3 => (device(), 1..6_usize).prop_map(|(device, back)| Step::Restore(device, back)),
        1 => device().prop_map(Step::Rejoin),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn a_device_that_never_saw_a_value_cannot_remove_it(steps in prop::collection::vec(step(), 1..25)) {
        let mut fleet = Fleet::new();
        steps.iter().for_each(|step| fleet.run(step));
        // Once they sync, all have the server's document.
        for device in 0..NAMES.len() {
            fleet.run(&Step::Pull(device));
        }
        let head = everything(&fleet.log.log).len();
        let head = server_at(&fleet.log.log, Version::try_from(head).unwrap());
        for states in &fleet.devices {
            prop_assert_eq!(&states.last().unwrap().1, &head);
        }
    }
}

#[test]
fn the_requests_of_the_fleet_are_valid() {
    let mut fleet = Fleet::new();
    let (base, document) = fleet.devices[0][0].clone();
    let edited = edited(&document, &[Act::SetField(1), Act::SetElement(2)], 7);
    let request = fleet.request(0, base, &document, &edited);
    assert_eq!(SyncRequest::from_json(&value(&request)).unwrap().changes.len(), 2);
}
