//! Finding the elements of a list by the names that operations use.

use super::linked_list::LinkedList;
use crate::algebra::name_form::NameForm;
use crate::algebra::patch::Position;
use crate::algebra::path::Token;
use crate::json::Value;
use std::collections::HashMap;

/// The number of a name in [`Positions`].
type NameNumber = usize;

/// The current indices in a [`LinkedList`] of the elements that operations name.
pub(super) struct Positions<'a> {
    /// By name: the elements that have it.
    bearers: Vec<Bearers>,
    /// By node of the plan: the name of its element, and the number of elements with this name before it.
    name_of_node: Vec<(NameNumber, usize)>,
    name_of_neighbour: HashMap<&'a Token, (NameNumber, usize)>,
    names: HashMap<(NameForm, &'a Value), NameNumber>,
    /// The forms of these names.
    forms: Vec<NameForm>,
}

/// The indices of the elements that have one name, in list order.
#[derive(Clone)]
pub(super) enum Bearers {
    None,
    One(usize),
    Several(Vec<usize>),
}

impl Bearers {
    pub(super) fn as_slice(&self) -> &[usize] {
        match self {
            Self::None => &[],
            Self::One(at) => std::slice::from_ref(at),
            Self::Several(all) => all,
        }
    }

    fn add(&mut self, list: &mut LinkedList, at: usize) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::One(at),
            Self::One(other) if other == at => Self::One(at),
            Self::One(other) => {
                let mut both = vec![other];
                both.insert(list.rank(&both, at), at);
                Self::Several(both)
            }
            Self::Several(mut all) => {
                let rank = list.rank(&all, at);
                if all.get(rank) != Some(&at) {
                    all.insert(rank, at);
                }
                Self::Several(all)
            }
        };
    }

    fn remove(&mut self, list: &mut LinkedList, at: usize) {
        match self {
            Self::None => {}
            Self::One(_) => *self = Self::None,
            Self::Several(all) => {
                let rank = list.rank(all, at);
                if all.get(rank) == Some(&at) {
                    all.remove(rank);
                }
            }
        }
    }
}

/// Returns the name that `token` gives an element: its form, the name, and the number of elements with the name before
/// it.
fn name(token: &Token) -> Option<(NameForm, &Value, usize)> {
    let form = NameForm::of(token)?;
    match token {
        Token::Member(_) => None,
        Token::Element(_, name, nth) | Token::Value(name, nth) => {
            Some((form, name, usize::try_from(*nth).unwrap_or(usize::MAX)))
        }
    }
}

impl<'a> Positions<'a> {
    /// Finds in `list` the elements that `nodes` and `neighbours` name, in one pass.
    pub(super) fn find(
        list: &LinkedList,
        nodes: impl Iterator<Item = Option<&'a Token>>,
        neighbours: impl Iterator<Item = &'a Token>,
    ) -> Self {
        let mut positions = Self {
            bearers: Vec::new(),
            name_of_node: Vec::new(),
            name_of_neighbour: HashMap::new(),
            names: HashMap::new(),
            forms: Vec::new(),
        };
        for token in nodes {
            let name = token.and_then(|token| positions.number(token));
            positions.name_of_node.push(name.unwrap_or_default());
        }
        for token in neighbours {
            if let Some(name) = positions.number(token) {
                positions.name_of_neighbour.insert(token, name);
            }
        }
        for (at, value) in list.values.iter().enumerate() {
            for which in 0..positions.forms.len() {
                if let Some(name) = positions.name_of(positions.forms[which], value.as_ref()) {
                    match &mut positions.bearers[name] {
                        Bearers::Several(all) => all.push(at),
                        Bearers::One(first) => positions.bearers[name] = Bearers::Several(vec![*first, at]),
                        bearers @ Bearers::None => *bearers = Bearers::One(at),
                    }
                }
            }
        }
        positions
    }

    fn number(&mut self, token: &'a Token) -> Option<(NameNumber, usize)> {
        let (form, name, nth) = name(token)?;
        insert_new(&mut self.forms, form);
        let next = self.names.len();
        let number = *self.names.entry((form, name)).or_insert(next);
        if number == next {
            self.bearers.push(Bearers::None);
        }
        Some((number, nth))
    }

    /// Returns the index of the element that the node names, if it is in the list.
    pub(super) fn of_node(&self, node: usize) -> Option<usize> {
        let (name, nth) = self.name_of_node[node];
        self.bearers[name].as_slice().get(nth).copied()
    }

    /// Returns the elements that have the name of the node's element, whatever their numbers.
    pub(super) fn bearers_of_node(&self, node: usize) -> &Bearers {
        &self.bearers[self.name_of_node[node].0]
    }

    /// Returns the index behind which `position` puts an element, or `None` if its neighbour is not in the list.
    pub(super) fn predecessor(&self, position: &Position) -> Option<usize> {
        match position {
            Position::Front => Some(LinkedList::FRONT),
            Position::After(token) => {
                let (name, nth) = self.name_of_neighbour.get(token)?;
                self.bearers[*name].as_slice().get(*nth).copied()
            }
        }
    }

    /// Returns the name of this form that the element has, if an operation uses that name.
    fn name_of(&self, form: NameForm, element: Option<&Value>) -> Option<NameNumber> {
        self.names.get(&(form, form.name(element?)?)).copied()
    }

    /// Enters the element at `at` after it was added, moved or replaced.
    pub(super) fn add(&mut self, list: &mut LinkedList, at: usize) {
        for name in self.names_of(list, at) {
            self.bearers[name].add(list, at);
        }
    }

    /// Removes the element at `at` before it is removed, moved or replaced.
    pub(super) fn remove(&mut self, list: &mut LinkedList, at: usize) {
        for name in self.names_of(list, at) {
            self.bearers[name].remove(list, at);
        }
    }

    /// Returns the names of the element at `at` that operations use.
    fn names_of(&self, list: &LinkedList, at: usize) -> Vec<NameNumber> {
        let name = |form: &NameForm| self.name_of(*form, list.values[at].as_ref());
        self.forms.iter().filter_map(name).collect()
    }
}

pub(super) fn insert_new<T: PartialEq>(into: &mut Vec<T>, new: T) {
    if !into.contains(&new) {
        into.push(new);
    }
}
