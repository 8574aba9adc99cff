//! Who last altered which value, and when.

use super::apply::{Observer, apply_observed};
use super::diff::diff;
use super::patch::Op;
use super::path::{Path, Token};
use crate::id::DeviceId;
use crate::json::Value;
use crate::time::Timestamp;
use std::collections::HashMap;

/// An author and an effective time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The device, where one is known.
    pub device_id: Option<DeviceId>,
    /// The effective time of the edit.
    pub at: Timestamp,
}

/// Who last altered which value of a document since its base, and when.
#[derive(Clone, Debug)]
pub struct Authors {
    unknown: Stamp,
    root: Node,
    changes: u64,
}

/// What is known of one place: the alteration of its whole value, and those inside it since.
#[derive(Clone, Debug, Default)]
struct Node {
    stamp: Option<(u64, Stamp)>,
    /// The place is a list whose elements came into another order, which alters it but none of them.
    order: Option<(u64, Stamp)>,
    below: HashMap<Token, Node>,
}

impl Authors {
    /// Nothing altered yet; `unknown` is the stamp of whatever no recorded change altered.
    pub fn new(unknown: Stamp) -> Self {
        Self {
            unknown,
            root: Node::default(),
            changes: 0,
        }
    }

    /// As [`Self::new`], with each member of `document` altered by `unknown`: where somebody alters a part of one
    /// later, the rest of it is still `unknown`'s.
    pub fn of_document(document: &Value, unknown: Stamp) -> Self {
        let mut authors = Self::new(unknown.clone());
        for name in document.as_object().into_iter().flat_map(|members| members.keys()) {
            let member = authors.root.below.entry(Token::Member(name.clone())).or_default();
            member.stamp = Some((0, unknown.clone()));
        }
        authors
    }

    /// Applies a change's operations to `document` and remembers each value that they alter (not one that
    /// an operation merely covers), as altered by `device` at the operation's effective time.
    pub fn record<'a>(
        &mut self,
        document: &mut Value,
        device: Option<&DeviceId>,
        edits: impl IntoIterator<Item = (&'a Op, Timestamp)>,
    ) {
        let (ops, times): (Vec<&Op>, Vec<Timestamp>) = edits.into_iter().unzip();
        self.changes += 1;
        let mut recorder = Recorder {
            authors: self,
            device,
            times: &times,
        };
        apply_observed(document, ops, &mut recorder);
    }

    /// The stamp of the newest alteration of the value at `path`, or inside it, by a device other than
    /// `own`; where only `own` altered it, of the newest of those (design section 4).
    pub fn newest(&self, path: &Path, own: Option<&DeviceId>) -> Stamp {
        let mut node = Some(&self.root);
        let mut stamps: Vec<&(u64, Stamp)> = self.root.stamp.iter().collect();
        for token in path.tokens() {
            node = node.and_then(|node| node.below.get(token));
            if let Some(stamp) = node.and_then(|node| node.stamp.as_ref()) {
                stamps = vec![stamp];
            }
        }
        if let Some(node) = node {
            stamps.extend(&node.order);
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
    fn gather<'a>(&'a self, stamps: &mut Vec<&'a (u64, Stamp)>) {
        stamps.extend(self.stamp.iter().chain(&self.order));
        self.below.values().for_each(|node| node.gather(stamps));
    }
}

struct Recorder<'a> {
    authors: &'a mut Authors,
    device: Option<&'a DeviceId>,
    times: &'a [Timestamp],
}

impl Recorder<'_> {
    /// The place's whole value is altered: nothing that was known of its parts holds any longer.
    fn stamp(&mut self, path: &[&Token], inside: &[Token], op: usize) {
        let stamp = self.stamp_of(op);
        *self.node(path, inside) = Node {
            stamp: Some(stamp),
            ..Node::default()
        };
    }

    /// The order of the list's elements is altered.
    fn stamp_order(&mut self, path: &[&Token], inside: &[Token], op: usize) {
        let stamp = self.stamp_of(op);
        self.node(path, inside).order = Some(stamp);
    }

    fn stamp_of(&self, op: usize) -> (u64, Stamp) {
        let stamp = Stamp {
            device_id: self.device.cloned(),
            at: self.times.get(op).copied().unwrap_or(self.authors.unknown.at),
        };
        (self.authors.changes, stamp)
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
        match (before, after) {
            (Some(before), Some(after)) => {
                for part in diff(before, after) {
                    match (&part, part.path().tokens()) {
                        (Op::Move { .. }, [list @ .., _]) => self.stamp_order(path, list, op),
                        (_, place) => self.stamp(path, place, op),
                    }
                }
            }
            _ => self.stamp(path, &[], op),
        }
    }

    fn reordered(&mut self, path: &[&Token], op: usize) {
        self.stamp_order(path, &[], op);
    }
}
