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
    names: HashMap<(Naming, &'a Value), NameNumber>,
    /// The ways in which these names are formed.
    namings: Vec<Naming>,
}

impl<'a> Positions<'a> {
    /// Finds in `list` the elements that `nodes` and `neighbours` name, in one pass.
    ///
    /// `namings` are those of the nodes.
    pub(super) fn find(
        list: &LinkedList,
        mut namings: Vec<Naming>,
        nodes: impl Iterator<Item = Option<&'a Token>>,
        neighbours: impl Iterator<Item = &'a Token>,
    ) -> Self {
        let mut names: HashMap<(Naming, &Value), NameNumber> = HashMap::new();
        let mut number = |token: &'a Token, identity| {
            let next = names.len();
            *names.entry((naming(token), identity)).or_insert(next)
        };
        let name_of_node = nodes.map(|token| token.and_then(|token| Some(number(token, identity(token)?))));
        let name_of_node = name_of_node.map(Option::unwrap_or_default).collect();
        let mut name_of_neighbour = HashMap::new();
        for token in neighbours {
            let Some(identity) = identity(token) else { continue };
            insert_new(&mut namings, naming(token));
            name_of_neighbour.insert(token, number(token, identity));
        }
        let mut positions = Self {
            index: vec![None; names.len()],
            is_shared: vec![false; names.len()],
            name_of_node,
            name_of_neighbour,
            names,
            namings,
        };
        for (at, value) in list.values.iter().enumerate() {
            positions.add_initial(at, value.as_ref());
        }
        positions
    }

    /// Enters an element of the initial list; these come in list order.
    fn add_initial(&mut self, at: usize, value: Option<&Value>) {
        for which in 0..self.namings.len() {
            if let Some(name) = self.name_of(self.namings[which], value) {
                match self.index[name] {
                    Some(_) => self.is_shared[name] = true,
                    None => self.index[name] = Some(at),
                }
            }
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

    /// Returns the name that `naming` gives the element, if an operation uses that name.
    fn name_of(&self, naming: Naming, element: Option<&Value>) -> Option<NameNumber> {
        self.names.get(&(naming, named_part(naming, element?)?)).copied()
    }

    /// Enters the element at `at` after it was added, moved or replaced.
    pub(super) fn add(&mut self, list: &LinkedList, at: usize) {
        for (naming, name) in self.names_of(list, at) {
            self.is_shared[name] |= self.index[name].is_some_and(|first| first != at);
            self.index[name] = if self.is_shared[name] {
                list.find(|at| self.name_of(naming, list.values[at].as_ref()) == Some(name))
            } else {
                Some(at)
            };
        }
    }

    /// Removes the element at `at` before it is removed or replaced.
    pub(super) fn remove(&mut self, list: &LinkedList, at: usize) {
        for (naming, name) in self.names_of(list, at) {
            self.index[name] = if self.is_shared[name] {
                list.find(|other| other != at && self.name_of(naming, list.values[other].as_ref()) == Some(name))
            } else {
                None
            };
        }
    }

    /// Returns the names of the element at `at` that operations use.
    fn names_of(&self, list: &LinkedList, at: usize) -> Vec<(Naming, NameNumber)> {
        let named = |naming: &Naming| Some((*naming, self.name_of(*naming, list.values[at].as_ref())?));
        self.namings.iter().filter_map(named).collect()
    }
}

pub(super) fn insert_new<T: PartialEq>(into: &mut Vec<T>, new: T) {
    if !into.contains(&new) {
        into.push(new);
    }
}
