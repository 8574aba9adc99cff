//! Requests that come from no device, such as those of an operator. They name no device, so no device counts as
//! their author.

use super::{Parcel, World};
use crate::chance::Chance;
use crate::oracle::{Asked, Replacement};
use crate::server::Request;
use coinolio_core::json::{Object, Value};

impl World<'_> {
    pub(super) fn console(&mut self, request: Request, asked: Asked, chance: &mut Chance) {
        self.send(None, Parcel::Console(request, asked), chance);
    }

    pub(super) fn restore(&mut self, chance: &mut Chance) {
        let version = {
            let book = self.shared.book();
            let records = book.archive.records();
            if records.is_empty() {
                return;
            }
            chance.pick(records).change.version
        };
        let body = Object::from([(
            "version".into(),
            Value::from(i64::try_from(version).unwrap_or_default()),
        )]);
        self.console(Request::Restore(Value::Object(body)), Asked::Restore(version), chance);
    }

    pub(super) fn keep_mine(&mut self, chance: &mut Chance) {
        let conflict = {
            let book = self.shared.book();
            let records = book.archive.records().iter();
            let with_conflicts: Vec<_> = records.filter(|record| record.change.conflicts > 0).collect();
            if with_conflicts.is_empty() {
                return;
            }
            let record = chance.pick(&with_conflicts);
            let index = chance.below(record.patch.conflicts.len());
            (record.change.version, u64::try_from(index).unwrap_or_default())
        };
        let (version, index) = conflict;
        self.console(
            Request::KeepMine(version, index),
            Asked::KeepMine(version, index),
            chance,
        );
    }

    pub(super) fn replace(&mut self, chance: &mut Chance) {
        // A v1 device would replace numbers that it cannot represent with rounded ones.
        let exact: Vec<_> = self.devices.iter().filter(|device| !device.is_v1()).collect();
        if exact.is_empty() {
            return;
        }
        let device = chance.pick(&exact);
        let document = device.document().clone();
        let expected = chance.percent(50).then(|| device.version());
        self.replacements += 1;
        let name = chance.percent(50).then(|| format!("Main {}", self.replacements));
        let mut body = Object::from([("data".into(), document.clone())]);
        body.extend(name.as_deref().map(|name| ("name".into(), Value::from(name))));
        let replacement = Replacement {
            document,
            name,
            expected,
        };
        self.console(
            Request::Replace(Value::Object(body), expected),
            Asked::Replace(replacement),
            chance,
        );
    }
}
