//! Applying operations to a document.
//!
//! Operations are gathered into a tree by their paths as long as none touches what another did, and the
//! tree is then run over the document once: time is linear in the operations and the elements of the
//! lists they touch, not in their product.

use super::patch::{Op, Place};
use super::path::{IdentityField, Token};
use crate::json::{Object, Value};
use std::collections::{BTreeMap, HashMap};

/// Hears of each value that an operation alters, before and after.
pub(crate) trait Observer {
    /// The operation numbered `op` makes `after` of `before` at `path`; either may be absent.
    fn altered(&mut self, path: &[&Token], op: usize, before: Option<&Value>, after: Option<&Value>);

    /// The operation numbered `op` brings the elements of the list at `path` into another order.
    fn reordered(&mut self, path: &[&Token], op: usize);
}

struct Unobserved;

impl Observer for Unobserved {
    fn altered(&mut self, _: &[&Token], _: usize, _: Option<&Value>, _: Option<&Value>) {}

    fn reordered(&mut self, _: &[&Token], _: usize) {}
}

/// Applies `ops` to `document`, in order (design section 4).
///
/// Total: missing parents are made, an `after` that is not there means the end, and an operation whose
/// path runs into a value of another kind replaces it (`set`) or does nothing (`delete`, `move`).
pub fn apply<'a>(document: &mut Value, ops: impl IntoIterator<Item = &'a Op>) {
    apply_observed(document, ops, &mut Unobserved);
}

/// [`apply`], telling `observer` what it alters.
pub(crate) fn apply_observed<'a>(
    document: &mut Value,
    ops: impl IntoIterator<Item = &'a Op>,
    observer: &mut impl Observer,
) {
    let mut batch = Batch::default();
    for (number, op) in ops.into_iter().enumerate() {
        if !batch.takes(op) {
            std::mem::take(&mut batch).run(document, observer);
        }
        batch.add(number, op);
    }
    batch.run(document, observer);
}

/// Operations none of which touches what another did.
#[derive(Default)]
struct Batch<'a> {
    root: Node<'a>,
    len: usize,
    /// No operation may follow: the last one named its neighbour by another field than itself.
    closed: bool,
}

/// What happens at one place and below it: below it are members or elements, never both.
#[derive(Default)]
struct Node<'a> {
    /// The last token of this place's path; the root has none.
    token: Option<&'a Token>,
    /// The `set` or `delete` of this place.
    write: Option<(usize, &'a Op)>,
    /// The `move` that names this element.
    moved: Option<usize>,
    /// The first `set` at this place or below.
    first_set: Option<usize>,
    members: BTreeMap<&'a str, Node<'a>>,
    elements: Option<Elements<'a>>,
}

/// What happens to the elements of one list.
struct Elements<'a> {
    /// How the operations name elements.
    naming: Naming,
    nodes: Vec<Node<'a>>,
    /// The number in `nodes` of each element that an operation's path names.
    numbers: HashMap<&'a Token, usize>,
    /// What may add, remove or move elements, in the order of the operations.
    events: Vec<Event<'a>>,
}

/// What an operation does to the list; the number is the element's in [`Elements::nodes`].
enum Event<'a> {
    /// Set the element: where it is not there, add it at the place, or at the end without one.
    Set(usize, &'a Value, Option<&'a Place>),
    /// Delete the element.
    Delete(usize),
    /// Move the element.
    Move(usize, &'a Place),
    /// Set something inside the element: where it is not there, add it at the end.
    Inside(usize),
}

/// By which member a token names an element; `None` for its whole value.
type Naming = Option<IdentityField>;

fn naming(token: &Token) -> Naming {
    match token {
        Token::Element(field, _) => Some(*field),
        Token::Member(_) | Token::Value(_) => None,
    }
}

/// What a token compares with the part of an element that [`named_part`] gives.
fn identity(token: &Token) -> Option<&Value> {
    match token {
        Token::Member(_) => None,
        Token::Element(_, identity) | Token::Value(identity) => Some(identity),
    }
}

fn named_part(naming: Naming, element: &Value) -> Option<&Value> {
    match naming {
        Some(field) => element.as_object()?.get(field.as_str()),
        None => Some(element),
    }
}

const fn after_of(op: &Op) -> Option<&Place> {
    match op {
        Op::Set { after, .. } => after.as_ref(),
        Op::Move { after, .. } => Some(after),
        Op::Delete { .. } => None,
    }
}

/// True where `op` names its neighbour otherwise than itself.
fn mixes_namings(op: &Op) -> bool {
    match (op.path().tokens().last(), after_of(op)) {
        (Some(own), Some(Place::After(neighbour))) => naming(own) != naming(neighbour),
        _ => false,
    }
}

impl<'a> Batch<'a> {
    /// True where `op` touches nothing that an operation of the batch did.
    fn takes(&self, op: &Op) -> bool {
        if self.len == 0 {
            return true;
        }
        if self.closed || mixes_namings(op) {
            return false;
        }
        let mut node = &self.root;
        for token in op.path().tokens() {
            if node.write.is_some() {
                return false;
            }
            let next = match (token, &node.elements) {
                (Token::Member(name), None) => node.members.get(&**name),
                (Token::Member(_), Some(_)) => return false,
                (_, Some(elements)) if elements.naming == naming(token) => elements.get(token),
                (_, Some(_)) => return false,
                (_, None) if node.members.is_empty() => None,
                (_, None) => return false,
            };
            match next {
                Some(next) => node = next,
                None => return true,
            }
        }
        let is_move = matches!(op, Op::Move { .. });
        node.write.is_none() && node.moved.is_none() && (is_move || node.is_leaf())
    }

    fn add(&mut self, number: usize, op: &'a Op) {
        self.len += 1;
        self.closed = mixes_namings(op);
        let is_set = matches!(op, Op::Set { .. });
        let tokens = op.path().tokens();
        let mut node = &mut self.root;
        for (at, token) in tokens.iter().enumerate() {
            if is_set {
                node.first_set.get_or_insert(number);
            }
            node = match token {
                Token::Member(name) => node.members.entry(name).or_default(),
                Token::Element(..) | Token::Value(_) => {
                    let elements = node.elements.get_or_insert_with(|| Elements::named_by(naming(token)));
                    elements.plan(token, op, at + 1 == tokens.len())
                }
            };
            node.token = Some(token);
        }
        match op {
            Op::Move { .. } => node.moved = Some(number),
            Op::Set { .. } | Op::Delete { .. } => node.write = Some((number, op)),
        }
        if is_set {
            node.first_set.get_or_insert(number);
        }
    }

    fn run(self, document: &mut Value, observer: &mut impl Observer) {
        let mut path = Vec::new();
        if let Some((number, Op::Set { value, .. })) = self.root.write {
            observer.altered(&path, number, Some(document), Some(value));
            *document = value.clone();
        }
        self.root.run(document, &mut path, observer);
    }
}

impl<'a> Node<'a> {
    fn is_leaf(&self) -> bool {
        self.members.is_empty() && self.elements.is_none()
    }

    /// Runs what is below this place on the value that stands here.
    fn run(self, value: &mut Value, path: &mut Vec<&'a Token>, observer: &mut impl Observer) {
        let fits = match value {
            Value::Object(_) => self.elements.is_none(),
            Value::List(_) => self.members.is_empty(),
            _ => self.is_leaf(),
        };
        if !fits {
            let Some(first_set) = self.first_set else { return };
            let fresh = if self.elements.is_some() {
                Value::List(Vec::new())
            } else {
                Value::empty_object()
            };
            observer.altered(path, first_set, Some(value), Some(&fresh));
            *value = fresh;
        }
        match (value, self.elements) {
            (Value::Object(members), None) => {
                for (name, node) in self.members {
                    node.run_member(members, name, path, observer);
                }
            }
            (Value::List(list), Some(elements)) => elements.run(list, path, observer),
            _ => {}
        }
    }
}

impl<'a> Node<'a> {
    fn run_member(self, members: &mut Object, name: &str, path: &mut Vec<&'a Token>, observer: &mut impl Observer) {
        path.extend(self.token);
        match self.write {
            Some((number, Op::Set { value, .. })) => {
                observer.altered(path, number, members.get(name), Some(value));
                members.insert(name.into(), value.clone());
            }
            Some((number, _)) => {
                if let Some(before) = members.remove(name) {
                    observer.altered(path, number, Some(&before), None);
                }
            }
            None => match members.get_mut(name) {
                Some(value) => self.run(value, path, observer),
                None if self.first_set.is_some() => {
                    let mut value = if self.elements.is_some() {
                        Value::List(Vec::new())
                    } else {
                        Value::empty_object()
                    };
                    self.run(&mut value, path, observer);
                    members.insert(name.into(), value);
                }
                None => {}
            },
        }
        path.pop();
    }
}

impl<'a> Elements<'a> {
    fn named_by(naming: Naming) -> Self {
        Self {
            naming,
            nodes: Vec::new(),
            numbers: HashMap::new(),
            events: Vec::new(),
        }
    }

    fn get(&self, token: &Token) -> Option<&Node<'a>> {
        self.numbers.get(token).map(|number| &self.nodes[*number])
    }

    /// Plans what `op` does to the element that `token` names: it is the operation's own where `token` is
    /// its path's last.
    fn plan(&mut self, token: &'a Token, op: &'a Op, is_own: bool) -> &mut Node<'a> {
        let number = *self.numbers.entry(token).or_insert_with(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        match op {
            Op::Set { value, after, .. } if is_own => self.events.push(Event::Set(number, value, after.as_ref())),
            Op::Delete { .. } if is_own => self.events.push(Event::Delete(number)),
            Op::Move { after, .. } if is_own => self.events.push(Event::Move(number, after)),
            Op::Set { .. } if self.nodes[number].first_set.is_none() => self.events.push(Event::Inside(number)),
            _ => {}
        }
        &mut self.nodes[number]
    }

    fn run(self, list: &mut Vec<Value>, path: &mut Vec<&'a Token>, observer: &mut impl Observer) {
        let mut line = Line::of(std::mem::take(list));
        let mut places = self.find_in(&line);
        for event in &self.events {
            match *event {
                Event::Set(number, value, after) => {
                    let (node, at) = (&self.nodes[number], places.at[number]);
                    let before = at.and_then(|at| line.values[at].as_ref());
                    path.extend(node.token);
                    observer.altered(path, node.first_set.unwrap_or_default(), before, Some(value));
                    path.pop();
                    match at {
                        Some(at) => line.values[at] = Some(value.clone()),
                        None => {
                            let behind = after
                                .and_then(|after| places.find(after))
                                .unwrap_or_else(|| line.last());
                            places.put(number, Some(line.insert(value.clone(), behind)));
                        }
                    }
                }
                Event::Delete(number) => {
                    if let Some(at) = places.at[number] {
                        let (node, before) = (&self.nodes[number], line.remove(at));
                        path.extend(node.token);
                        observer.altered(path, node.write.map_or(0, |write| write.0), before.as_ref(), None);
                        path.pop();
                        places.put(number, None);
                    }
                }
                Event::Move(number, after) => {
                    if let Some(at) = places.at[number] {
                        let (was_behind, element) = (line.previous[at], line.remove(at));
                        places.put(number, None);
                        let behind = places.find(after).unwrap_or_else(|| line.last());
                        if behind != was_behind {
                            observer.reordered(path, self.nodes[number].moved.unwrap_or_default());
                        }
                        places.put(number, element.map(|element| line.insert(element, behind)));
                    }
                }
                Event::Inside(number) => {
                    if places.at[number].is_none()
                        && let Some(token) = self.nodes[number].token
                    {
                        places.put(number, Some(line.insert(token.new_element(), line.last())));
                    }
                }
            }
        }
        for (node, at) in self.nodes.into_iter().zip(places.at) {
            if let Some(element) = at.and_then(|at| line.values[at].as_mut())
                && !node.is_leaf()
            {
                path.extend(node.token);
                node.run(element, path, observer);
                path.pop();
            }
        }
        *list = line.into_values();
    }

    /// Where the elements stand that the operations name, as the one to act on or as a neighbour: the
    /// first that bears the name.
    fn find_in(&self, line: &Line) -> Places<'a> {
        let mut names: HashMap<(Naming, &Value), usize> = HashMap::new();
        let mut namings = vec![self.naming];
        for (number, node) in self.nodes.iter().enumerate() {
            if let Some(identity) = node.token.and_then(identity) {
                names.insert((self.naming, identity), number);
            }
        }
        let mut neighbours = HashMap::new();
        let mut count = self.nodes.len();
        for event in &self.events {
            let (Event::Set(_, _, Some(Place::After(token))) | Event::Move(_, Place::After(token))) = *event else {
                continue;
            };
            let Some(identity) = identity(token) else { continue };
            if !namings.contains(&naming(token)) {
                namings.push(naming(token));
            }
            let number = *names.entry((naming(token), identity)).or_insert_with(|| {
                count += 1;
                count - 1
            });
            neighbours.insert(token, number);
        }
        let mut at = vec![None; count];
        for (index, value) in line.values.iter().enumerate() {
            for naming in &namings {
                let part = value.as_ref().and_then(|value| named_part(*naming, value));
                if let Some(number) = part.and_then(|part| names.get(&(*naming, part))) {
                    at[*number].get_or_insert(index);
                }
            }
        }
        Places { at, neighbours }
    }
}

/// Where the named elements stand in a [`Line`].
struct Places<'a> {
    at: Vec<Option<usize>>,
    neighbours: HashMap<&'a Token, usize>,
}

impl Places<'_> {
    fn put(&mut self, number: usize, at: Option<usize>) {
        self.at[number] = at;
    }

    /// What a new neighbour stands right behind; `None` where the place is not there.
    fn find(&self, place: &Place) -> Option<usize> {
        match place {
            Place::Front => Some(Line::FRONT),
            Place::After(token) => self.at[*self.neighbours.get(token)?],
        }
    }
}

/// A list whose elements are linked to their neighbours, so that one is added or taken out in no time.
///
/// Number 0 is the front: it stands before the first element and behind the last.
struct Line {
    values: Vec<Option<Value>>,
    next: Vec<usize>,
    previous: Vec<usize>,
}

impl Line {
    const FRONT: usize = 0;

    fn of(list: Vec<Value>) -> Self {
        let len = list.len();
        Self {
            values: std::iter::once(None).chain(list.into_iter().map(Some)).collect(),
            next: (1..=len).chain([0]).collect(),
            previous: std::iter::once(len).chain(0..len).collect(),
        }
    }

    fn last(&self) -> usize {
        self.previous[Self::FRONT]
    }

    fn insert(&mut self, value: Value, behind: usize) -> usize {
        let (at, next) = (self.values.len(), self.next[behind]);
        self.values.push(Some(value));
        self.next.push(next);
        self.previous.push(behind);
        self.next[behind] = at;
        self.previous[next] = at;
        at
    }

    fn remove(&mut self, at: usize) -> Option<Value> {
        let (previous, next) = (self.previous[at], self.next[at]);
        self.next[previous] = next;
        self.previous[next] = previous;
        self.values[at].take()
    }

    fn into_values(mut self) -> Vec<Value> {
        let mut values = Vec::with_capacity(self.values.len());
        let mut at = self.next[Self::FRONT];
        while at != Self::FRONT {
            values.extend(self.values[at].take());
            at = self.next[at];
        }
        values
    }
}
