//! Mixed fleets: v1 apps of several kinds and v2 clients edit, miss answers, and sync until nothing is new.

use crate::world::{Attempts, World, json, run, value};
use coinolio_core::algebra::{apply, diff};
use coinolio_core::json::{Object, Value};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::v1::SyncRequest;
use coinolio_core::wire::v2::{Delta, SyncRequest as SyncRequestV2};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// How a client tells the service which version its document is based on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum App {
    /// Sends `metadata` back as it was received.
    Echoes,
    /// Drops `metadata`; sends back the version and the time.
    Plain,
    /// Drops `metadata`; counts its own edits on top of the version; sends back the time.
    Counts,
    /// Drops `metadata`; sends back the version, but no time.
    VersionOnly,
    /// Speaks v2.
    V2,
}

#[derive(Clone, Debug)]
enum Step {
    SetField(usize),
    DeleteField(usize),
    AddElement,
    EditElement(usize),
    DeleteElement(usize),
    MoveToFront(usize),
    /// A sync that gets an answer only after this many unanswered attempts, between which the device does not change.
    Sync(u8),
}

struct Device {
    name: String,
    app: App,
    document: Value,
    /// The last answer's document, followed by its version. A v2 client computes its changes from them.
    base: Value,
    version: u64,
    last_sync_at: Option<Timestamp>,
    /// The id of an unanswered v2 sync, which the device repeats before any other.
    unanswered: Option<String>,
}

struct Fleet {
    world: World,
    devices: Vec<Device>,
    next: i64,
    /// The values that a device wrote and that no device has overwritten after it had seen them.
    written: BTreeSet<i64>,
    syncs: u32,
}

const FIELDS: usize = 4;

fn object(value: &mut Value) -> &mut Object {
    match value {
        Value::Object(members) => members,
        other => panic!("{other:?} is not an object"),
    }
}

fn list(value: &mut Value) -> &mut Vec<Value> {
    match object(value).get_mut("t") {
        Some(Value::List(elements)) => elements,
        other => panic!("{other:?} is not a list"),
    }
}

/// Collects the numbers in a value. Every edit writes a new number, so each number identifies its edit.
fn numbers(value: &Value, found: &mut BTreeSet<i64>) {
    match value {
        Value::Number(number) => found.extend(number.to_i64()),
        Value::List(elements) => elements.iter().for_each(|element| numbers(element, found)),
        Value::Object(members) => members.values().for_each(|member| numbers(member, found)),
        _ => {}
    }
}

impl Fleet {
    fn new(apps: &[App]) -> Self {
        // No step edits `kept`, so no document is ever emptied: that would be refused, and another test covers it.
        let document = r#"{"kept":true,"f":{"0":1,"1":2},"t":[{"id":"a","n":3},{"id":"b","n":4}]}"#;
        let world = World::new(document);
        let devices = apps.iter().enumerate().map(|(n, app)| Device {
            name: format!("d{n}"),
            app: *app,
            document: value(document),
            base: value(document),
            version: 1,
            last_sync_at: Some(world.head().last_sync_at),
            unanswered: None,
        });
        Self {
            devices: devices.collect(),
            world,
            next: 100,
            written: BTreeSet::new(),
            syncs: 0,
        }
    }

    fn step(&mut self, device: usize, step: &Step) {
        if let Step::Sync(unanswered) = step {
            for _ in 0..*unanswered {
                self.sync(device, false);
            }
            return self.sync(device, true);
        }
        let own = &mut self.devices[device];
        if own.unanswered.is_some() {
            return;
        }
        let before = own.document.clone();
        self.next += 1;
        let number = Value::from(self.next);
        let elements = list(&mut own.document);
        let at = |n: usize| n % elements.len().max(1);
        match *step {
            Step::SetField(_) | Step::DeleteField(_) | Step::Sync(_) => {}
            Step::AddElement => {
                let id = Value::from(format!("e{}", self.next).as_str());
                let element = [("id".into(), id), ("n".into(), number.clone())];
                elements.insert(0, Value::Object(Object::from(element)));
            }
            Step::EditElement(n) => {
                let at = at(n);
                if let Some(element) = elements.get_mut(at) {
                    object(element).insert("n".into(), number.clone());
                }
            }
            Step::DeleteElement(n) if elements.len() > 1 => {
                elements.remove(at(n));
            }
            Step::DeleteElement(_) => {}
            Step::MoveToFront(n) => {
                let at = at(n);
                if at < elements.len() {
                    elements[..=at].rotate_right(1);
                }
            }
        }
        if let Some(fields) = object(&mut own.document).get_mut("f") {
            match *step {
                Step::SetField(n) => drop(object(fields).insert(n.to_string().into(), number)),
                Step::DeleteField(n) => drop(object(fields).remove(&*n.to_string())),
                _ => {}
            }
        }
        if own.document != before && own.app == App::Counts {
            own.version += 1;
        }
        let (mut old_numbers, mut new_numbers) = (BTreeSet::new(), BTreeSet::new());
        numbers(&before, &mut old_numbers);
        numbers(&own.document, &mut new_numbers);
        self.written.extend(new_numbers.difference(&old_numbers));
        // The device had seen every number that its own edit removed, so it overwrote it knowingly.
        self.written
            .retain(|number| !old_numbers.contains(number) || new_numbers.contains(number));
    }

    fn sync(&mut self, device: usize, answered: bool) {
        self.syncs += 1;
        let now = self.world.tick();
        let own = &mut self.devices[device];
        if own.app == App::V2 {
            return Self::sync_v2(&self.world, own, now, self.syncs, answered);
        }
        let mut body = Object::new();
        body.insert("client_data".into(), own.document.clone());
        body.insert(
            "client_version".into(),
            Value::from(i64::try_from(own.version).unwrap()),
        );
        body.insert("device_id".into(), Value::from(own.name.as_str()));
        if let Some(at) = own.last_sync_at.filter(|_| own.app != App::VersionOnly) {
            body.insert("last_sync_at".into(), Value::from(at.to_string().as_str()));
        }
        let request = SyncRequest::from_json(Value::Object(body)).unwrap();
        let backoff = &mut Attempts(3);
        let synced = self.world.portfolio().sync_v1(backoff, request, now);
        let answer = run(synced).unwrap().answer;
        if !answered {
            return;
        }
        own.version = answer.version;
        own.last_sync_at = Some(answer.last_sync_at);
        own.document = json(&answer.data);
        if own.app != App::Echoes {
            object(&mut own.document).remove("metadata");
        }
    }

    fn sync_v2(world: &World, own: &mut Device, now: Timestamp, count: u32, answered: bool) {
        let sync_id = own.unanswered.take().unwrap_or_else(|| format!("s{count}"));
        let changes = serde_json::to_string(&diff(&own.base, &own.document)).unwrap();
        let body = value(&format!(
            r#"{{"device_id":"{}","sync_id":"{sync_id}","base_version":{},"sent_at":"{now}","changes":{changes}}}"#,
            own.name, own.version
        ));
        let request = SyncRequestV2::from_json(&body).unwrap();
        let answer = run(world.portfolio().sync_v2(&mut Attempts(3), &request, now))
            .unwrap()
            .answer;
        if !answered {
            own.unanswered = Some(sync_id);
            return;
        }
        match &answer.delta {
            Delta::Changes(ops) => apply(&mut own.document, ops),
            Delta::Document(document) => own.document = document.clone(),
        }
        own.base = own.document.clone();
        own.version = answer.version;
    }

    /// Syncs every device until nothing is new, then asserts that all of them have the server's document and that every
    /// value that was not overwritten knowingly is in it or in a conflict.
    fn assert_converges(mut self) {
        for _ in 0..2 {
            (0..self.devices.len()).for_each(|device| self.sync(device, true));
        }
        let version = self.world.version();
        (0..self.devices.len()).for_each(|device| self.sync(device, true));
        assert_eq!(self.world.version(), version, "a sync without edits makes no version");
        let document = self.world.document();
        for device in &mut self.devices {
            object(&mut device.document).remove("metadata");
            assert_eq!(device.document, document, "{} ({:?})", device.name, device.app);
        }
        let mut found = BTreeSet::new();
        numbers(&document, &mut found);
        for change in self.world.changes() {
            let patch = run(coinolio_core::store::ChangeLog::patch(
                &self.world.log,
                &self.world.key,
                &change,
            ))
            .unwrap();
            let sides = patch
                .conflicts
                .iter()
                .flat_map(|conflict| [&conflict.client, &conflict.server]);
            sides.for_each(|side| numbers(&json(&side.value), &mut found));
        }
        let missing: Vec<_> = self.written.difference(&found).collect();
        assert!(
            missing.is_empty(),
            "neither in the document nor in a conflict: {missing:?}"
        );
    }
}

fn apps() -> impl Strategy<Value = Vec<App>> {
    use App::{Counts, Echoes, Plain, V2, VersionOnly};
    prop::collection::vec(prop::sample::select(vec![Echoes, Plain, Counts, VersionOnly, V2]), 1..5)
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        3 => (0..FIELDS).prop_map(Step::SetField),
        1 => (0..FIELDS).prop_map(Step::DeleteField),
        2 => Just(Step::AddElement),
        2 => (0..6_usize).prop_map(Step::EditElement),
        1 => (0..6_usize).prop_map(Step::DeleteElement),
        1 => (0..6_usize).prop_map(Step::MoveToFront),
        5 => (0..3_u8).prop_map(Step::Sync),
    ];
    prop::collection::vec((0..4_usize, step), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn devices_that_sync_until_quiet_agree_and_every_edit_survives_or_is_in_a_conflict(
        apps in apps(),
        steps in steps(),
        compacts in any::<bool>(),
    ) {
        let mut fleet = Fleet::new(&apps);
        for (device, step) in steps {
            fleet.step(device % apps.len(), &step);
            if compacts {
                fleet.world.compact();
            }
        }
        fleet.assert_converges();
    }
}
