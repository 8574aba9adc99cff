//! Edits of all kinds, as users make them, on a few paths so that they collide.

use crate::chance::Chance;
use crate::model::Kind;
use coinolio_core::algebra::{IdentityField, Op, Path, Position, Token};
use coinolio_core::json::{Object, Value};

const FIELDS: [&str; 3] = ["x", "y", "z"];
const ASSETS: [&str; 3] = ["btc", "eth", "sol"];
const PARTS: [&str; 2] = ["amount", "note"];
/// The member whose values change their kind.
pub(crate) const MIXED: &str = "mixed";

const SHARED_TAGS: [&str; 3] = ["cold", "hot", "old"];

/// The kinds of edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EditKind {
    /// Sets a member of an object.
    SetField,
    /// Deletes a member of an object.
    DropField,
    /// Sets a whole asset in which one part differs.
    SetAsset,
    /// Sets a part of an asset.
    EditAsset,
    /// Deletes a whole asset.
    DropAsset,
    /// Adds an element to a keyed list.
    AddTransaction,
    /// Sets a member of an element.
    EditTransaction,
    /// Sets a whole element.
    ReplaceTransaction,
    /// Deletes an element.
    DropTransaction,
    /// Moves an element.
    MoveTransaction,
    /// Adds an element without an identity to a keyed list.
    AddOddTransaction,
    /// Adds another element with an identity that is in the list already.
    RepeatTransaction,
    /// Edits a keyed list inside an element of a keyed list.
    EditSplit,
    /// Adds a new string to a string list.
    AddTag,
    /// Adds or removes a string that other devices use too.
    ToggleTag,
    /// Removes a string from a string list.
    DropTag,
    /// Moves a string of a string list.
    MoveTag,
    /// Adds an object to an object list.
    AddLot,
    /// Adds an object that is often in the object list already.
    RepeatLot,
    /// Removes an object from an object list and adds another.
    ReplaceLot,
    /// Removes an object from an object list.
    DropLot,
    /// Sets an opaque list.
    SetPair,
    /// Adds or edits an element of a list that is keyed by `_id` or `uuid`.
    EditWallet,
    /// Changes the identity field of that list's elements.
    RenameWallets,
    /// Replaces a value with one of another kind.
    Retype,
    /// Edits inside the member whose values change their kind.
    EditMixed,
    /// Replaces a list with a value of another kind.
    RetypeList,
    /// Sets one of the client's own members of `metadata`.
    SetTheme,
}

/// The weights of the edits: how often each is made.
const WEIGHTS: [(EditKind, usize); 28] = [
    (EditKind::SetField, 10),
    (EditKind::DropField, 4),
    (EditKind::SetAsset, 6),
    (EditKind::EditAsset, 10),
    (EditKind::DropAsset, 4),
    (EditKind::AddTransaction, 8),
    (EditKind::EditTransaction, 10),
    (EditKind::ReplaceTransaction, 4),
    (EditKind::DropTransaction, 5),
    (EditKind::MoveTransaction, 5),
    (EditKind::AddOddTransaction, 2),
    (EditKind::RepeatTransaction, 2),
    (EditKind::EditSplit, 5),
    (EditKind::AddTag, 4),
    (EditKind::ToggleTag, 3),
    (EditKind::DropTag, 3),
    (EditKind::MoveTag, 2),
    (EditKind::AddLot, 3),
    (EditKind::RepeatLot, 1),
    (EditKind::ReplaceLot, 3),
    (EditKind::DropLot, 2),
    (EditKind::SetPair, 3),
    (EditKind::EditWallet, 4),
    (EditKind::RenameWallets, 1),
    (EditKind::Retype, 4),
    (EditKind::EditMixed, 4),
    (EditKind::RetypeList, 1),
    (EditKind::SetTheme, 1),
];

/// Whether a value stands alone at its path. Only such a value may be a number that a JavaScript client rounds:
/// elements without an identity are named by their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    Yes,
    No,
}

/// One edit: its kind, and two numbers that choose its path and value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit {
    /// The kind of edit.
    pub(crate) kind: EditKind,
    one: usize,
    other: usize,
}

impl Edit {
    /// Draws an edit.
    pub(crate) fn any(chance: &mut Chance) -> Self {
        let all: usize = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut left = chance.below(all);
        let mut kind = EditKind::SetField;
        for (candidate, weight) in WEIGHTS {
            kind = candidate;
            match left.checked_sub(weight) {
                Some(rest) => left = rest,
                None => break,
            }
        }
        Self {
            kind,
            one: chance.below(6),
            other: chance.below(6),
        }
    }

    /// Returns true if the edit changes the kind of a list: elements removed from that list may come back
    /// (docs/MERGE.md, below the laws).
    pub(crate) const fn renames(&self) -> bool {
        matches!(self.kind, EditKind::RenameWallets | EditKind::RetypeList)
    }

    /// Returns the operations of the edit in `document`; `next` returns a value that no edit has written before.
    pub(crate) fn ops(&self, document: &Value, next: &mut dyn FnMut(Plain) -> Value) -> Vec<Op> {
        let (one, other) = (self.one, self.other);
        let field = FIELDS[one % 3];
        let asset = ["assets", ASSETS[one % 3]];
        match self.kind {
            EditKind::SetField => vec![set(members(&["f", field]), next(Plain::Yes))],
            EditKind::DropField => vec![delete(members(&["f", field]))],
            EditKind::SetAsset => {
                let mut parts = member(document, &asset)
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_default();
                parts.insert(PARTS[other % 2].into(), next(Plain::No));
                vec![set(members(&asset), Value::Object(parts))]
            }
            EditKind::EditAsset => vec![set(members(&[asset[0], asset[1], PARTS[other % 2]]), next(Plain::Yes))],
            EditKind::DropAsset => vec![delete(members(&asset))],
            EditKind::AddTransaction | EditKind::EditTransaction | EditKind::ReplaceTransaction => {
                vec![self.transaction(document, next(Plain::Yes))]
            }
            EditKind::DropTransaction => self.dropped("txs", document),
            EditKind::MoveTransaction => self.moved("txs", document),
            EditKind::AddOddTransaction => {
                let mut odd = Object::from([("n".into(), next(Plain::No))]);
                if other > 2 {
                    odd.insert("id".into(), Value::Null);
                }
                vec![self.added("txs", document, Value::Object(odd))]
            }
            EditKind::RepeatTransaction => {
                let id = Value::from(["t0", "t1"][one % 2]);
                let name = ["n", "m"][other % 2];
                let element = object([("id", id.clone()), (name, next(Plain::No))]);
                let elements = list(document, "txs");
                let nth = count(elements, |element| {
                    element.as_object().and_then(|members| members.get("id")) == Some(&id)
                });
                vec![self.added_as("txs", document, Token::Element(IdentityField::Id, id, nth), element)]
            }
            EditKind::EditSplit => {
                if !matches!(Kind::of(list(document, "txs")), Kind::Keyed(_)) {
                    return Vec::new();
                }
                let part = Token::Element(IdentityField::Id, Value::from(["p", "q"][other % 2]), 0);
                let value = next(Plain::No);
                self.at("txs", document, |path, _| {
                    if !matches!(path.tokens().last(), Some(Token::Element(..))) {
                        return Vec::new();
                    }
                    let split = path.child(Token::Member("split".into())).child(part.clone());
                    vec![set(split.child(Token::Member("n".into())), value.clone())]
                })
            }
            EditKind::AddTag => vec![self.added("tags", document, next(Plain::No))],
            EditKind::ToggleTag => {
                let tag = Value::from(SHARED_TAGS[one % 3]);
                if list(document, "tags").contains(&tag) {
                    vec![delete(members(&["tags"]).child(Token::Value(tag, 0)))]
                } else {
                    vec![self.added("tags", document, tag)]
                }
            }
            EditKind::DropTag => self.dropped("tags", document),
            EditKind::MoveTag => self.moved("tags", document),
            EditKind::AddLot => vec![self.added("lots", document, object([("q", next(Plain::No))]))],
            EditKind::RepeatLot => {
                let lot = object([("q", Value::from(["small", "large"][one % 2]))]);
                vec![self.added("lots", document, lot)]
            }
            EditKind::ReplaceLot => {
                let lot = self.added("lots", document, object([("q", next(Plain::No))]));
                let mut ops = self.dropped("lots", document);
                if !ops.is_empty() {
                    ops.push(lot);
                }
                ops
            }
            EditKind::DropLot => self.dropped("lots", document),
            EditKind::SetPair => vec![set(
                members(&["pair"]),
                Value::List(vec![next(Plain::No), Value::from(1)]),
            )],
            EditKind::EditWallet => vec![self.wallet(document, next(Plain::No))],
            EditKind::RenameWallets => renamed_wallets(document),
            EditKind::Retype => vec![set(members(&[MIXED]), self.other_kind(next(Plain::No)))],
            EditKind::EditMixed => vec![match other % 3 {
                0 => set(members(&[MIXED, "k"]), next(Plain::No)),
                1 => {
                    let token = Token::Element(IdentityField::Id, Value::from("m"), 0);
                    set(
                        members(&[MIXED]).child(token).child(Token::Member("n".into())),
                        next(Plain::No),
                    )
                }
                _ => delete(members(&[MIXED])),
            }],
            EditKind::RetypeList => {
                let name = ["txs", "tags", "lots"][one % 3];
                vec![set(members(&[name]), self.other_kind(next(Plain::No)))]
            }
            EditKind::SetTheme => vec![set(members(&["metadata", "theme"]), next(Plain::No))],
        }
    }

    /// Returns the operations on the element of the list `name` that the edit selects, if the list has elements.
    fn at(&self, name: &str, document: &Value, ops: impl Fn(Path, usize) -> Vec<Op>) -> Vec<Op> {
        let elements = list(document, name);
        if elements.is_empty() {
            return Vec::new();
        }
        let at = self.one % elements.len();
        let token = Kind::of(elements).token(elements, at);
        token.map_or_else(Vec::new, |token| ops(members(&[name]).child(token), at))
    }

    /// Returns the operation that deletes the element that the edit selects, or the last one with its name: so the
    /// others keep their numbers.
    fn dropped(&self, name: &str, document: &Value) -> Vec<Op> {
        let tokens = Kind::of(list(document, name)).tokens(list(document, name));
        self.at(name, document, |path, _| {
            let named = |token: &Token| path.tokens().last().is_some_and(|own| is_namesake(own, token));
            let last = tokens.iter().rfind(|token| named(token));
            last.map_or_else(Vec::new, |token| vec![delete(members(&[name]).child(token.clone()))])
        })
    }

    /// Returns the operation that moves the element that the edit selects, unless another one has its name: a move
    /// could change their numbers.
    fn moved(&self, name: &str, document: &Value) -> Vec<Op> {
        let elements = list(document, name);
        let tokens = Kind::of(elements).tokens(elements);
        self.at(name, document, |path, at| {
            let others: Vec<&Token> = (0..tokens.len()).filter(|n| *n != at).map(|n| &tokens[n]).collect();
            if others.iter().any(|token| is_namesake(token, &tokens[at])) {
                return Vec::new();
            }
            let behind = others.get(self.other).map(|token| (*token).clone());
            let after = behind.map_or(Position::Front, Position::After);
            vec![Op::Move { path, after }]
        })
    }

    /// Returns the operation that adds an element, named by its value, to a list: at the end, at the front, or behind
    /// another element.
    fn added(&self, name: &str, document: &Value, value: Value) -> Op {
        let nth = count(list(document, name), |element| *element == value);
        self.added_as(name, document, Token::Value(value.clone(), nth), value)
    }

    fn added_as(&self, name: &str, document: &Value, token: Token, value: Value) -> Op {
        let elements = list(document, name);
        let after = match self.other {
            0 | 1 => None,
            2 => Some(Position::Front),
            other => Kind::of(elements)
                .token(elements, other % elements.len().max(1))
                .map(Position::After),
        };
        // In front of another element with its name, it would take over that one's number.
        let after = if token.nth() > 0 { None } else { after };
        Op::Set {
            path: members(&[name]).child(token),
            value,
            after,
        }
    }

    fn transaction(&self, document: &Value, value: Value) -> Op {
        let id = Value::from(["t0", "t1", "t2", "t3", "t4", "t5"][self.one]);
        let named = |element: &Value| element.as_object().and_then(|members| members.get("id")) == Some(&id);
        let nth = match count(list(document, "txs"), named) {
            0 => 0,
            count => u32::try_from(self.other).unwrap_or_default() % count,
        };
        let token = Token::Element(IdentityField::Id, id.clone(), nth);
        let name = ["n", "m"][self.other % 2];
        if self.kind == EditKind::EditTransaction {
            let path = members(&["txs"]).child(token);
            return set(path.child(Token::Member(name.into())), value);
        }
        self.added_as("txs", document, token, object([("id", id), (name, value)]))
    }

    fn wallet(&self, document: &Value, value: Value) -> Op {
        let field = match Kind::of(list(document, "wallets")) {
            Kind::Keyed(field) => field,
            _ => IdentityField::Uuid,
        };
        let token = Token::Element(field, Value::from(i64::try_from(self.one % 3).unwrap_or_default()), 0);
        set(
            members(&["wallets"]).child(token).child(Token::Member("n".into())),
            value,
        )
    }

    fn other_kind(&self, value: Value) -> Value {
        match self.other {
            0 => value,
            1 => object([("k", value)]),
            2 => Value::List(vec![value]),
            3 => Value::List(vec![object([("id", Value::from("m")), ("n", value)])]),
            4 => Value::List(vec![Value::Null, value]),
            _ => Value::List(vec![object([("q", value)])]),
        }
    }
}

fn renamed_wallets(document: &Value) -> Vec<Op> {
    let elements = list(document, "wallets");
    let Kind::Keyed(field) = Kind::of(elements) else {
        return Vec::new();
    };
    let other = if field == IdentityField::Uuid {
        IdentityField::UnderscoreId
    } else {
        IdentityField::Uuid
    };
    let renamed = elements.iter().filter_map(Value::as_object).map(|members| {
        let mut members = members.clone();
        let identity = members.remove(field.as_str());
        members.extend(identity.map(|identity| (other.as_str().into(), identity)));
        Value::Object(members)
    });
    vec![set(members(&["wallets"]), Value::List(renamed.collect()))]
}

/// Returns true if the tokens give elements the same name, whatever their numbers.
fn is_namesake(one: &Token, other: &Token) -> bool {
    match (one, other) {
        (Token::Element(field, name, _), Token::Element(other_field, other, _)) => {
            field == other_field && name == other
        }
        (Token::Value(value, _), Token::Value(other, _)) => value == other,
        _ => false,
    }
}

fn count(elements: &[Value], is_counted: impl Fn(&Value) -> bool) -> u32 {
    u32::try_from(elements.iter().filter(|element| is_counted(element)).count()).unwrap_or_default()
}

fn members(names: &[&str]) -> Path {
    let tokens: Vec<Token> = names.iter().map(|name| Token::Member((*name).into())).collect();
    Path::from(tokens)
}

const fn set(path: Path, value: Value) -> Op {
    Op::Set {
        path,
        value,
        after: None,
    }
}

const fn delete(path: Path) -> Op {
    Op::Delete { path }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect::<Object>(),
    )
}

fn member<'d>(document: &'d Value, names: &[&str]) -> Option<&'d Value> {
    names
        .iter()
        .try_fold(document, |here, name| here.as_object()?.get(*name))
}

fn list<'d>(document: &'d Value, name: &str) -> &'d [Value] {
    match member(document, &[name]) {
        Some(Value::List(elements)) => elements,
        _ => &[],
    }
}
