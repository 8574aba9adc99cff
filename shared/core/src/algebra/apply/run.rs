//! Running a plan on a document.

use super::linked_list::LinkedList;
use super::observer::Observer;
use super::plan::{ListPlan, Node, Step};
use super::positions::{Bearers, Positions};
use crate::algebra::patch::{Op, Position};
use crate::algebra::path::Token;
use crate::json::{Object, Value};

impl<'a> Node<'a> {
    /// Runs the operations at the root and below it.
    pub(super) fn run_on_document(self, document: &mut Value, observer: &mut impl Observer) {
        let mut path = Vec::new();
        if let Some((number, Op::Set { value, .. })) = self.write {
            observer.altered(&path, number, Some(document), Some(value));
            *document = value.clone();
        }
        self.run_inside(document, &mut path, observer);
    }

    /// Runs the operations below this path, which has `value`.
    fn run_inside(self, value: &mut Value, path: &mut Vec<&'a Token>, observer: &mut impl Observer) {
        let has_right_kind = match value {
            Value::Object(_) => self.elements.is_none(),
            Value::List(_) => self.members.is_empty(),
            _ => self.is_leaf(),
        };
        if !has_right_kind {
            // Only a `set` replaces a value of another kind.
            let Some(first_set) = self.first_set else { return };
            let container = self.empty_container();
            observer.altered(path, first_set, Some(value), Some(&container));
            *value = container;
        }
        match (value, self.elements) {
            (Value::Object(members), None) => {
                for (name, node) in self.members {
                    node.run_on_member(members, name, path, observer);
                }
            }
            (Value::List(list), Some(elements)) => elements.run(list, path, observer),
            _ => {}
        }
    }

    /// Runs the operations at this path, which is the member `name`, and below it.
    fn run_on_member(self, members: &mut Object, name: &str, path: &mut Vec<&'a Token>, observer: &mut impl Observer) {
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
                Some(value) => self.run_inside(value, path, observer),
                None if self.first_set.is_some() => {
                    let mut value = self.empty_container();
                    self.run_inside(&mut value, path, observer);
                    members.insert(name.into(), value);
                }
                None => {}
            },
        }
        path.pop();
    }

    /// Returns an empty value of the kind that the tokens below this path need.
    fn empty_container(&self) -> Value {
        if self.elements.is_some() {
            Value::List(Vec::new())
        } else {
            Value::empty_object()
        }
    }
}

impl<'a> ListPlan<'a> {
    fn run(self, list: &mut Vec<Value>, path: &mut Vec<&'a Token>, observer: &mut impl Observer) {
        let elements = LinkedList::of(std::mem::take(list));
        let tokens = self.nodes.iter().map(|node| node.token);
        let positions = Positions::find(&elements, tokens, self.neighbours());
        let mut run = ListRun {
            entered: vec![None; self.nodes.len()],
            nodes: &self.nodes,
            elements,
            positions,
            path,
            observer,
        };
        for step in &self.steps {
            match *step {
                Step::Set(node, value, after) => run.set(node, value, after),
                Step::Delete(node) => run.delete(node),
                Step::Move(node, after) => run.move_element(node, after),
                Step::Inside(node, is_set) => run.enter(node, is_set),
            }
        }
        let ListRun {
            mut elements, entered, ..
        } = run;
        for (node, at) in self.nodes.into_iter().zip(entered) {
            if let Some(element) = at.and_then(|at| elements.values[at].as_mut()) {
                path.extend(node.token);
                node.run_inside(element, path, observer);
                path.pop();
            }
        }
        *list = elements.into_values();
    }
}

/// A list while the steps of its plan run.
struct ListRun<'r, 'a, O> {
    nodes: &'r [Node<'a>],
    elements: LinkedList,
    positions: Positions<'a>,
    /// By node: the index of the element whose inside its operations change, if there are any.
    entered: Vec<Option<usize>>,
    path: &'r mut Vec<&'a Token>,
    observer: &'r mut O,
}

impl<'a, O: Observer> ListRun<'_, 'a, O> {
    fn set(&mut self, node: usize, value: &Value, after: Option<&Position>) {
        let number = self.nodes[node].first_set.unwrap_or_default();
        match self.positions.of_node(node) {
            Some(at) => {
                let before = self.elements.values[at].as_ref();
                self.path.extend(self.nodes[node].token);
                self.observer.altered(self.path, number, before, Some(value));
                self.path.pop();
                self.positions.remove(&mut self.elements, at);
                self.elements.values[at] = Some(value.clone());
                self.positions.add(&mut self.elements, at);
            }
            None => {
                let predecessor = after.and_then(|after| self.positions.predecessor(after));
                let predecessor = predecessor.unwrap_or_else(|| self.elements.last());
                let old = self.observed_namesakes(node);
                let at = self.elements.insert(value.clone(), predecessor);
                self.positions.add(&mut self.elements, at);
                self.observe_namesakes(node, number, &old, None);
            }
        }
    }

    fn delete(&mut self, node: usize) {
        let Some(at) = self.positions.of_node(node) else {
            return;
        };
        let old = self.observed_namesakes(node);
        self.positions.remove(&mut self.elements, at);
        let deleted = self.elements.remove(at).map(|value| (at, value));
        let number = self.nodes[node].write.map_or(0, |(number, _)| number);
        self.observe_namesakes(node, number, &old, deleted.as_ref());
    }

    fn move_element(&mut self, node: usize, after: &Position) {
        let Some(at) = self.positions.of_node(node) else {
            return;
        };
        // An element that is to follow itself, by whatever name, goes to the end, as if its neighbour were absent.
        let found = self
            .positions
            .predecessor(after)
            .filter(|predecessor| *predecessor != at);
        let old = self.observed_namesakes(node);
        let old_predecessor = self.elements.previous[at];
        self.positions.remove(&mut self.elements, at);
        self.elements.unlink(at);
        let predecessor = found.unwrap_or_else(|| self.elements.last());
        self.elements.link(at, predecessor);
        self.positions.add(&mut self.elements, at);
        if predecessor != old_predecessor {
            let number = self.nodes[node].moved_by.unwrap_or_default();
            self.observer.reordered(self.path, number);
            self.observe_namesakes(node, number, &old, None);
        }
    }

    /// Returns the elements that have the name of the node's element, if the observer needs them.
    fn observed_namesakes(&self, node: usize) -> Bearers {
        if O::IS_ACTIVE {
            self.positions.bearers_of_node(node).clone()
        } else {
            Bearers::None
        }
    }

    /// Tells the observer what became of the elements with one name, which were those at `old`, after the operation with
    /// this number added, deleted or moved one of them. `deleted` is the deleted one and its index.
    ///
    /// Elements with the same name are told apart by their order, so this may also concern the others.
    fn observe_namesakes(&mut self, node: usize, number: usize, old: &Bearers, deleted: Option<&(usize, Value)>) {
        if !O::IS_ACTIVE {
            return;
        }
        let (old, new) = (old.as_slice(), self.positions.bearers_of_node(node).as_slice());
        let value = |at: &usize| match deleted {
            Some((deleted, value)) if deleted == at => Some(value),
            _ => self.elements.values[*at].as_ref(),
        };
        for nth in 0..old.len().max(new.len()) {
            let (before, after) = (old.get(nth), new.get(nth));
            if before == after {
                continue;
            }
            let Some(token) = self.nodes[node].token else { continue };
            let nth = u32::try_from(nth).unwrap_or(u32::MAX);
            let other = (token.nth() != nth).then(|| token.with_nth(nth));
            let mut path: Vec<&Token> = self.path.iter().copied().collect();
            path.push(other.as_ref().unwrap_or(token));
            let (before, after) = (before.and_then(value), after.and_then(value));
            self.observer.altered(&path, number, before, after);
        }
    }

    /// Finds the element whose inside an operation changes, and adds it if it is absent and the operation is a `set`.
    fn enter(&mut self, node: usize, is_set: bool) {
        if self.positions.of_node(node).is_none()
            && let Some(token) = self.nodes[node].token.filter(|_| is_set)
        {
            let at = self.elements.insert(token.new_element(), self.elements.last());
            self.positions.add(&mut self.elements, at);
        }
        self.entered[node] = self.positions.of_node(node);
    }
}
