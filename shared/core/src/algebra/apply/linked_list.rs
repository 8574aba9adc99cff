//! A list whose elements are added, moved and removed in constant time.

use crate::json::Value;

/// A doubly linked list of values that retain their indices when others are added, moved or removed.
///
/// Index 0 is a sentinel: it precedes the first element and follows the last.
pub(super) struct LinkedList {
    /// The values by index; `None` for the sentinel and for removed elements.
    pub(super) values: Vec<Option<Value>>,
    next: Vec<usize>,
    pub(super) previous: Vec<usize>,
    /// Numbers that increase along the list; empty until the order of two elements is needed.
    labels: Vec<i64>,
}

/// The difference between the labels of neighbours, when all elements are labelled. About 32 elements fit between two
/// neighbours, one behind the other, before all must be labelled again.
const LABEL_STEP: i64 = 1 << 32;

impl LinkedList {
    /// The sentinel: an element that follows it is the first.
    pub(super) const FRONT: usize = 0;

    pub(super) fn of(values: Vec<Value>) -> Self {
        let len = values.len();
        Self {
            values: std::iter::once(None).chain(values.into_iter().map(Some)).collect(),
            next: (1..=len).chain([0]).collect(),
            previous: std::iter::once(len).chain(0..len).collect(),
            labels: Vec::new(),
        }
    }

    /// Returns the index of the last element, or of the sentinel if the list is empty.
    pub(super) fn last(&self) -> usize {
        self.previous[Self::FRONT]
    }

    /// Adds `value` right behind the element at `predecessor` and returns its index.
    pub(super) fn insert(&mut self, value: Value, predecessor: usize) -> usize {
        let at = self.values.len();
        self.values.push(Some(value));
        self.next.push(at);
        self.previous.push(at);
        self.link(at, predecessor);
        at
    }

    /// Removes the element at `at` and returns its value.
    pub(super) fn remove(&mut self, at: usize) -> Option<Value> {
        self.unlink(at);
        self.values[at].take()
    }

    /// Links the element at `at`, which must be unlinked, right behind the one at `predecessor`.
    pub(super) fn link(&mut self, at: usize, predecessor: usize) {
        let next = self.next[predecessor];
        (self.next[at], self.previous[at]) = (next, predecessor);
        self.next[predecessor] = at;
        self.previous[next] = at;
        self.label(at);
    }

    /// Labels the element at `at`, if the others are labelled and there is a number between its neighbours' labels.
    fn label(&mut self, at: usize) {
        if self.labels.is_empty() {
            return;
        }
        let (previous, next) = (self.previous[at], self.next[at]);
        let label = match (previous, next) {
            (Self::FRONT, Self::FRONT) => Some(0),
            (_, Self::FRONT) => self.labels[previous].checked_add(LABEL_STEP),
            (Self::FRONT, _) => self.labels[next].checked_sub(LABEL_STEP),
            _ => Some(i64::midpoint(self.labels[previous], self.labels[next]))
                .filter(|label| *label != self.labels[previous] && *label != self.labels[next]),
        };
        match label {
            Some(label) => {
                self.labels.resize(self.values.len(), 0);
                self.labels[at] = label;
            }
            None => self.labels.clear(),
        }
    }

    /// Returns how many of the elements at `sorted`, which are in list order, come before the one at `at`.
    pub(super) fn rank(&mut self, sorted: &[usize], at: usize) -> usize {
        if self.labels.is_empty() {
            self.labels = vec![0; self.values.len()];
            let (mut at, mut label) = (self.next[Self::FRONT], 0);
            while at != Self::FRONT {
                self.labels[at] = label;
                label += LABEL_STEP;
                at = self.next[at];
            }
        }
        sorted.partition_point(|other| self.labels[*other] < self.labels[at])
    }

    /// Unlinks the element at `at` from its neighbours; its value stays at its index.
    pub(super) fn unlink(&mut self, at: usize) {
        let (previous, next) = (self.previous[at], self.next[at]);
        self.next[previous] = next;
        self.previous[next] = previous;
    }

    /// Returns the values in list order.
    pub(super) fn into_values(mut self) -> Vec<Value> {
        let mut values = Vec::with_capacity(self.values.len());
        let mut at = self.next[Self::FRONT];
        while at != Self::FRONT {
            values.extend(self.values[at].take());
            at = self.next[at];
        }
        values
    }
}
