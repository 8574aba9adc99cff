//! What devices did to the ten fields that they all edit, and what became of each edit.

use coinolio_core::algebra::Op;
use coinolio_core::json::Value;
use coinolio_local::device::{Answer, Device};
use std::collections::{HashMap, HashSet};

/// Edits and the conflicts that devices heard of.
#[derive(Default)]
pub(crate) struct Account {
    made: Vec<Made>,
    conflicts: HashMap<Vec<u8>, Value>,
    /// The values that a device was told its waiting edits replace.
    replaced: HashSet<String>,
}

/// An edit, its value unlike any other's, and what the device showed in its place when it was made.
struct Made {
    value: String,
    over: Option<String>,
}

impl Account {
    /// Has the device make `count` random edits.
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

    /// Keeps the conflicts that an answer tells of, and what the device was told to have replaced.
    pub(crate) fn hear(&mut self, answer: &Answer) {
        for op in &answer.replaced {
            if let Op::Set { value, .. } = op {
                self.replaced.extend(value.as_str().map(str::to_owned));
            }
        }
        for conflict in &answer.conflicts {
            self.conflicts.insert(conflict.to_json(), conflict.clone());
        }
    }

    /// Takes another device's account into this one.
    pub(crate) fn join(&mut self, other: Self) {
        self.made.extend(other.made);
        self.conflicts.extend(other.conflicts);
        self.replaced.extend(other.replaced);
    }

    /// Asserts that every edit stands in `document`, lost in exactly one conflict, or was replaced by a device that was
    /// told of it.
    pub(crate) fn assert_every_edit(&self, document: &Value) {
        let fields = document.as_object().unwrap()["fields"].as_object().unwrap();
        let standing: HashSet<_> = fields.values().filter_map(Value::as_str).collect();
        let seen = self.made.iter().filter_map(|edit| edit.over.as_deref());
        let replaced: HashSet<_> = seen.chain(self.replaced.iter().map(String::as_str)).collect();
        let mut lost: HashMap<String, usize> = HashMap::new();
        for conflict in self.conflicts.values() {
            *lost.entry(loser(conflict)).or_default() += 1;
        }
        for edit in &self.made {
            let value = edit.value.as_str();
            let records = lost.get(value).copied().unwrap_or(0);
            let stands = standing.contains(value);
            assert!(records <= 1, "{value} lost {records} times");
            assert!(!(stands && records == 1), "{value} stands and is said to have lost");
            assert!(stands || records == 1 || replaced.contains(value), "{value} is gone");
        }
    }
}

fn loser(conflict: &Value) -> String {
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
