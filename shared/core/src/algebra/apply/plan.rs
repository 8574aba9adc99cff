//! Operations gathered into a tree by their paths.

use super::positions::insert_new;
use crate::algebra::name_form::NameForm;
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
    /// The forms of the names that paths give to elements.
    forms: Vec<NameForm>,
    /// The forms of the names that positions give to neighbours.
    neighbour_forms: Vec<NameForm>,
    /// The form of the names in paths that go inside an element: all of them have the same.
    inside_form: Option<NameForm>,
    /// The identity fields that operations inside elements may change.
    touched_fields: Vec<IdentityField>,
    pub(super) nodes: Vec<Node<'a>>,
    /// The index in `nodes` of each element that a path names, until the element is moved.
    node_of: HashMap<&'a Token, usize>,
    /// The elements that were moved.
    moved: HashSet<&'a Token>,
    /// What was done to elements with one name. It is known only if the first path names an element that is not the
    /// first with its name; otherwise no path does.
    namesakes: Option<HashMap<(NameForm, &'a Value), Namesakes>>,
    /// The effects on the list, in the order of the operations.
    pub(super) steps: Vec<Step<'a>>,
}

/// What was done to the elements with one name.
#[derive(Clone, Copy, Default)]
struct Namesakes {
    /// Whether a whole element was set, deleted or moved.
    has_whole: bool,
    /// Whether a path goes inside an element.
    has_inside: bool,
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
                Token::Element(..) | Token::Value(..) => {
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
    /// elements run after all of these. So once a path has gone inside an element, no path may give that element a name
    /// of another form, and no position may name a neighbour by a field that an operation inside an element may have
    /// changed.
    fn accepts(&self, token: &Token, inside: &[Token], op: &Op) -> bool {
        if !self.accepts_number(token, inside, op) {
            return false;
        }
        let Some(own) = NameForm::of(token) else {
            return false;
        };
        let is_apart = |form: NameForm, inside: NameForm| form == inside || !form.may_share_element(inside);
        if let [next, ..] = inside {
            let is_stable = |neighbour: &NameForm| {
                is_apart(*neighbour, own)
                    || matches!(neighbour, NameForm::Identity(field) if !touches(next, *field))
            };
            return self.inside_form.is_none_or(|form| form == own)
                && self.forms.iter().all(|form| is_apart(*form, own))
                && self.neighbour_forms.iter().all(is_stable);
        }
        let Some(inside_form) = self.inside_form else {
            return true;
        };
        // A moved element's node cannot be found by its token any more. Operations inside that node would run after this one,
        // although they come before it.
        if self.moved.contains(token) && !matches!(op, Op::Move { .. }) {
            return false;
        }
        let is_stable = |neighbour: NameForm| {
            is_apart(neighbour, inside_form)
                || matches!(neighbour, NameForm::Identity(field) if !self.touched_fields.contains(&field))
        };
        is_apart(own, inside_form) && neighbour_form(op).is_none_or(is_stable)
    }

    /// Tells whether the elements with the name that `token` gives have the same numbers for `op` as when the operations
    /// inside them run.
    fn accepts_number(&self, token: &Token, inside: &[Token], op: &Op) -> bool {
        let Some(namesakes) = &self.namesakes else {
            return token.nth() == 0;
        };
        let done = name(token).and_then(|name| namesakes.get(&name)).copied();
        let done = done.unwrap_or_default();
        if inside.is_empty() {
            !done.has_inside || matches!(op, Op::Set { .. })
        } else {
            !done.has_whole
        }
    }

    fn node(&self, token: &Token) -> Option<&Node<'a>> {
        self.node_of.get(token).map(|number| &self.nodes[*number])
    }

    /// Adds `op`, whose path goes on to `inside` after the element that `token` names, and returns the element's node.
    fn add(&mut self, token: &'a Token, inside: &[Token], op: &'a Op) -> &mut Node<'a> {
        if let Some(form) = NameForm::of(token) {
            insert_new(&mut self.forms, form);
            match inside {
                [] => neighbour_form(op)
                    .into_iter()
                    .for_each(|neighbour| insert_new(&mut self.neighbour_forms, neighbour)),
                [next, ..] => {
                    self.inside_form = Some(form);
                    let touched = IdentityField::ALL.into_iter().filter(|field| touches(next, *field));
                    touched.for_each(|field| insert_new(&mut self.touched_fields, field));
                }
            }
        }
        if self.nodes.is_empty() && token.nth() > 0 {
            self.namesakes = Some(HashMap::new());
        }
        if let (Some(namesakes), Some(name)) = (&mut self.namesakes, name(token)) {
            let done = namesakes.entry(name).or_default();
            done.has_whole |= inside.is_empty();
            done.has_inside |= !inside.is_empty();
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

/// Returns the name that `token` gives an element, without the number.
fn name(token: &Token) -> Option<(NameForm, &Value)> {
    match token {
        Token::Member(_) => None,
        Token::Element(_, name, _) | Token::Value(name, _) => Some((NameForm::of(token)?, name)),
    }
}

/// Returns the form of the name that `op` gives the neighbour of its element, if it names one.
fn neighbour_form(op: &Op) -> Option<NameForm> {
    match op.after()? {
        Position::After(neighbour) => NameForm::of(neighbour),
        Position::Front => None,
    }
}

/// Tells whether an operation inside an element whose path goes on with `next` may change its `field`.
fn touches(next: &Token, field: IdentityField) -> bool {
    matches!(next, Token::Member(name) if **name == *field.as_str())
}
