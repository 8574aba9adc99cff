//! Mixed fleets: v1 apps of several kinds and v2 clients edit, miss answers, and sync until nothing is new.

use crate::world::{Attempts, World, json, run, value};
use coinolio_core::algebra::{apply, diff};
use coinolio_core::json::{Object, Value};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::v1::{SyncRequest, SyncResponse};
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
    /// One sync that gets no answer; the user may go on editing.
    Unanswered,
    /// The user undoes every edit since the last answer.
    Undo,
    /// An earlier request of a v1 device arrives late, or again.
    Late(usize),
    /// A v1 device is restored from a backup of the state after an earlier answer.
    Restore(usize),
    /// A v1 device gets the same id as the other one, as a clone of it.
    Clone(usize),
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
    /// The requests that a v1 device has sent.
    sent: Vec<Value>,
    /// The document, version and time after each answer, as a v1 device stored them.
    backups: Vec<(Value, u64, Option<Timestamp>)>,
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
            sent: Vec::new(),
            backups: vec![(value(document), 1, Some(world.head().last_sync_at))],
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
        if let Step::Unanswered = step {
            return self.sync(device, false);
        }
        if let Step::Clone(other) = *step {
            return self.clone_onto(device, other % self.devices.len());
        }
        let now = self.world.tick();
        let own = &mut self.devices[device];
        if let Step::Late(n) = *step {
            if let Some(sent) = own.sent.get(n % own.sent.len().max(1)) {
                Self::sync_v1(&self.world, sent, now);
            }
            return;
        }
        if let Step::Restore(n) = *step {
            if own.app != App::V2 {
                let (document, version, last_sync_at) = own.backups[n % own.backups.len()].clone();
                (own.version, own.last_sync_at) = (version, last_sync_at);
                let gone = std::mem::replace(&mut own.document, document);
                self.forget_unsent(&gone);
            }
            return;
        }
        if own.unanswered.is_some() {
            return;
        }
        let before = own.document.clone();
        self.next += 1;
        let number = Value::from(self.next);
        if let (Step::Undo, Some((answered, ..))) = (step, own.backups.last()) {
            own.document = answered.clone();
        }
        let elements = list(&mut own.document);
        let at = |n: usize| n % elements.len().max(1);
        match *step {
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
            Step::MoveToFront(n) => {
                let at = at(n);
                if at < elements.len() {
                    elements[..=at].rotate_right(1);
                }
            }
            _ => {}
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
        if !matches!(step, Step::Undo) {
            self.written.extend(new_numbers.difference(&old_numbers));
        }
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
        let body = Value::Object(body);
        own.sent.push(body.clone());
        let answer = Self::sync_v1(&self.world, &body, now);
        if !answered {
            return;
        }
        own.version = answer.version;
        own.last_sync_at = Some(answer.last_sync_at);
        own.document = json(&answer.data);
        if own.app != App::Echoes {
            object(&mut own.document).remove("metadata");
        }
        own.backups.push((own.document.clone(), own.version, own.last_sync_at));
    }

    fn sync_v1(world: &World, body: &Value, now: Timestamp) -> SyncResponse {
        let request = SyncRequest::from_json(body.clone()).unwrap();
        run(world.portfolio().sync_v1(&mut Attempts(3), request, now))
            .unwrap()
            .answer
    }

    /// Makes `device` a clone of `other`, with its id and its state, if both speak v1.
    fn clone_onto(&mut self, device: usize, other: usize) {
        let [original, clone] = [&self.devices[other], &self.devices[device]];
        if original.app == App::V2 || clone.app == App::V2 {
            return;
        }
        let clone = Device {
            name: original.name.clone(),
            app: original.app,
            document: original.document.clone(),
            base: original.base.clone(),
            version: original.version,
            last_sync_at: original.last_sync_at,
            unanswered: None,
            sent: original.sent.clone(),
            backups: original.backups.clone(),
        };
        let gone = std::mem::replace(&mut self.devices[device], clone);
        self.forget_unsent(&gone.document);
    }

    /// Forgets the numbers in `gone`, the former document of a device, that were never sent.
    fn forget_unsent(&mut self, gone: &Value) {
        let (mut unsent, mut found) = (BTreeSet::new(), BTreeSet::new());
        numbers(gone, &mut unsent);
        self.found(&mut found);
        self.devices
            .iter()
            .for_each(|device| numbers(&device.document, &mut found));
        self.written
            .retain(|number| !unsent.contains(number) || found.contains(number));
    }

    /// Collects the numbers in the server's document and in the conflicts.
    fn found(&self, found: &mut BTreeSet<i64>) {
        numbers(&self.world.document(), found);
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
            sides.for_each(|side| numbers(&json(&side.value), found));
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
        own.backups.push((own.document.clone(), own.version, None));
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
        self.found(&mut found);
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
        2 => Just(Step::Unanswered),
        2 => Just(Step::Undo),
    ];
    prop::collection::vec((0..4_usize, step), 1..40)
}

/// Steps of devices as they really are: requests arrive late or twice, and phones go back in time or share an id.
fn odd_steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let odd = prop_oneof![
        3 => any::<usize>().prop_map(Step::Late),
        2 => any::<usize>().prop_map(Step::Restore),
        1 => any::<usize>().prop_map(Step::Clone),
    ];
    let step = prop_oneof![
        3 => steps().prop_map(|steps| steps.into_iter().next().map(|(_, step)| step)),
        1 => odd.prop_map(Some),
    ];
    let steps = prop::collection::vec((0..4_usize, step), 1..40);
    steps.prop_map(|steps| {
        steps
            .into_iter()
            .filter_map(|(device, step)| Some((device, step?)))
            .collect()
    })
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

    #[test]
    fn late_requests_restored_phones_and_clones_lose_no_value_unheard(
        apps in apps(),
        steps in odd_steps(),
    ) {
        let mut fleet = Fleet::new(&apps);
        for (device, step) in steps {
            fleet.step(device % apps.len(), &step);
        }
        fleet.assert_converges();
    }
}
