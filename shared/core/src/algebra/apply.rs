//! Applying operations to a document.
//!
//! Operations are gathered into a tree by their paths as long as none touches what another did, and the
//! tree is then run over the document once: time is linear in the operations and the elements of the
//! lists they touch, not in their product.

use super::line::{Line, Naming, Places, identity, naming};
use super::patch::{Op, Place};
use super::path::{IdentityField, Token};
use crate::json::{Object, Value};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::iter::Peekable;

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
    let mut ops = ops.into_iter().enumerate().peekable();
    while let Some(batch) = Batch::of(&mut ops) {
        batch.run(document, observer);
    }
}

/// Operations none of which touches what another did.
#[derive(Default)]
struct Batch<'a> {
    root: Node<'a>,
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
#[derive(Default)]
struct Elements<'a> {
    /// How the operations' paths name elements: in one way where any goes inside an element.
    namings: Vec<Naming>,
    /// How the operations name neighbours.
    neighbours: Vec<Naming>,
    /// Whether any operation goes inside an element.
    goes_inside: bool,
    /// The identity fields that operations inside an element touch.
    touched: Vec<IdentityField>,
    nodes: Vec<Node<'a>>,
    /// The number in `nodes` of each element that an operation's path names: since it was moved, where it was.
    numbers: HashMap<&'a Token, usize>,
    /// The elements that were moved.
    moved: HashSet<&'a Token>,
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
    /// Do something inside the element: where it is not there and something is set, add it at the end.
    Inside(usize, bool),
}

const fn after_of(op: &Op) -> Option<&Place> {
    match op {
        Op::Set { after, .. } => after.as_ref(),
        Op::Move { after, .. } => Some(after),
        Op::Delete { .. } => None,
    }
}

/// How `op` names the neighbour that it gives an element.
fn neighbour_of(op: &Op) -> Option<Naming> {
    match after_of(op)? {
        Place::After(neighbour) => Some(naming(neighbour)),
        Place::Front => None,
    }
}

impl<'a> Batch<'a> {
    /// As many of the next operations as can be run at once, at least one; `None` where there are none.
    fn of(ops: &mut Peekable<impl Iterator<Item = (usize, &'a Op)>>) -> Option<Self> {
        let (number, first) = ops.next()?;
        let mut batch = Self::default();
        batch.add(number, first);
        while let Some((number, op)) = ops.next_if(|(_, op)| batch.takes(op)) {
            batch.add(number, op);
        }
        Some(batch)
    }

    /// True where `op` touches nothing that an operation of the batch did.
    fn takes(&self, op: &Op) -> bool {
        let mut node = &self.root;
        let mut tokens = op.path().tokens();
        while let [token, inside @ ..] = tokens {
            tokens = inside;
            if node.write.is_some() {
                return false;
            }
            let next = match (token, &node.elements) {
                (Token::Member(name), None) => node.members.get(&**name),
                (Token::Member(_), Some(_)) => return false,
                (_, Some(elements)) if elements.take(token, inside, op) => elements.get(token),
                (_, Some(_) | None) => return false,
            };
            match next {
                Some(next) => node = next,
                None => return true,
            }
        }
        let is_move = matches!(op, Op::Move { .. });
        // A member that is written again holds what it was written last: many changes are edits of the same few.
        let is_member = matches!(op.path().tokens().last(), Some(Token::Member(_)));
        (node.write.is_none() || is_member) && node.moved.is_none() && (is_move || node.is_leaf())
    }

    fn add(&mut self, number: usize, op: &'a Op) {
        let is_set = matches!(op, Op::Set { .. });
        let tokens = op.path().tokens();
        let mut node = &mut self.root;
        for (at, token) in tokens.iter().enumerate() {
            let inside = &tokens[at + 1..];
            if is_set {
                node.first_set.get_or_insert(number);
            }
            node = match token {
                Token::Member(name) => node.members.entry(name).or_default(),
                Token::Element(..) | Token::Value(_) => {
                    let elements = node.elements.get_or_insert_with(Elements::default);
                    elements.plan(token, inside, op)
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
    /// True where `op`, which goes on `inside` the element that `token` names, can be run with the others here.
    ///
    /// What is done to elements as wholes is run in order, and every name is kept up. What is done inside them is run
    /// last: so no operation may name by another field an element that one has been inside, nor a neighbour by a field
    /// that one inside has touched.
    fn take(&self, token: &Token, inside: &[Token], op: &Op) -> bool {
        let own = naming(token);
        if let [next, ..] = inside {
            let stays = |neighbour: &Naming| *neighbour == own || neighbour.is_some_and(|field| !touches(next, field));
            return self.namings == [own] && self.neighbours.iter().all(stays);
        }
        if !self.goes_inside {
            return true;
        }
        if self.moved.contains(token) && !matches!(op, Op::Move { .. }) {
            return false;
        }
        let stays =
            |neighbour: Naming| neighbour == own || neighbour.is_some_and(|field| !self.touched.contains(&field));
        self.namings == [own] && neighbour_of(op).is_none_or(stays)
    }

    fn get(&self, token: &Token) -> Option<&Node<'a>> {
        self.numbers.get(token).map(|number| &self.nodes[*number])
    }

    /// Plans what `op` does to the element that `token` names, or further `inside` it.
    fn plan(&mut self, token: &'a Token, inside: &[Token], op: &'a Op) -> &mut Node<'a> {
        let is_own = inside.is_empty();
        insert_new(&mut self.namings, naming(token));
        match inside {
            [] => neighbour_of(op)
                .into_iter()
                .for_each(|neighbour| insert_new(&mut self.neighbours, neighbour)),
            [next, ..] => {
                self.goes_inside = true;
                let touched = IdentityField::ALL.into_iter().filter(|field| touches(next, *field));
                touched.for_each(|field| insert_new(&mut self.touched, field));
            }
        }
        let number = *self.numbers.entry(token).or_insert_with(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        match op {
            Op::Set { value, after, .. } if is_own => self.events.push(Event::Set(number, value, after.as_ref())),
            Op::Delete { .. } if is_own => self.events.push(Event::Delete(number)),
            Op::Move { after, .. } if is_own => {
                self.events.push(Event::Move(number, after));
                // Another element may bear the name from now on.
                self.numbers.remove(token);
                self.moved.insert(token);
            }
            Op::Set { .. } => self.events.push(Event::Inside(number, true)),
            Op::Delete { .. } | Op::Move { .. } => self.events.push(Event::Inside(number, false)),
        }
        &mut self.nodes[number]
    }

    fn run(self, list: &mut Vec<Value>, path: &mut Vec<&'a Token>, observer: &mut impl Observer) {
        let mut line = Line::of(std::mem::take(list));
        let mut places = self.find_in(&line);
        let mut inside = vec![None; self.nodes.len()];
        for event in &self.events {
            match *event {
                Event::Set(number, value, after) => {
                    let (node, at) = (&self.nodes[number], places.of(number));
                    let before = at.and_then(|at| line.values[at].as_ref());
                    path.extend(node.token);
                    observer.altered(path, node.first_set.unwrap_or_default(), before, Some(value));
                    path.pop();
                    match at {
                        Some(at) => {
                            places.forget(&line, at);
                            line.values[at] = Some(value.clone());
                            places.learn(&line, at);
                        }
                        None => {
                            let behind = after
                                .and_then(|after| places.find(after))
                                .unwrap_or_else(|| line.last());
                            let at = line.insert(value.clone(), behind);
                            places.learn(&line, at);
                        }
                    }
                }
                Event::Delete(number) => {
                    if let Some(at) = places.of(number) {
                        places.forget(&line, at);
                        let (node, before) = (&self.nodes[number], line.remove(at));
                        path.extend(node.token);
                        observer.altered(path, node.write.map_or(0, |write| write.0), before.as_ref(), None);
                        path.pop();
                    }
                }
                Event::Move(number, after) => {
                    if let Some(at) = places.of(number) {
                        let was_behind = line.previous[at];
                        line.unlink(at);
                        // Behind itself, by whatever name, is behind one that is not there.
                        let found = places.find(after).filter(|behind| *behind != at);
                        let behind = found.unwrap_or_else(|| line.last());
                        if behind != was_behind {
                            observer.reordered(path, self.nodes[number].moved.unwrap_or_default());
                        }
                        line.link(at, behind);
                        places.learn(&line, at);
                    }
                }
                Event::Inside(number, sets) => {
                    if places.of(number).is_none()
                        && let Some(token) = self.nodes[number].token.filter(|_| sets)
                    {
                        let at = line.insert(token.new_element(), line.last());
                        places.learn(&line, at);
                    }
                    inside[number] = places.of(number);
                }
            }
        }
        for (node, at) in self.nodes.into_iter().zip(inside) {
            if let Some(element) = at.and_then(|at| line.values[at].as_mut()) {
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
        let mut namings = self.namings.clone();
        let mut number = |token: &'a Token, identity| {
            let next = names.len();
            *names.entry((naming(token), identity)).or_insert(next)
        };
        let tokens = self.nodes.iter().map(|node| node.token);
        let numbers = tokens.map(|token| token.and_then(|token| Some(number(token, identity(token)?))));
        let numbers = numbers.map(Option::unwrap_or_default).collect();
        let mut neighbours = HashMap::new();
        for event in &self.events {
            let (Event::Set(_, _, Some(Place::After(token))) | Event::Move(_, Place::After(token))) = *event else {
                continue;
            };
            let Some(identity) = identity(token) else { continue };
            insert_new(&mut namings, naming(token));
            neighbours.insert(token, number(token, identity));
        }
        let mut places = Places {
            at: vec![None; names.len()],
            several: vec![false; names.len()],
            numbers,
            neighbours,
            names,
            namings,
        };
        for (index, value) in line.values.iter().enumerate() {
            for which in 0..places.namings.len() {
                if let Some(number) = places.named(places.namings[which], value.as_ref()) {
                    match places.at[number] {
                        Some(_) => places.several[number] = true,
                        None => places.at[number] = Some(index),
                    }
                }
            }
        }
        places
    }
}

/// True where what an operation does at `next` inside an element may give it another `field`.
fn touches(next: &Token, field: IdentityField) -> bool {
    matches!(next, Token::Member(name) if **name == *field.as_str())
}

fn insert_new<T: PartialEq>(into: &mut Vec<T>, new: T) {
    if !into.contains(&new) {
        into.push(new);
    }
}

#[cfg(test)]
mod tests {
    use super::Batch;
    use crate::algebra::Op;
    use crate::json::read;

    /// How often the lists that `ops` are about are gone through.
    fn batches(ops: &[Op]) -> usize {
        let mut ops = ops.iter().enumerate().peekable();
        std::iter::from_fn(|| Batch::of(&mut ops)).count()
    }

    fn many(operation: impl Fn(usize) -> String) -> Vec<Op> {
        let op = |number| Op::from_json(&read(operation(number).as_bytes()).unwrap()).unwrap();
        (0..1_000).map(op).collect()
    }

    #[test]
    fn elements_named_in_several_ways_are_gone_through_once() {
        let inserted = many(|n| {
            format!(
                r#"{{"op":"set","path":["l",{{"id":{n}}}],"value":{{"id":{n},"uuid":"u{n}"}},"after":{{"uuid":"u{}"}}}}"#,
                n / 2
            )
        });
        let moved = many(|n| format!(r#"{{"op":"move","path":["l",{{"id":{n}}}],"after":{{"value":"t{n}"}}}}"#));
        let alternating = many(|n| {
            let token = if n % 2 == 0 {
                format!(r#"{{"id":{n}}}"#)
            } else {
                format!(r#"{{"_id":{n}}}"#)
            };
            format!(r#"{{"op":"delete","path":["l",{token}]}}"#)
        });
        let inside = many(|n| match n % 2 {
            0 => format!(r#"{{"op":"set","path":["l",{{"id":{n}}},"v"],"value":1}}"#),
            _ => format!(r#"{{"op":"move","path":["l",{{"id":{n}}}],"after":{{"uuid":"u{n}"}}}}"#),
        });
        let deleted = many(|n| match n % 2 {
            0 => format!(r#"{{"op":"set","path":["l",{{"id":{n}}},"v"],"value":1}}"#),
            _ => format!(r#"{{"op":"delete","path":["l",{{"id":{n}}}]}}"#),
        });
        for ops in [inserted, moved, alternating, inside, deleted] {
            assert_eq!(batches(&ops), 1, "{:?}", ops[1]);
        }
    }

    #[test]
    fn members_written_again_are_gone_through_once() {
        let ops = many(|n| {
            let id = n % 5;
            match n % 3 {
                0 => format!(r#"{{"op":"delete","path":["l",{{"id":{id}}},"v"]}}"#),
                _ => format!(r#"{{"op":"set","path":["l",{{"id":{id}}},"v"],"value":{n}}}"#),
            }
        });
        assert_eq!(batches(&ops), 1);
    }

    #[test]
    fn what_may_rename_an_element_inside_it_is_not_run_with_what_names_it_so() {
        let renamed = many(|n| match n % 2 {
            0 => format!(r#"{{"op":"set","path":["l",{{"id":{n}}},"uuid"],"value":"u{n}"}}"#),
            _ => format!(
                r#"{{"op":"move","path":["l",{{"id":{n}}}],"after":{{"uuid":"u{}"}}}}"#,
                n - 1
            ),
        });
        assert_eq!(batches(&renamed), 1_000);
    }
}
