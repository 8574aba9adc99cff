//! Who last altered which value, and when.

use super::apply::{Observer, apply_observed};
use super::diff::differences;
use super::patch::Op;
use super::path::{Path, Token};
use crate::id::DeviceId;
use crate::json::Value;
use crate::time::Timestamp;
use std::collections::HashMap;

/// Who made an edit, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The device, if known.
    pub device_id: Option<DeviceId>,
    /// The effective time of the edit.
    pub at: Timestamp,
}

/// A document, and who last altered which of its values: one side of a merge.
#[derive(Clone, Copy, Debug)]
pub struct Authored<'a> {
    /// The document.
    pub document: &'a Value,
    /// Who altered which of its values since the base, and when.
    pub authors: &'a Authors,
}

/// Who last altered which value of a document since its base, and when.
#[derive(Clone, Debug)]
pub struct Authors {
    /// The stamp of every value that no recorded change altered.
    unknown: Stamp,
    root: Node,
    change_count: u64,
}

/// A stamp and the number of the change that it comes from, which orders stamps of equal times.
type NumberedStamp = (u64, Stamp);

/// The alterations known at one path and below it.
#[derive(Clone, Debug, Default)]
struct Node {
    /// The last alteration of the whole value; the nodes below are newer.
    value_stamp: Option<NumberedStamp>,
    /// The last change of the order of the list at this path, which alters none of its elements.
    order_stamp: Option<NumberedStamp>,
    below: HashMap<Token, Node>,
}

impl Authors {
    /// Starts with nothing altered; `unknown` is the stamp of every value that no recorded change alters.
    pub fn new(unknown: Stamp) -> Self {
        Self {
            unknown,
            root: Node::default(),
            change_count: 0,
        }
    }

    /// Starts with every member of `document` altered by `unknown`.
    ///
    /// If a change alters a part of a member later, the rest of that member still belongs to `unknown`.
    pub fn of_document(document: &Value, unknown: Stamp) -> Self {
        let mut authors = Self::new(unknown.clone());
        for name in document.as_object().into_iter().flat_map(|members| members.keys()) {
            let member = authors.root.below.entry(Token::Member(name.clone())).or_default();
            member.value_stamp = Some((0, unknown.clone()));
        }
        authors
    }

    /// Applies a change's operations to `document` and records `device` and the operation's effective time for each
    /// value that they alter.
    ///
    /// A value that an operation covers but leaves equal is not altered: it retains its author.
    pub fn record<'a>(
        &mut self,
        document: &mut Value,
        device: Option<&DeviceId>,
        edits: impl IntoIterator<Item = (&'a Op, Timestamp)>,
    ) {
        let (ops, times): (Vec<&Op>, Vec<Timestamp>) = edits.into_iter().unzip();
        self.change_count += 1;
        let mut recorder = Recorder {
            authors: self,
            device,
            times: &times,
        };
        apply_observed(document, ops, &mut recorder);
    }

    /// Returns the stamp of the newest alteration of the value at `path` or inside it by a device other than `own`, or
    /// by `own` if no other device altered it.
    pub fn newest(&self, path: &Path, own: Option<&DeviceId>) -> Stamp {
        let mut node = Some(&self.root);
        let mut stamps: Vec<&NumberedStamp> = self.root.value_stamp.iter().collect();
        for token in path.tokens() {
            node = node.and_then(|node| node.below.get(token));
            // A stamp further down is newer: altering a whole value clears the stamps inside it.
            if let Some(stamp) = node.and_then(|node| node.value_stamp.as_ref()) {
                stamps = vec![stamp];
            }
        }
        if let Some(node) = node {
            stamps.extend(&node.order_stamp);
            node.below.values().for_each(|node| node.gather(&mut stamps));
        }
        let newest = stamps.into_iter().max_by_key(|(change, stamp)| {
            let by_another = own.is_none() || stamp.device_id.as_ref() != own;
            (by_another, stamp.at, *change)
        });
        newest.map_or(&self.unknown, |(_, stamp)| stamp).clone()
    }
}

impl Node {
    /// Adds every stamp at this path and below it to `stamps`.
    fn gather<'a>(&'a self, stamps: &mut Vec<&'a NumberedStamp>) {
        stamps.extend(self.value_stamp.iter().chain(&self.order_stamp));
        self.below.values().for_each(|node| node.gather(stamps));
    }
}

struct Recorder<'a> {
    authors: &'a mut Authors,
    device: Option<&'a DeviceId>,
    /// The effective time of each operation.
    times: &'a [Timestamp],
}

impl Recorder<'_> {
    /// Records that the whole value at `path` and `inside` it changed, and forgets all that was known of its parts.
    fn record_value(&mut self, path: &[&Token], inside: &[Token], op: usize) {
        let stamp = self.stamp(op);
        *self.node(path, inside) = Node {
            value_stamp: Some(stamp),
            ..Node::default()
        };
    }

    /// Records that the order of the list's elements changed.
    fn record_order(&mut self, path: &[&Token], inside: &[Token], op: usize) {
        let stamp = self.stamp(op);
        self.node(path, inside).order_stamp = Some(stamp);
    }

    fn stamp(&self, op: usize) -> NumberedStamp {
        let stamp = Stamp {
            device_id: self.device.cloned(),
            at: self.times.get(op).copied().unwrap_or(self.authors.unknown.at),
        };
        (self.authors.change_count, stamp)
    }

    fn node(&mut self, path: &[&Token], inside: &[Token]) -> &mut Node {
        let mut node = &mut self.authors.root;
        for token in path.iter().copied().chain(inside) {
            node = node.below.entry(token.clone()).or_default();
        }
        node
    }
}

impl Observer for Recorder<'_> {
    fn altered(&mut self, path: &[&Token], op: usize, before: Option<&Value>, after: Option<&Value>) {
        let (Some(before), Some(after)) = (before, after) else {
            return self.record_value(path, &[], op);
        };
        // Of a replaced value, only the parts that differ are altered.
        for part in differences(before, after) {
            match (&part, part.path().tokens()) {
                (Op::Move { .. }, [list @ .., _]) => self.record_order(path, list, op),
                (_, inside) => self.record_value(path, inside, op),
            }
        }
    }

    fn reordered(&mut self, path: &[&Token], op: usize) {
        self.record_order(path, &[], op);
    }
}
