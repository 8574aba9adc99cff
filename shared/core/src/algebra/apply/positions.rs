//! Finding the elements of a list by the names that operations use.

use super::linked_list::LinkedList;
use super::naming::{Naming, identity, named_part, naming};
use crate::algebra::patch::Position;
use crate::algebra::path::Token;
use crate::json::Value;
use std::collections::HashMap;

/// The number of a name in [`Positions`].
type NameNumber = usize;

/// The current indices in a [`LinkedList`] of the elements that operations name.
///
/// If several elements have the same name, it means the first of them in list order.
pub(super) struct Positions<'a> {
    /// By name: the index of the first element that has it.
    index: Vec<Option<usize>>,
    /// By name: whether more than one element ever had it.
    is_shared: Vec<bool>,
    /// By node of the plan: the name of its element.
    name_of_node: Vec<NameNumber>,
    name_of_neighbour: HashMap<&'a Token, NameNumber>,
    names: Names<'a>,
}

/// The numbers of the names that operations use.
///
/// There is one map for each way of naming, so that a lookup hashes nothing but the name.
#[derive(Default)]
struct Names<'a> {
    maps: Vec<(Naming, HashMap<&'a Value, NameNumber>)>,
    count: usize,
}

impl<'a> Names<'a> {
    /// Returns the number of the name that `token` uses, or `None` if it does not name an element.
    fn number(&mut self, token: &'a Token) -> Option<NameNumber> {
        let (naming, identity) = (naming(token), identity(token)?);
        let known = self.maps.iter().position(|(other, _)| *other == naming);
        let at = known.unwrap_or_else(|| {
            self.maps.push((naming, HashMap::new()));
            self.maps.len() - 1
        });
        Some(*self.maps[at].1.entry(identity).or_insert_with(|| {
            self.count += 1;
            self.count - 1
        }))
    }

    /// Returns the names of `element` that operations use.
    fn of(&self, element: &Value) -> impl Iterator<Item = NameNumber> {
        let numbers = self.maps.iter();
        numbers.filter_map(|(naming, numbers)| numbers.get(named_part(*naming, element)?).copied())
    }
}

impl<'a> Positions<'a> {
    /// Finds in `list` the elements that `nodes` and `neighbours` name, in one pass.
    pub(super) fn find(
        list: &LinkedList,
        nodes: impl Iterator<Item = Option<&'a Token>>,
        neighbours: impl Iterator<Item = &'a Token>,
    ) -> Self {
        let mut names = Names::default();
        let name_of_node = nodes.map(|token| token.and_then(|token| names.number(token)).unwrap_or_default());
        let name_of_node = name_of_node.collect();
        let name_of_neighbour = neighbours
            .filter_map(|token| Some((token, names.number(token)?)))
            .collect();
        let (mut index, mut is_shared) = (vec![None; names.count], vec![false; names.count]);
        for (at, value) in list.values.iter().enumerate() {
            for name in value.iter().flat_map(|value| names.of(value)) {
                match index[name] {
                    Some(_) => is_shared[name] = true,
                    None => index[name] = Some(at),
                }
            }
        }
        Self {
            index,
            is_shared,
            name_of_node,
            name_of_neighbour,
            names,
        }
    }

    /// Returns the index of the element that the node names, if it is in the list.
    pub(super) fn of_node(&self, node: usize) -> Option<usize> {
        self.index[self.name_of_node[node]]
    }

    /// Returns the index behind which `position` puts an element, or `None` if its neighbour is not in the list.
    pub(super) fn predecessor(&self, position: &Position) -> Option<usize> {
        match position {
            Position::Front => Some(LinkedList::FRONT),
            Position::After(token) => self.index[*self.name_of_neighbour.get(token)?],
        }
    }

    /// Enters the element at `at` after it was added, moved or replaced.
    pub(super) fn add(&mut self, list: &LinkedList, at: usize) {
        let Some(element) = &list.values[at] else { return };
        for name in self.names.of(element) {
            self.is_shared[name] |= self.index[name].is_some_and(|first| first != at);
            self.index[name] = if self.is_shared[name] {
                list.find(|at| self.has_name(list, at, name))
            } else {
                Some(at)
            };
        }
    }

    /// Removes the element at `at` before it is removed or replaced.
    pub(super) fn remove(&mut self, list: &LinkedList, at: usize) {
        let Some(element) = &list.values[at] else { return };
        for name in self.names.of(element) {
            self.index[name] = if self.is_shared[name] {
                list.find(|other| other != at && self.has_name(list, other, name))
            } else {
                None
            };
        }
    }

    fn has_name(&self, list: &LinkedList, at: usize, name: NameNumber) -> bool {
        let element = list.values[at].as_ref();
        element.is_some_and(|element| self.names.of(element).any(|other| other == name))
    }
}

pub(super) fn insert_new<T: PartialEq>(into: &mut Vec<T>, new: T) {
    if !into.contains(&new) {
        into.push(new);
    }
}
