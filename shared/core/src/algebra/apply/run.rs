//! Running a plan on a document.

use super::linked_list::LinkedList;
use super::observer::Observer;
use super::plan::{ListPlan, Node, Step};
use super::positions::Positions;
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
        let positions = Positions::find(&elements, self.namings.clone(), tokens, self.neighbours());
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
        let at = self.positions.of_node(node);
        let before = at.and_then(|at| self.elements.values[at].as_ref());
        self.path.extend(self.nodes[node].token);
        let number = self.nodes[node].first_set.unwrap_or_default();
        self.observer.altered(self.path, number, before, Some(value));
        self.path.pop();
        let at = match at {
            Some(at) => {
                self.positions.remove(&self.elements, at);
                self.elements.values[at] = Some(value.clone());
                at
            }
            None => {
                let predecessor = after.and_then(|after| self.positions.predecessor(after));
                let predecessor = predecessor.unwrap_or_else(|| self.elements.last());
                self.elements.insert(value.clone(), predecessor)
            }
        };
        self.positions.add(&self.elements, at);
    }

    fn delete(&mut self, node: usize) {
        let Some(at) = self.positions.of_node(node) else {
            return;
        };
        self.positions.remove(&self.elements, at);
        let before = self.elements.remove(at);
        self.path.extend(self.nodes[node].token);
        let number = self.nodes[node].write.map_or(0, |(number, _)| number);
        self.observer.altered(self.path, number, before.as_ref(), None);
        self.path.pop();
    }

    fn move_element(&mut self, node: usize, after: &Position) {
        let Some(at) = self.positions.of_node(node) else {
            return;
        };
        let old_predecessor = self.elements.previous[at];
        self.elements.unlink(at);
        // An element that is to follow itself, by whatever name, goes to the end, as if its neighbour were absent.
        let found = self
            .positions
            .predecessor(after)
            .filter(|predecessor| *predecessor != at);
        let predecessor = found.unwrap_or_else(|| self.elements.last());
        if predecessor != old_predecessor {
            let number = self.nodes[node].moved_by.unwrap_or_default();
            self.observer.reordered(self.path, number);
        }
        self.elements.link(at, predecessor);
        self.positions.add(&self.elements, at);
    }

    /// Finds the element whose inside an operation changes, and adds it if it is absent and the operation is a `set`.
    fn enter(&mut self, node: usize, is_set: bool) {
        if self.positions.of_node(node).is_none()
            && let Some(token) = self.nodes[node].token.filter(|_| is_set)
        {
            let at = self.elements.insert(token.new_element(), self.elements.last());
            self.positions.add(&self.elements, at);
        }
        self.entered[node] = self.positions.of_node(node);
    }
}
