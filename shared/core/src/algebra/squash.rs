//! Leaving out operations that later ones make without effect.

use super::name_form::NameForm;
use super::patch::{Op, Position};
use super::path::Token;
use crate::json::Value;
use std::collections::HashMap;

/// Returns a run of operations with the effect of `run`, in which fewer operations write a value only for a later one
/// to write or delete it again.
///
/// For every document `d`, `apply(d, squash(run))` is `apply(d, run)`, the order of lists included, and
/// `squash(squash(run))` is `squash(run)`. The operations of several patches in a row may be squashed, so the same path
/// may occur several times.
///
/// An operation also adds missing parents and gives its element a position, and several elements may have one name. So:
///
/// - A `set` stands in the place of the first operation that it makes without effect: a `set` of the same path or
///   inside it.
/// - A `set` that is deleted later remains if it is the first to add a parent, or if another element was put behind its
///   element.
/// - A `move` remains unless it puts its element in front and a later operation moves or deletes that element. After
///   any other move, the name of the element may mean another one.
///
/// Time is linear in the operations.
pub fn squash(run: Vec<Op>) -> Vec<Op> {
    let mut squasher = Squasher {
        output: Output::default(),
        root: Node {
            known: Known::Object(None),
            ..Node::default()
        },
    };
    for (number, op) in run.iter().enumerate() {
        squasher.add(number, op);
    }
    let retained = squasher.output.retained;
    let mut run: Vec<Option<Op>> = run.into_iter().map(Some).collect();
    let mut squashed = Vec::with_capacity(retained.iter().flatten().count());
    for retained in retained.into_iter().flatten() {
        let Some(mut op) = run[retained.number].take() else {
            continue;
        };
        if let Op::Set { after, .. } = &mut op {
            match retained.position_of {
                Some(number) if number == retained.number => {}
                Some(number) => {
                    *after = match run[number].take() {
                        Some(Op::Set { after, .. }) => after,
                        _ => None,
                    }
                }
                None => *after = None,
            }
        }
        squashed.push(op);
    }
    squashed
}

/// The operations that remain of a run, and the paths that they are about. Operations are numbered in their order.
struct Squasher<'a> {
    output: Output,
    root: Node<'a>,
}

#[derive(Default)]
struct Output {
    /// For each place in the run: the operation that stands there.
    retained: Vec<Option<Retained>>,
    anchors: Vec<Anchor>,
}

/// An operation that remains.
struct Retained {
    /// The number of the operation.
    number: usize,
    /// The number of the `set` that gives its element the position; `None` is the end of the list.
    position_of: Option<usize>,
    /// The anchors that its position depends on.
    anchors: [Option<AnchorId>; 2],
}

type AnchorId = usize;

/// An operation that gives an element a position, on which the positions of other elements may depend.
struct Anchor {
    place: usize,
    /// The number of remaining operations that put an element behind this one.
    dependents: usize,
    /// Whether the operation has no effect apart from its dependents.
    is_covered: bool,
}

impl Output {
    /// Puts the operation with this number in its own place.
    fn retain(&mut self, number: usize, anchors: [Option<AnchorId>; 2]) {
        let retained = Retained {
            number,
            position_of: Some(number),
            anchors,
        };
        if let Some(place) = self.retained.get_mut(number) {
            *place = Some(retained);
        }
    }

    /// Leaves out the operation in this place, and the covered ones that were there only for its position.
    fn leave_out(&mut self, place: usize) {
        let mut places = vec![place];
        while let Some(place) = places.pop() {
            let Some(left_out) = self.retained[place].take() else {
                continue;
            };
            for anchor in left_out.anchors.into_iter().flatten() {
                let anchor = &mut self.anchors[anchor];
                anchor.dependents -= 1;
                if anchor.is_covered && anchor.dependents == 0 {
                    places.push(anchor.place);
                }
            }
        }
    }

    fn leave_out_all(&mut self, places: Vec<usize>) {
        places.into_iter().for_each(|place| self.leave_out(place));
    }

    fn new_anchor(&mut self, place: usize) -> AnchorId {
        self.anchors.push(Anchor {
            place,
            dependents: 0,
            is_covered: false,
        });
        self.anchors.len() - 1
    }

    /// Leaves out the anchor as soon as the position of no other element depends on it.
    fn cover(&mut self, anchor: AnchorId) {
        let anchor = &mut self.anchors[anchor];
        anchor.is_covered = true;
        if anchor.dependents == 0 {
            let place = anchor.place;
            self.leave_out(place);
        }
    }
}

/// What the operations so far say of the value at a path, whatever the document.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Nothing,
    Absent,
    Scalar,
    /// An object since the operation in this place, or since before the run (`None`).
    Object(Option<usize>),
    /// A list since the operation in this place.
    List(Option<usize>),
}

impl Known {
    /// Tells whether an operation at or inside the member or element that `token` names can do nothing, unless it is a
    /// `set`.
    const fn excludes(self, token: &Token) -> bool {
        match self {
            Self::Nothing => false,
            Self::Absent | Self::Scalar => true,
            Self::Object(_) => token.is_element(),
            Self::List(_) => !token.is_element(),
        }
    }

    /// Tells whether the value was an object or list before the operation in this place.
    fn was_container_before(self, place: usize) -> bool {
        match self {
            Self::Object(since) | Self::List(since) => since < Some(place),
            Self::Nothing | Self::Absent | Self::Scalar => false,
        }
    }
}

/// One path, and the operations at it and below it.
#[derive(Default)]
struct Node<'a> {
    known: Known,
    /// The place of the first `set` at this path or below it, which adds the value if it is absent.
    first_set: Option<usize>,
    /// The number of that `set` if it is one of this path.
    positioned_by: Option<usize>,
    /// The places of the operations at this path, and of operations below it that can only be left out together with all
    /// others there.
    places: Vec<usize>,
    /// The forms of the names that tokens give to elements of this list. No element can have names of two of them.
    forms: Vec<NameForm>,
    members: HashMap<&'a Token, Node<'a>>,
    elements: HashMap<&'a Token, Node<'a>>,
    /// The anchor of the first `set`, once the position of another element depends on it.
    anchor: Option<AnchorId>,
    /// The last move to the front: its place and its anchor.
    move_to_front: Option<(usize, AnchorId)>,
}

/// How the form of the name that a token gives compares with those of other tokens for the same list.
enum FormIs {
    Known,
    New,
    /// An element may have both this name and one of a known form.
    Conflicting,
}

/// What the operations so far mean for one that goes on to a member or element.
enum Entry {
    /// It can do nothing.
    Ineffective,
    /// It stands by itself, because it may be about the same element as an operation that names it differently.
    Separate,
    Open,
}

impl<'a> Node<'a> {
    /// Prepares for an operation at or inside the member or element that `token` names.
    fn enter(&mut self, token: &Token, number: usize, is_set: bool) -> Entry {
        if self.known.excludes(token) {
            if !is_set {
                return Entry::Ineffective;
            }
            // The `set` replaces the value.
            self.forget_members();
            self.forget_elements();
            self.known = Known::Nothing;
        }
        if is_set {
            self.first_set.get_or_insert(number);
            if self.known == Known::Nothing {
                self.known = match token {
                    Token::Member(_) => Known::Object(Some(number)),
                    _ => Known::List(Some(number)),
                };
            }
        }
        let form = self.add_form(token);
        if let FormIs::Conflicting = form {
            self.forget_elements();
            self.add_form(token);
            return Entry::Separate;
        }
        if token.nth() > 0 {
            // The operation may change the number of elements with this name.
            if let Some(mut first) = self.elements.remove(&token.with_nth(0)) {
                first.take_places(&mut self.places);
            }
            return Entry::Separate;
        }
        Entry::Open
    }

    fn form_of(&self, token: &Token) -> FormIs {
        match NameForm::of(token) {
            None => FormIs::Known,
            Some(form) if self.forms.contains(&form) => FormIs::Known,
            Some(form) if self.forms.iter().any(|known| known.may_share_element(form)) => FormIs::Conflicting,
            Some(_) => FormIs::New,
        }
    }

    /// Adds the form of the name that `token` gives, unless it conflicts with another one.
    fn add_form(&mut self, token: &Token) -> FormIs {
        let is = self.form_of(token);
        if let FormIs::New = is {
            self.forms.extend(NameForm::of(token));
        }
        is
    }

    /// From now on, the operations at members of this object can only be left out together.
    fn forget_members(&mut self) {
        for mut node in std::mem::take(&mut self.members).into_values() {
            node.take_places(&mut self.places);
        }
    }

    /// From now on, the operations at elements of this list can only be left out together.
    fn forget_elements(&mut self) {
        for mut node in std::mem::take(&mut self.elements).into_values() {
            node.take_places(&mut self.places);
        }
        self.forms.clear();
    }

    /// Returns the member or element that `token` names.
    fn child(&mut self, token: &'a Token) -> &mut Self {
        let children = if token.is_element() {
            &mut self.elements
        } else {
            &mut self.members
        };
        children.entry(token).or_default()
    }

    /// Takes the places of all operations at this path and below it, apart from moves of the element itself.
    fn take_places_inside(&mut self, places: &mut Vec<usize>) {
        places.append(&mut self.places);
        let members = std::mem::take(&mut self.members).into_values();
        for mut node in members.chain(std::mem::take(&mut self.elements).into_values()) {
            node.take_places(places);
        }
    }

    fn take_places(&mut self, places: &mut Vec<usize>) {
        places.extend(self.move_to_front.take().map(|(place, _)| place));
        self.take_places_inside(places);
    }

    /// Returns the anchors that the position of an element behind `neighbour` depends on.
    fn depend_on(&mut self, neighbour: &Token, output: &mut Output) -> [Option<AnchorId>; 2] {
        let first = neighbour.with_nth(0);
        let Some(node) = self.elements.get_mut(&first) else {
            return [None; 2];
        };
        if let Some(place) = node.first_set {
            node.anchor.get_or_insert_with(|| output.new_anchor(place));
        }
        let anchors = [node.anchor, node.move_to_front.map(|(_, anchor)| anchor)];
        for anchor in anchors.into_iter().flatten() {
            output.anchors[anchor].dependents += 1;
        }
        anchors
    }
}

impl<'a> Squasher<'a> {
    fn add(&mut self, number: usize, op: &'a Op) {
        let Self { output, root } = self;
        output.retained.push(None);
        let Some((last, above)) = op.path().tokens().split_last() else {
            // No operation that was read writes the root.
            *root = Node::default();
            return output.retain(number, [None; 2]);
        };
        let is_set = matches!(op, Op::Set { .. });
        let mut parent = root;
        for (depth, token) in op.path().tokens().iter().enumerate() {
            match parent.enter(token, number, is_set) {
                Entry::Ineffective => return,
                Entry::Separate => return output.separate(parent, number, op.after()),
                Entry::Open if depth < above.len() => parent = parent.child(token),
                Entry::Open => {}
            }
        }
        match op {
            Op::Set { value, after, .. } => output.add_set(parent, last, number, value, after.as_ref()),
            Op::Delete { .. } if last.is_element() => output.delete_element(parent, last, number),
            Op::Delete { .. } => output.delete_member(parent, last, number),
            Op::Move { after, .. } => output.move_element(parent, last, number, after),
        }
    }
}

impl Output {
    /// Retains an operation that is not squashed with any other one in `list`.
    fn separate(&mut self, list: &mut Node<'_>, number: usize, after: Option<&Position>) {
        let mut anchors = [None; 2];
        if let Some(Position::After(neighbour)) = after {
            match list.add_form(neighbour) {
                FormIs::Known | FormIs::New => anchors = list.depend_on(neighbour, self),
                FormIs::Conflicting => list.forget_elements(),
            }
        }
        list.places.push(number);
        self.retain(number, anchors);
    }

    fn add_set<'a>(
        &mut self,
        parent: &mut Node<'a>,
        token: &'a Token,
        number: usize,
        value: &Value,
        after: Option<&Position>,
    ) {
        let mut anchors = [None; 2];
        let is_new = parent.child(token).first_set.is_none();
        if let Some(Position::After(neighbour)) = after.filter(|_| is_new && token.is_element()) {
            if !matches!(parent.form_of(neighbour), FormIs::Known) {
                return self.separate(parent, number, after);
            }
            anchors = parent.depend_on(neighbour, self);
        }
        let node = parent.child(token);
        let place = node.first_set.unwrap_or(number);
        if is_new {
            node.positioned_by = Some(number);
        } else if node.positioned_by.is_some() {
            // The new value has the position of the first `set`.
            anchors = self.retained[place].take().map_or(anchors, |first| first.anchors);
        }
        let mut covered = Vec::new();
        node.take_places_inside(&mut covered);
        self.leave_out_all(covered);
        self.retained[place] = Some(Retained {
            number,
            position_of: node.positioned_by,
            anchors,
        });
        node.forms.clear();
        node.first_set = Some(place);
        node.places.push(place);
        node.known = match value {
            Value::Object(_) => Known::Object(Some(place)),
            Value::List(_) => Known::List(Some(place)),
            _ => Known::Scalar,
        };
    }

    fn delete_member<'a>(&mut self, parent: &mut Node<'a>, token: &'a Token, number: usize) {
        let known = parent.known;
        let node = parent.child(token);
        if node.known == Known::Absent {
            return;
        }
        let mut covered = Vec::new();
        node.take_places_inside(&mut covered);
        // Someone has to add the parents.
        let first_set = node.first_set.filter(|place| !known.was_container_before(*place));
        covered.retain(|place| Some(*place) != first_set);
        self.leave_out_all(covered);
        self.retain(number, [None; 2]);
        *node = Node {
            known: Known::Absent,
            first_set,
            places: first_set.into_iter().chain([number]).collect(),
            ..Node::default()
        };
    }

    fn delete_element<'a>(&mut self, list: &mut Node<'a>, token: &'a Token, number: usize) {
        if let Some(mut node) = list.elements.remove(token) {
            let mut covered = Vec::new();
            self.cover_move(list, &mut node);
            node.take_places_inside(&mut covered);
            if let Some(place) = node.first_set {
                covered.retain(|covered| *covered != place);
                list.places.push(place);
                if list.known.was_container_before(place) {
                    let anchor = node.anchor.unwrap_or_else(|| self.new_anchor(place));
                    self.cover(anchor);
                }
            }
            self.leave_out_all(covered);
        }
        // A second deletion would delete the next element with the same name.
        list.places.push(number);
        self.retain(number, [None; 2]);
    }

    fn move_element<'a>(&mut self, list: &mut Node<'a>, token: &'a Token, number: usize, after: &Position) {
        if let Position::After(neighbour) = after
            && !matches!(list.form_of(neighbour), FormIs::Known)
        {
            if let Some(mut node) = list.elements.remove(token) {
                node.take_places(&mut list.places);
            }
            return self.separate(list, number, Some(after));
        }
        let mut node = list.elements.remove(token).unwrap_or_default();
        self.cover_move(list, &mut node);
        match after {
            Position::Front => {
                self.retain(number, [None; 2]);
                node.move_to_front = Some((number, self.new_anchor(number)));
                list.elements.insert(token, node);
            }
            Position::After(_) => {
                // From now on, the name may mean another element.
                node.take_places(&mut list.places);
                self.separate(list, number, Some(after));
            }
        }
    }

    /// Leaves out the last move of `node`'s element to the front, since an operation of the same element follows.
    fn cover_move(&mut self, list: &mut Node<'_>, node: &mut Node<'_>) {
        if let Some((place, anchor)) = node.move_to_front.take() {
            list.places.push(place);
            self.cover(anchor);
        }
    }
}

