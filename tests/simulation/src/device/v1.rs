//! A v1 device, which syncs whole documents, in the variants of the apps in the field.

use super::{Outcome, Outgoing, number, written};
use crate::model::{apply_all, rounded};
use crate::oracle::{Sent, member, version, without_service_members};
use crate::plan::App;
use crate::server::Request;
use coinolio_core::Code;
use coinolio_core::algebra::Op;
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::Version;
use coinolio_core::time::Timestamp;
use std::collections::BTreeSet;

/// How long a phone waits for an answer before it sends again, in milliseconds.
const TIMEOUT: i64 = 3_000;

pub(super) struct Phone {
    device: DeviceId,
    app: App,
    /// Its document, without the service's members.
    pub(super) document: Value,
    /// The service's members of `metadata`, as received.
    metadata: Option<Value>,
    /// The version of the last answer, and its document.
    pub(super) base: Version,
    pub(super) before: Value,
    /// The version that it sends.
    version: Version,
    /// The time that it sends.
    last_sync_at: Option<String>,
    /// Whether the service has answered that the portfolio does not exist.
    is_missing: bool,
    /// The request whose answer it is waiting for, and its document at that time.
    waits_for: Option<(u64, Value)>,
    /// Time at which it sent that request.
    asked_at: i64,
    /// Version in that request.
    asked_with: Version,
    requests: u64,
}

impl Phone {
    pub(super) fn new(device: &DeviceId, app: App, document: Value) -> Self {
        Self {
            device: device.clone(),
            app,
            document,
            metadata: None,
            base: 0,
            before: Value::empty_object(),
            version: 0,
            last_sync_at: None,
            is_missing: false,
            waits_for: None,
            asked_at: 0,
            asked_with: 0,
            requests: 0,
        }
    }

    pub(super) fn edit(&mut self, ops: &[Op]) {
        let mut document = self.document.clone();
        apply_all(&mut document, ops);
        if let Value::Object(members) = &mut document {
            // The service refuses a sync that empties the document, so one member always stays.
            members.insert("untouched".into(), Value::Bool(true));
        }
        // Before its first answer the app sends version 0, however many edits it has.
        let counts = self.app == App::CountsBlindly || self.app == App::Counts && self.base > 0;
        if document != self.document && counts {
            self.version += 1;
        }
        self.document = document;
    }

    /// Returns true if it is waiting for an answer and has not given up.
    pub(super) fn is_waiting(&self, now: i64) -> bool {
        self.waits_for.is_some() && now < self.asked_at + TIMEOUT
    }

    pub(super) fn request(&mut self, now: i64) -> Outgoing {
        self.asked_at = now;
        // The same document with the same version is a repeated request; the service must recognise it as one.
        let is_document = |(_, document): &(u64, Value)| *document == self.document;
        let is_same = self.asked_with == self.version && self.waits_for.as_ref().is_some_and(is_document);
        self.asked_with = self.version;
        if !is_same {
            self.requests += 1;
            self.waits_for = Some((self.requests, self.document.clone()));
        }
        let device = Value::from(self.device.as_str());
        let request = if self.is_missing {
            Request::Create(Value::Object(Object::from([
                ("name".into(), Value::from("Main")),
                ("id".into(), Value::from("main")),
                ("device_id".into(), device),
                ("data".into(), self.document.clone()),
            ])))
        } else {
            let time = self.last_sync_at.as_deref().map_or(Value::Null, Value::from);
            Request::SyncV1(Value::Object(Object::from([
                ("client_data".into(), self.sent_document()),
                ("client_version".into(), number(self.version)),
                ("device_id".into(), device),
                ("last_sync_at".into(), time),
            ])))
        };
        let time = self.last_sync_at.as_deref().filter(|_| !self.is_missing);
        let time = time.and_then(|time| Timestamp::parse(time).ok());
        Outgoing {
            number: self.requests,
            request,
            sent: Sent {
                base: self.base,
                before: self.before.clone(),
                document: self.document.clone(),
                base_expired: false,
                times: BTreeSet::new(),
                sync_id: None,
                has_effect: true,
                counts_blindly: self.app == App::CountsBlindly,
            },
            times: time.map(Timestamp::millis).into_iter().collect(),
            sent_at: 0,
        }
    }

    /// Returns the document, with the service's members if the app sends them back.
    fn sent_document(&self) -> Value {
        let mut document = self.document.clone();
        if let (App::Echoes, Some(Value::Object(echo)), Value::Object(members)) =
            (self.app, &self.metadata, &mut document)
        {
            let metadata = members.entry("metadata".into()).or_insert_with(Value::empty_object);
            if let Value::Object(metadata) = metadata {
                for (name, value) in echo {
                    metadata.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        document
    }

    pub(super) fn awaits(&self, number: u64) -> bool {
        self.waits_for.as_ref().is_some_and(|(awaited, _)| *awaited == number)
    }

    pub(super) fn receive(&mut self, outcome: &Outcome, time: i64) {
        let Some((number, document)) = self.waits_for.take() else {
            return;
        };
        match outcome {
            // An answer that arrives after another edit is ignored: the edit goes out with the next sync.
            Ok(_) if document != self.document => self.waits_for = Some((number, document)),
            Ok((answer, replica)) => {
                self.is_missing = false;
                self.document = rounded(replica);
                self.before = self.document.clone();
                self.base = version(member(answer, "version")).unwrap_or_default();
                self.version = self.base;
                self.metadata = member(answer, "data").and_then(service_members);
                self.last_sync_at = match self.app {
                    App::VersionOnly | App::CountsBlindly => None,
                    // With more digits than any answer has.
                    App::OwnClock => written(time).as_str().map(|time| time.replace('Z', "417Z")),
                    _ => member(answer, "last_sync_at")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                };
            }
            Err(refused) => {
                self.is_missing = match refused.code {
                    Code::NotFound => true,
                    Code::AlreadyExists => false,
                    _ => self.is_missing,
                };
            }
        }
    }
}

/// Returns the members of `metadata` that belong to the service.
fn service_members(data: &Value) -> Option<Value> {
    let mut all = member(data, "metadata")?.as_object()?.clone();
    if let Value::Object(own) = without_service_members(data.clone())
        && let Some(Value::Object(own)) = own.get("metadata")
    {
        all.retain(|name, _| !own.contains_key(name));
    }
    Some(Value::Object(all))
}
