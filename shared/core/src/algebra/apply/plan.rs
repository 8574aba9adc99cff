//! Operations gathered into a tree by their paths.

use super::naming::{Naming, naming};
use super::positions::insert_new;
use crate::algebra::patch::{Op, Position};
use crate::algebra::path::{IdentityField, Token};
use crate::json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The operations at one path and below it. Below it are either members or elements, never both.
#[derive(Default)]
pub(super) struct Node<'a> {
    /// The last token of the path; `None` for the root.
    pub(super) token: Option<&'a Token>,
    /// The `set` or `delete` of this path, with its number.
    pub(super) write: Option<(usize, &'a Op)>,
    /// The number of the `move` of this element.
    pub(super) moved_by: Option<usize>,
    /// The number of the first `set` at this path or below it.
    pub(super) first_set: Option<usize>,
    pub(super) members: BTreeMap<&'a str, Node<'a>>,
    pub(super) elements: Option<ListPlan<'a>>,
}

/// The operations on the elements of one list.
#[derive(Default)]
pub(super) struct ListPlan<'a> {
    /// How the paths name elements. Once a path goes inside an element, all of them must do so in the same way.
    pub(super) namings: Vec<Naming>,
    /// How positions name neighbours.
    neighbour_namings: Vec<Naming>,
    /// Whether a path goes inside an element.
    goes_inside: bool,
    /// The identity fields that operations inside elements may change.
    touched_fields: Vec<IdentityField>,
    pub(super) nodes: Vec<Node<'a>>,
    /// The index in `nodes` of each element that a path names, until the element is moved.
    node_of: HashMap<&'a Token, usize>,
    /// The elements that were moved.
    moved: HashSet<&'a Token>,
    /// The effects on the list, in the order of the operations.
    pub(super) steps: Vec<Step<'a>>,
}

/// The effect of one operation on a list. The number is the index of the element's node in [`ListPlan::nodes`].
pub(super) enum Step<'a> {
    /// Replace the element, or add it in this position (by default at the end).
    Set(usize, &'a Value, Option<&'a Position>),
    /// Remove the element.
    Delete(usize),
    /// Move the element.
    Move(usize, &'a Position),
    /// Change a value inside the element. If the element is absent and the operation is a `set` (true), add it at the
    /// end first.
    Inside(usize, bool),
}

impl<'a> Node<'a> {
    /// Tells whether nothing is planned below this path.
    pub(super) fn is_leaf(&self) -> bool {
        self.members.is_empty() && self.elements.is_none()
    }

    /// Tells whether `op` touches nothing that an operation of this tree, whose root this is, has touched.
    pub(super) fn accepts(&self, op: &Op) -> bool {
        let mut node = self;
        let mut tokens = op.path().tokens();
        while let [token, inside @ ..] = tokens {
            tokens = inside;
            if node.write.is_some() {
                return false;
            }
            let next = match (token, &node.elements) {
                (Token::Member(name), None) => node.members.get(&**name),
                (Token::Member(_), Some(_)) => return false,
                (_, Some(elements)) if elements.accepts(token, inside, op) => elements.node(token),
                (_, Some(_) | None) => return false,
            };
            match next {
                Some(next) => node = next,
                None => return true,
            }
        }
        let is_move = matches!(op, Op::Move { .. });
        // A member may be written again, since only its last value counts: many patches edit the same few members.
        let is_member = matches!(op.path().tokens().last(), Some(Token::Member(_)));
        (node.write.is_none() || is_member) && node.moved_by.is_none() && (is_move || node.is_leaf())
    }

    /// Adds the operation with this number to the tree whose root this is.
    pub(super) fn add(&mut self, number: usize, op: &'a Op) {
        let is_set = matches!(op, Op::Set { .. });
        let tokens = op.path().tokens();
        let mut node = self;
        for (at, token) in tokens.iter().enumerate() {
            let inside = &tokens[at + 1..];
            if is_set {
                node.first_set.get_or_insert(number);
            }
            node = match token {
                Token::Member(name) => node.members.entry(name).or_default(),
                Token::Element(..) | Token::Value(_) => {
                    let elements = node.elements.get_or_insert_with(ListPlan::default);
                    elements.add(token, inside, op)
                }
            };
            node.token = Some(token);
        }
        match op {
            Op::Move { .. } => node.moved_by = Some(number),
            Op::Set { .. } | Op::Delete { .. } => node.write = Some((number, op)),
        }
        if is_set {
            node.first_set.get_or_insert(number);
        }
    }
}

impl<'a> ListPlan<'a> {
    /// Tells whether `op`, whose path goes on to `inside` after the element that `token` names, can run together with
    /// the operations planned so far.
    ///
    /// Operations on whole elements run in their order, and element names stay current between them. Operations inside
    /// elements run after all of these. So once a path has gone inside an element, no path may name elements by another
    /// field, and no position may name a neighbour by a field that an operation inside an element may have changed.
    fn accepts(&self, token: &Token, inside: &[Token], op: &Op) -> bool {
        let own = naming(token);
        if let [next, ..] = inside {
            let is_stable =
                |neighbour: &Naming| *neighbour == own || neighbour.is_some_and(|field| !touches(next, field));
            return self.namings == [own] && self.neighbour_namings.iter().all(is_stable);
        }
        if !self.goes_inside {
            return true;
        }
        // A moved element's node cannot be found by its token any more. Operations inside that node would run after this one,
        // although they come before it.
        if self.moved.contains(token) && !matches!(op, Op::Move { .. }) {
            return false;
        }
        let is_stable = |neighbour: Naming| {
            neighbour == own || neighbour.is_some_and(|field| !self.touched_fields.contains(&field))
        };
        self.namings == [own] && neighbour_naming(op).is_none_or(is_stable)
    }

    fn node(&self, token: &Token) -> Option<&Node<'a>> {
        self.node_of.get(token).map(|number| &self.nodes[*number])
    }

    /// Adds `op`, whose path goes on to `inside` after the element that `token` names, and returns the element's node.
    fn add(&mut self, token: &'a Token, inside: &[Token], op: &'a Op) -> &mut Node<'a> {
        insert_new(&mut self.namings, naming(token));
        match inside {
            [] => neighbour_naming(op)
                .into_iter()
                .for_each(|neighbour| insert_new(&mut self.neighbour_namings, neighbour)),
            [next, ..] => {
                self.goes_inside = true;
                let touched = IdentityField::ALL.into_iter().filter(|field| touches(next, *field));
                touched.for_each(|field| insert_new(&mut self.touched_fields, field));
            }
        }
        let number = *self.node_of.entry(token).or_insert_with(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        let is_whole = inside.is_empty();
        self.steps.push(match op {
            Op::Set { value, after, .. } if is_whole => Step::Set(number, value, after.as_ref()),
            Op::Delete { .. } if is_whole => Step::Delete(number),
            Op::Move { after, .. } if is_whole => {
                // If several elements have this name, the move may make another one the first that has it.
                self.node_of.remove(token);
                self.moved.insert(token);
                Step::Move(number, after)
            }
            Op::Set { .. } => Step::Inside(number, true),
            Op::Delete { .. } | Op::Move { .. } => Step::Inside(number, false),
        });
        &mut self.nodes[number]
    }

    /// Returns the tokens by which positions name neighbours.
    pub(super) fn neighbours(&self) -> impl Iterator<Item = &'a Token> {
        self.steps.iter().filter_map(|step| match *step {
            Step::Set(_, _, Some(Position::After(token))) | Step::Move(_, Position::After(token)) => Some(token),
            _ => None,
        })
    }
}

/// Returns how `op` names the neighbour of its element, if it names one.
fn neighbour_naming(op: &Op) -> Option<Naming> {
    let position = match op {
        Op::Set { after, .. } => after.as_ref()?,
        Op::Move { after, .. } => after,
        Op::Delete { .. } => return None,
    };
    match position {
        Position::After(neighbour) => Some(naming(neighbour)),
        Position::Front => None,
    }
}

/// Tells whether an operation inside an element whose path goes on with `next` may change its `field`.
fn touches(next: &Token, field: IdentityField) -> bool {
    matches!(next, Token::Member(name) if **name == *field.as_str())
}
