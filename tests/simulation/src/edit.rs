//! What people do to their portfolios: edits of all kinds on few places, so that they collide.

use crate::chance::Chance;
use crate::model::Kind;
use coinolio_core::algebra::{IdentityField, Op, Path, Place, Token};
use coinolio_core::json::{Object, Value};

const FIELDS: [&str; 3] = ["x", "y", "z"];
const ASSETS: [&str; 3] = ["btc", "eth", "sol"];
const PARTS: [&str; 2] = ["amount", "note"];
/// The member whose values change their kind.
pub(crate) const MIXED: &str = "mixed";

const SHARED_TAGS: [&str; 3] = ["cold", "hot", "old"];

/// What an edit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Sets a member of an object.
    SetField,
    /// Deletes a member of an object.
    DropField,
    /// Sets a whole asset, of which it changes a part.
    SetAsset,
    /// Sets a part of an asset.
    EditAsset,
    /// Deletes a whole asset.
    DropAsset,
    /// Adds an element to a keyed list.
    AddTransaction,
    /// Sets a member of an element.
    EditTransaction,
    /// Sets an element as a whole.
    ReplaceTransaction,
    /// Deletes an element.
    DropTransaction,
    /// Moves an element.
    MoveTransaction,
    /// Edits a keyed list within an element of a keyed list.
    EditSplit,
    /// Adds a text of its own to a string set.
    AddTag,
    /// Adds or removes a text that others use too.
    ToggleTag,
    /// Removes a text from a string set.
    DropTag,
    /// Moves a text of a string set.
    MoveTag,
    /// Adds an object to an object set.
    AddLot,
    /// Removes an object from an object set and adds another.
    ReplaceLot,
    /// Removes an object from an object set.
    DropLot,
    /// Sets an opaque list.
    SetPair,
    /// Adds to a list that is keyed by `_id` or `uuid`, or edits an element of it.
    EditWallet,
    /// Gives that list's elements another identity field.
    RenameWallets,
    /// Puts a value of another kind in a place.
    Retype,
    /// Edits inside the place whose values change their kind.
    EditMixed,
    /// Puts a value of another kind in a list's place.
    RetypeList,
    /// Sets a member of `metadata` that is the client's.
    SetTheme,
}

/// How often each is done.
const WEIGHTS: [(What, usize); 25] = [
    (What::SetField, 10),
    (What::DropField, 4),
    (What::SetAsset, 6),
    (What::EditAsset, 10),
    (What::DropAsset, 4),
    (What::AddTransaction, 8),
    (What::EditTransaction, 10),
    (What::ReplaceTransaction, 4),
    (What::DropTransaction, 5),
    (What::MoveTransaction, 5),
    (What::EditSplit, 5),
    (What::AddTag, 4),
    (What::ToggleTag, 3),
    (What::DropTag, 3),
    (What::MoveTag, 2),
    (What::AddLot, 3),
    (What::ReplaceLot, 3),
    (What::DropLot, 2),
    (What::SetPair, 3),
    (What::EditWallet, 4),
    (What::RenameWallets, 1),
    (What::Retype, 4),
    (What::EditMixed, 4),
    (What::RetypeList, 1),
    (What::SetTheme, 1),
];

/// Whether a place holds a value by itself, which may then be a number that a JavaScript client rounds; elements of sets
/// are named by their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    Yes,
    No,
}

/// One edit: what it does, and two numbers that say where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit {
    /// What it does.
    pub(crate) what: What,
    one: usize,
    other: usize,
}

impl Edit {
    /// Any edit.
    pub(crate) fn any(chance: &mut Chance) -> Self {
        let all: usize = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut left = chance.below(all);
        let mut what = What::SetField;
        for (candidate, weight) in WEIGHTS {
            what = candidate;
            match left.checked_sub(weight) {
                Some(rest) => left = rest,
                None => break,
            }
        }
        Self {
            what,
            one: chance.below(6),
            other: chance.below(6),
        }
    }

    /// True for an edit that makes a list of another kind: elements taken out of it may come back
    /// (docs/MERGE.md, below the laws).
    pub(crate) const fn renames(&self) -> bool {
        matches!(self.what, What::RenameWallets | What::RetypeList)
    }

    /// The operations that make the edit in `document`; `next` gives a value that nobody has written.
    pub(crate) fn ops(&self, document: &Value, next: &mut dyn FnMut(Plain) -> Value) -> Vec<Op> {
        let (one, other) = (self.one, self.other);
        let field = FIELDS[one % 3];
        let asset = ["assets", ASSETS[one % 3]];
        match self.what {
            What::SetField => vec![set(members(&["f", field]), next(Plain::Yes))],
            What::DropField => vec![delete(members(&["f", field]))],
            What::SetAsset => {
                let mut parts = member(document, &asset)
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_default();
                parts.insert(PARTS[other % 2].into(), next(Plain::No));
                vec![set(members(&asset), Value::Object(parts))]
            }
            What::EditAsset => vec![set(members(&[asset[0], asset[1], PARTS[other % 2]]), next(Plain::Yes))],
            What::DropAsset => vec![delete(members(&asset))],
            What::AddTransaction | What::EditTransaction | What::ReplaceTransaction => {
                vec![self.transaction(document, next(Plain::Yes))]
            }
            What::DropTransaction => self.at("txs", document, |path, _| vec![delete(path)]),
            What::MoveTransaction => self.moved("txs", document),
            What::EditSplit => {
                if !matches!(Kind::of(list(document, "txs")), Kind::Keyed(_)) {
                    return Vec::new();
                }
                let part = Token::Element(IdentityField::Id, Value::from(["p", "q"][other % 2]));
                let value = next(Plain::No);
                self.at("txs", document, |path, _| {
                    let split = path.child(Token::Member("split".into())).child(part.clone());
                    vec![set(split.child(Token::Member("n".into())), value.clone())]
                })
            }
            What::AddTag => vec![self.added("tags", document, next(Plain::No))],
            What::ToggleTag => {
                let tag = Value::from(SHARED_TAGS[one % 3]);
                if list(document, "tags").contains(&tag) {
                    vec![delete(members(&["tags"]).child(Token::Value(tag)))]
                } else {
                    vec![self.added("tags", document, tag)]
                }
            }
            What::DropTag => self.at("tags", document, |path, _| vec![delete(path)]),
            What::MoveTag => self.moved("tags", document),
            What::AddLot => vec![self.added("lots", document, object([("q", next(Plain::No))]))],
            What::ReplaceLot => {
                let lot = self.added("lots", document, object([("q", next(Plain::No))]));
                self.at("lots", document, |path, _| vec![delete(path), lot.clone()])
            }
            What::DropLot => self.at("lots", document, |path, _| vec![delete(path)]),
            What::SetPair => vec![set(
                members(&["pair"]),
                Value::List(vec![next(Plain::No), Value::from(1)]),
            )],
            What::EditWallet => vec![self.wallet(document, next(Plain::No))],
            What::RenameWallets => renamed_wallets(document),
            What::Retype => vec![set(members(&[MIXED]), self.other_kind(next(Plain::No)))],
            What::EditMixed => vec![match other % 3 {
                0 => set(members(&[MIXED, "k"]), next(Plain::No)),
                1 => {
                    let token = Token::Element(IdentityField::Id, Value::from("m"));
                    set(
                        members(&[MIXED]).child(token).child(Token::Member("n".into())),
                        next(Plain::No),
                    )
                }
                _ => delete(members(&[MIXED])),
            }],
            What::RetypeList => {
                let name = ["txs", "tags", "lots"][one % 3];
                vec![set(members(&[name]), self.other_kind(next(Plain::No)))]
            }
            What::SetTheme => vec![set(members(&["metadata", "theme"]), next(Plain::No))],
        }
    }

    /// The operations on the element of the list `name` that the edit means, where it has any.
    fn at(&self, name: &str, document: &Value, ops: impl Fn(Path, usize) -> Vec<Op>) -> Vec<Op> {
        let elements = list(document, name);
        if elements.is_empty() {
            return Vec::new();
        }
        let at = self.one % elements.len();
        let token = Kind::of(elements).token(&elements[at]);
        token.map_or_else(Vec::new, |token| ops(members(&[name]).child(token), at))
    }

    fn moved(&self, name: &str, document: &Value) -> Vec<Op> {
        let elements = list(document, name);
        self.at(name, document, |path, at| {
            let others: Vec<&Value> = (0..elements.len()).filter(|n| *n != at).map(|n| &elements[n]).collect();
            let behind = others
                .get(self.other)
                .and_then(|element| Kind::of(elements).token(element));
            let after = behind.map_or(Place::Front, Place::After);
            vec![Op::Move { path, after }]
        })
    }

    /// A new element of a set: at the end, in front or behind another.
    fn added(&self, name: &str, document: &Value, value: Value) -> Op {
        let elements = list(document, name);
        let after = match self.other {
            0 | 1 => None,
            2 => Some(Place::Front),
            other => elements
                .get(other % elements.len().max(1))
                .and_then(|element| Kind::of(elements).token(element).map(Place::After)),
        };
        Op::Set {
            path: members(&[name]).child(Token::Value(value.clone())),
            value,
            after,
        }
    }

    fn transaction(&self, document: &Value, value: Value) -> Op {
        let id = Value::from(["t0", "t1", "t2", "t3", "t4", "t5"][self.one]);
        let token = Token::Element(IdentityField::Id, id.clone());
        let path = members(&["txs"]).child(token);
        let name = ["n", "m"][self.other % 2];
        if self.what == What::EditTransaction {
            return set(path.child(Token::Member(name.into())), value);
        }
        match self.added("txs", document, id.clone()) {
            Op::Set { after, .. } => Op::Set {
                path,
                value: object([("id", id), (name, value)]),
                after,
            },
            op => op,
        }
    }

    fn wallet(&self, document: &Value, value: Value) -> Op {
        let field = match Kind::of(list(document, "wallets")) {
            Kind::Keyed(field) => field,
            _ => IdentityField::Uuid,
        };
        let token = Token::Element(field, Value::from(i64::try_from(self.one % 3).unwrap_or_default()));
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
