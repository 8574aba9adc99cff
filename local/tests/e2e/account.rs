//! Records the edits that several devices make to the same ten fields, and checks the outcome of each edit.

use coinolio_core::algebra::Op;
use coinolio_core::json::Value;
use coinolio_local::device::{Answer, Device};
use std::collections::{HashMap, HashSet};

/// The edits that devices made, and the conflicts that answers reported to them.
#[derive(Default)]
pub(crate) struct Account {
    made: Vec<Made>,
    conflicts: HashMap<Vec<u8>, Value>,
    /// The values that a device's unsent edits overwrote and that the device was told of.
    replaced: HashSet<String>,
}

/// An edit.
struct Made {
    /// The new value, different from that of every other edit.
    value: String,
    /// The value that the device showed before the edit.
    over: Option<String>,
}

impl Account {
    /// Makes `count` random edits on `device`.
    pub(crate) fn edit(&mut self, device: &mut Device, count: usize) {
        for _ in 0..count {
            let field = format!("field-{}", rand::random_range(0..10));
            let path = ["fields", field.as_str()];
            let value = format!("{} {}", device.id, self.made.len());
            let over = device.get(&path).and_then(Value::as_str).map(str::to_owned);
            device.set(&path, value.as_str().into());
            self.made.push(Made { value, over });
        }
    }

    /// Records the conflicts and the overwritten values that an answer reports.
    pub(crate) fn record(&mut self, answer: &Answer) {
        for op in &answer.replaced {
            if let Op::Set { value, .. } = op {
                self.replaced.extend(value.as_str().map(str::to_owned));
            }
        }
        for conflict in &answer.conflicts {
            self.conflicts.insert(conflict.to_json(), conflict.clone());
        }
    }

    /// Adds another device's account to this one.
    pub(crate) fn join(&mut self, other: Self) {
        self.made.extend(other.made);
        self.conflicts.extend(other.conflicts);
        self.replaced.extend(other.replaced);
    }

    /// Asserts that every edit is in `document`, is the losing value of exactly one conflict, or was overwritten by a
    /// device that knew of it.
    pub(crate) fn assert_every_edit(&self, document: &Value) {
        let fields = document.as_object().unwrap()["fields"].as_object().unwrap();
        let standing: HashSet<_> = fields.values().filter_map(Value::as_str).collect();
        let seen = self.made.iter().filter_map(|edit| edit.over.as_deref());
        let replaced: HashSet<_> = seen.chain(self.replaced.iter().map(String::as_str)).collect();
        let mut losses: HashMap<String, usize> = HashMap::new();
        for conflict in self.conflicts.values() {
            *losses.entry(losing_value(conflict)).or_default() += 1;
        }
        for edit in &self.made {
            let value = edit.value.as_str();
            let records = losses.get(value).copied().unwrap_or(0);
            let stands = standing.contains(value);
            assert!(records <= 1, "{value} is the losing value of {records} conflicts");
            assert!(
                !(stands && records == 1),
                "{value} is in the document but also a losing value"
            );
            assert!(
                stands || records == 1 || replaced.contains(value),
                "{value} is in neither the document nor a conflict, and was not overwritten knowingly"
            );
        }
    }
}

fn losing_value(conflict: &Value) -> String {
    let conflict = conflict.as_object().unwrap();
    let side = if conflict["winner"].as_str() == Some("client") {
        "server"
    } else {
        "client"
    };
    conflict[side].as_object().unwrap()["value"]
        .as_str()
        .unwrap()
        .to_owned()
}
