//! v2: devices that miss answers, race each other and repeat requests end with one document (laws 4, 5 and 6 of
//! `docs/MERGE.md`).

use crate::fixture::{
    Event, Watched, body, everything, main_in, minute, portfolio, rebased, send, server_at, value, wire,
};
use coinolio_core::algebra::{apply, diff};
use coinolio_core::json::Value;
use coinolio_core::log::{Change, Extent, Version, json_size};
use coinolio_core::store::MemoryStore;
use coinolio_core::sync::Retention;
use coinolio_core::wire::v2::{SyncRequest, SyncResponse};
use pollster::block_on;
use proptest::prelude::*;
use serde_json::json;

/// A retention so long that no change is removed.
const EVERYTHING: Retention = Retention {
    age: std::time::Duration::MAX,
    versions: 1_000,
};

const NAMES: [&str; 3] = ["phone", "tablet", "watch"];

/// The fate of a request that is sent.
#[derive(Clone, Copy, Debug)]
enum Luck {
    Good,
    RequestDropped,
    AnswerDropped,
    StoreAnswersLate,
    OvertakenBy(usize),
}

/// One edit of a device's document.
#[derive(Clone, Copy, Debug)]
enum Act {
    SetField(u8),
    DeleteField(u8),
    SetElement(u8),
    DeleteElement(u8),
    MoveToFront(u8),
    Toggle(u8),
}

#[derive(Clone, Debug)]
enum Step {
    Edit(usize, Act),
    Sync(usize, Luck),
}

struct Phone {
    name: &'static str,
    version: Version,
    /// The document at `version`, followed by the document with the edits made since.
    base: Value,
    document: Value,
    /// The unanswered request, and the document with the edits that it sent.
    unanswered: Option<(serde_json::Value, Value)>,
}

impl Phone {
    fn edit(&mut self, act: Act, unique: usize) {
        let mut document = wire(&self.document);
        let name = |n: u8| format!("f{}", n % 3);
        let list = document["list"].as_array().cloned().unwrap_or_default();
        let position = |n: u8| list.iter().position(|element| element["id"] == json!(n % 4));
        match act {
            Act::SetField(n) => document[name(n)] = json!(unique),
            Act::DeleteField(n) => drop(document.as_object_mut().map(|members| members.remove(&name(n)))),
            Act::SetElement(n) => {
                let mut list = list.clone();
                match position(n) {
                    Some(at) => list[at]["v"] = json!(unique),
                    None => list.insert(0, json!({"id": n % 4, "v": unique})),
                }
                document["list"] = json!(list);
            }
            Act::DeleteElement(n) => {
                let mut list = list.clone();
                position(n).map(|at| list.remove(at));
                document["list"] = json!(list);
            }
            Act::MoveToFront(n) => {
                let mut list = list.clone();
                if let Some(at) = position(n) {
                    let element = list.remove(at);
                    list.insert(0, element);
                }
                document["list"] = json!(list);
            }
            Act::Toggle(n) => {
                let mut tags = document["tags"].as_array().cloned().unwrap_or_default();
                let tag = json!(format!("t{}", n % 4));
                match tags.iter().position(|other| *other == tag) {
                    Some(at) => drop(tags.remove(at)),
                    None => tags.push(tag),
                }
                document["tags"] = json!(tags);
            }
        }
        self.document = value(&document);
    }

    /// Returns the request to send: the unanswered one if there is one, else a new one.
    fn request(&mut self, number: usize, at: u32) -> serde_json::Value {
        let (request, _) = self.unanswered.get_or_insert_with(|| {
            let changes: Vec<_> = diff(&self.base, &self.document).iter().map(wire).collect();
            let id = format!("{}-{number}", self.name);
            (body(self.name, &id, self.version, &changes, at), self.document.clone())
        });
        request.clone()
    }

    /// Applies an answer: the document that was sent becomes the server's; edits made since then stay on top of it.
    fn receive(&mut self, log: &MemoryStore, answer: &SyncResponse) {
        let (request, sent) = self.unanswered.take().unwrap();
        let since = diff(&sent, &self.document);
        self.base = rebased(log, &request, answer);
        self.version = answer.version;
        self.document = self.base.clone();
        apply(&mut self.document, &since);
    }
}

struct Fleet {
    log: Watched,
    phones: Vec<Phone>,
    clock: usize,
}

impl Fleet {
    fn new() -> Self {
        let log = portfolio();
        let phone = |name| Phone {
            name,
            version: 1,
            base: server_at(&log.log, 1),
            document: server_at(&log.log, 1),
            unanswered: None,
        };
        let phones = NAMES.map(phone).into();
        Self { log, phones, clock: 1 }
    }

    fn run(&mut self, step: &Step) {
        self.clock += 1;
        let clock = self.clock;
        match *step {
            Step::Edit(phone, act) => self.phones[phone].edit(act, clock),
            Step::Sync(phone, luck) => self.sync(phone, luck),
        }
    }

    fn sync(&mut self, index: usize, luck: Luck) {
        let at = u32::try_from(self.clock).unwrap();
        let request = self.phones[index].request(self.clock, at);
        match luck {
            Luck::RequestDropped => return,
            Luck::AnswerDropped => {
                send(&self.log.log, &request, at).unwrap();
                return;
            }
            Luck::StoreAnswersLate => self.log.expect(Event::SentTwice),
            Luck::OvertakenBy(other) if other != index => {
                let overtaking = self.phones[other].request(self.clock, at);
                self.log.expect(Event::Before(Box::new(move |log: &MemoryStore| {
                    send(log, &overtaking, at).unwrap();
                })));
            }
            Luck::OvertakenBy(_) | Luck::Good => {}
        }
        let answered = send(&self.log, &request, at).unwrap();
        // A pull appends nothing, so the event planned for its append is still queued.
        self.log.events.lock().unwrap().clear();
        self.phones[index].receive(&self.log.log, &answered.answer);
    }
}

fn step() -> impl Strategy<Value = Step> {
    let act = prop_oneof![
        any::<u8>().prop_map(Act::SetField),
        any::<u8>().prop_map(Act::DeleteField),
        any::<u8>().prop_map(Act::SetElement),
        any::<u8>().prop_map(Act::DeleteElement),
        any::<u8>().prop_map(Act::MoveToFront),
        any::<u8>().prop_map(Act::Toggle),
    ];
    let luck = prop_oneof![
        3 => Just(Luck::Good),
        1 => Just(Luck::RequestDropped),
        1 => Just(Luck::AnswerDropped),
        1 => Just(Luck::StoreAnswersLate),
        2 => (0..NAMES.len()).prop_map(Luck::OvertakenBy),
    ];
    prop_oneof![
        3 => (0..NAMES.len(), act).prop_map(|(phone, act)| Step::Edit(phone, act)),
        2 => (0..NAMES.len(), luck).prop_map(|(phone, luck)| Step::Sync(phone, luck)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn devices_that_sync_until_quiet_end_with_the_servers_document(steps in prop::collection::vec(step(), 1..40)) {
        let mut fleet = Fleet::new();
        steps.iter().for_each(|step| fleet.run(step));
        // One round for the unanswered requests, one for the edits made since, one for the other devices' writes.
        for _ in 0..3 {
            (0..NAMES.len()).for_each(|phone| fleet.run(&Step::Sync(phone, Luck::Good)));
        }
        let log = everything(&fleet.log.log);
        let head = log.last().unwrap();
        for phone in &fleet.phones {
            prop_assert_eq!(phone.version, head.version);
            prop_assert_eq!(&phone.document, &server_at(&fleet.log.log, head.version));
        }
        let size = json_size(&server_at(&fleet.log.log, head.version));
        prop_assert!(size <= head.extent.bound(), "{size} bytes are over the bound");
        let mut ids: Vec<_> = log.iter().map(|change| &change.sync_id).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), log.len(), "no sync has two effects");
    }

    #[test]
    fn the_same_requests_have_the_same_outcome(steps in prop::collection::vec(step(), 1..40)) {
        let logs = [(), ()].map(|()| {
            let mut fleet = Fleet::new();
            steps.iter().for_each(|step| fleet.run(step));
            everything(&fleet.log.log)
        });
        prop_assert_eq!(&logs[0], &logs[1]);
        let stored = logs[0].iter().filter_map(|change| change.sync_id.as_ref());
        prop_assert!(stored.count() == logs[0].len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compaction_between_syncs_changes_nothing_that_a_client_sees(
        steps in prop::collection::vec((step(), any::<bool>()), 1..80),
    ) {
        let [plain, compacted] = [false, true].map(|compacts| {
            let mut fleet = Fleet::new();
            for (step, is_time) in &steps {
                fleet.run(step);
                if compacts && *is_time {
                    block_on(main_in(&fleet.log.log).compact(&EVERYTHING, minute(700))).unwrap();
                }
            }
            (0..NAMES.len()).for_each(|phone| fleet.run(&Step::Sync(phone, Luck::Good)));
            fleet
        });
        for (one, other) in plain.phones.iter().zip(&compacted.phones) {
            prop_assert_eq!(&one.document, &other.document);
            prop_assert_eq!(one.version, other.version);
        }
        let stored = |fleet: &Fleet| -> Vec<_> {
            let changes = everything(&fleet.log.log).into_iter();
            // Only the extents differ, which record the snapshots that a writer knew.
            changes.map(|change| Change { extent: Extent::EMPTY, ..change }).collect()
        };
        prop_assert_eq!(stored(&plain), stored(&compacted));
        for version in 1..=everything(&plain.log.log).len() {
            let version = u64::try_from(version).unwrap();
            prop_assert_eq!(server_at(&plain.log.log, version), server_at(&compacted.log.log, version));
        }
    }
}

#[test]
fn the_requests_of_a_fleet_are_valid() {
    let mut fleet = Fleet::new();
    fleet.run(&Step::Edit(0, Act::SetElement(1)));
    let request = fleet.phones[0].request(2, 2);
    assert_eq!(
        SyncRequest::from_json(&value(&request)).map(|request| request.changes.len()),
        Ok(1)
    );
}
