//! The effect of a change on a document, in plain words.
//!
//! A summary names members of the document and never their values: `changed the amount of btc, added 2 transactions`.
//! Effects of the same kind are counted together if their paths differ only in the elements of lists, such as the
//! amounts of two transactions. An element is called by the name of its list: an element of `transactions` is a
//! transaction. The members of an object are called like elements if at least [`MANY_ALIKE`] of them have the same
//! effect: `changed the price of 200 assets`.
//!
//! Removals, additions and moves of elements come first, then those of members, then changed values. So a summary of a
//! thousand new prices and one deleted transaction begins with the transaction.

use super::touch::is_touched;
use crate::algebra::{DocumentIndex, Observer, Op, Token, apply_observed, diff};
use crate::json::Value;
use crate::wire::v2::HistoryPath;
use std::collections::HashMap;
use std::fmt;

/// How many phrases a summary has at most; further effects are only counted.
const MAX_PHRASES: usize = 3;

/// How long the phrases may be together, in characters, so that the count of the other effects still fits into 200.
const PHRASES_LENGTH: usize = 165;

/// How many characters of a name are shown.
const NAME_LENGTH: usize = 24;

/// How many members of an object must have the same effect to be counted together.
const MANY_ALIKE: usize = 4;

/// How deep paths are at most whose members are counted together, so that time stays linear.
const MAX_ALIKE_DEPTH: usize = 16;

/// The kind of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Effect {
    Added,
    Changed,
    Removed,
    Moved,
}

impl Effect {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Moved => "moved",
        }
    }
}

/// A step of a path as far as a summary distinguishes it: a member's name, or any element of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Member(Box<str>),
    Element,
}

/// The path of an effect; the paths of different elements of a list have the same shape.
type Shape = Vec<Step>;

/// The effects of a change on a document. The text of a summary is one line of at most 200 characters.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// How often each effect occurred, in the order of the first occurrences.
    effects: Vec<(Effect, Shape, usize)>,
    /// The index of each effect in `effects`.
    indexes: HashMap<(Effect, Shape), usize>,
    /// True if the change touched the value at the requested path.
    pub(super) has_touched: bool,
}

/// Applies `ops` to `document` and summarizes their effect, which may be smaller than the operations suggest. Notes
/// whether they touched the value at `path`, if there is one.
pub(super) fn apply_and_summarize<'a>(
    document: &mut Value,
    ops: impl IntoIterator<Item = &'a Op>,
    path: Option<&HistoryPath>,
) -> Summary {
    let ops: Vec<&Op> = ops.into_iter().collect();
    let mut watcher = Watcher {
        ops: &ops,
        path,
        summary: Summary::default(),
    };
    apply_observed(document, ops.iter().copied(), &mut watcher);
    watcher.summary
}

/// Notes the effects of operations while they are applied.
struct Watcher<'a> {
    ops: &'a [&'a Op],
    path: Option<&'a HistoryPath>,
    summary: Summary,
}

impl Observer for Watcher<'_> {
    fn altered(&mut self, path: &[&Token], _: usize, before: Option<&Value>, after: Option<&Value>) {
        let effect = match (before, after) {
            (Some(before), Some(after)) => return self.replaced(path, before, after),
            (None, Some(_)) => Effect::Added,
            (Some(_), None) => Effect::Removed,
            (None, None) => return,
        };
        self.note_touch(path, before, after);
        self.summary.add(effect, path.iter().copied());
    }

    fn reordered(&mut self, _: &[&Token], op: usize) {
        if let Some(op) = self.ops.get(op) {
            let path: Vec<&Token> = op.path().tokens().iter().collect();
            self.note_touch(&path, None, None);
            self.summary.add(Effect::Moved, path);
        }
    }
}

impl Watcher<'_> {
    /// Adds the differences inside a value that was replaced by another.
    fn replaced(&mut self, path: &[&Token], before: &Value, after: &Value) {
        let mut index = DocumentIndex::of(before);
        for part in diff(before, after) {
            let before = index.find(part.path());
            let (effect, before, after) = match &part {
                Op::Set { value, .. } if before.is_none() => (Effect::Added, None, Some(value)),
                Op::Set { value, .. } => (Effect::Changed, before, Some(value)),
                Op::Delete { .. } => (Effect::Removed, before, None),
                Op::Move { .. } => (Effect::Moved, None, None),
            };
            let path: Vec<&Token> = path.iter().copied().chain(part.path().tokens()).collect();
            self.note_touch(&path, before, after);
            self.summary.add(effect, path);
        }
    }

    /// Notes whether turning `before`, the value at `path`, into `after` touched the requested path.
    fn note_touch(&mut self, path: &[&Token], before: Option<&Value>, after: Option<&Value>) {
        if let Some(requested) = self.path.filter(|_| !self.summary.has_touched) {
            self.summary.has_touched = is_touched(requested, path, before, after);
        }
    }
}

impl Summary {
    fn add<'a>(&mut self, effect: Effect, path: impl IntoIterator<Item = &'a Token>) {
        let step = |token: &Token| match token {
            Token::Member(name) => Step::Member(name.clone()),
            _ => Step::Element,
        };
        let shape: Shape = path.into_iter().map(step).collect();
        let next = self.effects.len();
        let index = *self.indexes.entry((effect, shape.clone())).or_insert(next);
        match self.effects.get_mut(index) {
            Some((_, _, times)) => *times += 1,
            None => self.effects.push((effect, shape, 1)),
        }
    }

    /// True unless the change only replaced values: it added, removed or moved something.
    pub(super) fn is_important(&self) -> bool {
        self.effects.iter().any(|(effect, ..)| *effect != Effect::Changed)
    }

    /// Returns the effects in the order of their phrases, with those of many members of an object counted together.
    fn in_order(&self) -> Vec<(Effect, Shape, usize)> {
        let mut counts: HashMap<(Effect, Shape), usize> = HashMap::new();
        for (effect, shape, _) in &self.effects {
            for general in generalizations(shape) {
                *counts.entry((*effect, general)).or_default() += 1;
            }
        }
        let mut ordered = Self::default();
        for (effect, shape, times) in &self.effects {
            let general = generalizations(shape).map(|general| (*effect, general));
            // Of several, the one that most effects share; of equal ones, the outermost.
            let most_alike = general.rev().max_by_key(|general| counts.get(general).copied());
            let many = most_alike.filter(|general| counts.get(general).is_some_and(|count| *count >= MANY_ALIKE));
            let (effect, shape) = many.unwrap_or_else(|| (*effect, shape.clone()));
            let next = ordered.effects.len();
            let index = *ordered.indexes.entry((effect, shape.clone())).or_insert(next);
            match ordered.effects.get_mut(index) {
                Some((.., sum)) => *sum += times,
                None => ordered.effects.push((effect, shape, *times)),
            }
        }
        let mut effects = ordered.effects;
        effects.sort_by_key(|(effect, shape, _)| rank(*effect, shape));
        effects
    }
}

/// Returns the shapes in which any one member of an object that is itself a member counts as an element.
fn generalizations(shape: &[Step]) -> impl DoubleEndedIterator<Item = Shape> {
    let depth = if shape.len() > MAX_ALIKE_DEPTH { 0 } else { shape.len() };
    let is_member = |step: &Step| matches!(step, Step::Member(_));
    let positions = (1..depth).filter(move |at| is_member(&shape[at - 1]) && is_member(&shape[*at]));
    positions.map(move |at| {
        let mut general = shape.to_vec();
        general[at] = Step::Element;
        general
    })
}

/// Returns the rank of a phrase: those of lower ranks come first.
fn rank(effect: Effect, shape: &[Step]) -> u8 {
    let is_element = shape.last() == Some(&Step::Element);
    match (is_element, effect) {
        (true, Effect::Removed) => 0,
        (true, Effect::Added) => 1,
        (true, Effect::Moved) => 2,
        (false, Effect::Removed) => 3,
        (false, Effect::Added) => 4,
        (_, Effect::Changed | Effect::Moved) => 5,
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.effects.is_empty() {
            return f.write_str("no change");
        }
        let effects = self.in_order();
        let (mut written, mut length) = (0, 0);
        for (effect, shape, times) in effects.iter().take(MAX_PHRASES) {
            let phrase = phrase(*effect, shape, *times);
            length += phrase.chars().count();
            if written > 0 {
                if length > PHRASES_LENGTH {
                    break;
                }
                f.write_str(", ")?;
            }
            f.write_str(&phrase)?;
            written += 1;
        }
        match effects.iter().skip(written).map(|(_, _, times)| times).sum() {
            0 => Ok(()),
            1_usize => f.write_str(" and 1 more change"),
            more => write!(f, " and {more} more changes"),
        }
    }
}

/// Returns the phrase for an effect that occurred `times` times at paths of the same shape.
fn phrase(effect: Effect, shape: &[Step], times: usize) -> String {
    let verb = effect.as_str();
    match shape {
        [] => format!("{verb} the document"),
        [.., Step::Element] => format!("{verb} {}", elements(shape, times)),
        [Step::Member(name)] => format!("{verb} {}", shown(name)),
        [above @ .., Step::Member(name)] => {
            let (name, parent) = (shown(name), parent(above, times));
            match effect {
                Effect::Added => format!("{verb} {name} to {parent}"),
                Effect::Removed => format!("{verb} {name} from {parent}"),
                Effect::Changed | Effect::Moved => format!("{verb} the {name} of {parent}"),
            }
        }
    }
}

/// Returns the words for the parent of a member: an element, or a member together with the element that contains it.
fn parent(above: &[Step], times: usize) -> String {
    let Some((Step::Member(name), outside)) = above.split_last() else {
        return elements(above, times);
    };
    let name = shown(name);
    match outside.iter().rposition(|step| *step == Step::Element) {
        Some(element) => format!("{name} in {}", elements(&outside[..=element], times)),
        None => name,
    }
}

/// Returns the words for elements of a list whose paths have this `shape`: `a transaction`, `3 transactions`,
/// `an element of 2024`.
fn elements(shape: &[Step], times: usize) -> String {
    let list = match shape {
        [.., Step::Member(list), Step::Element] => list,
        _ => "list",
    };
    match (singular(list), times) {
        (Some(one), 1) => format!("{} {}", article(&one), shown(&one)),
        (Some(_), _) => format!("{times} {}", shown(list)),
        (None, 1) => format!("an element of {}", shown(list)),
        (None, _) => format!("{times} elements of {}", shown(list)),
    }
}

/// Returns the singular of `list` if that is an English plural of the usual form.
fn singular(list: &str) -> Option<String> {
    let is_word = list.len() > 2
        && list
            .chars()
            .all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | ' '));
    let stem = list
        .strip_suffix('s')
        .filter(|stem| is_word && !stem.ends_with(['s', 'u', 'i']))?;
    if let Some(stem) = stem.strip_suffix("ie").filter(|stem| !stem.is_empty()) {
        return Some(format!("{stem}y"));
    }
    let is_plural_in_es = ["sse", "she", "che", "xe"].iter().any(|end| stem.ends_with(end));
    let one = if is_plural_in_es { stem.strip_suffix('e') } else { None };
    Some(one.unwrap_or(stem).to_owned())
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) {
        "an"
    } else {
        "a"
    }
}

/// Returns a name as a summary shows it: on one line, and not too long.
fn shown(name: &str) -> String {
    if name.trim().is_empty() {
        return format!("\"{}\"", " ".repeat(name.chars().count().min(1)));
    }
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = name.chars().map(printable).take(NAME_LENGTH).collect();
    if name.chars().nth(NAME_LENGTH).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::apply_and_summarize;
    use crate::algebra::{Op, diff};
    use crate::json::{Value, read};

    fn value(text: &str) -> Value {
        read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Returns the summary of the patch that turns `before` into `after`.
    fn summary(before: &str, after: &str) -> String {
        let (mut document, after) = (value(before), value(after));
        let ops = diff(&document, &after);
        let summary = apply_and_summarize(&mut document, &ops, None).to_string();
        assert_eq!(document, after);
        summary
    }

    /// Returns the summary of operations in the form in which a device sends them.
    fn summary_of(document: &str, ops: &[&str]) -> String {
        let ops: Vec<Op> = ops.iter().map(|op| Op::from_json(&value(op)).unwrap()).collect();
        apply_and_summarize(&mut value(document), &ops, None).to_string()
    }

    /// Asserts the summaries of patches, given the documents before and after each.
    fn assert_summaries(patches: &[(&str, &str, &str)]) {
        for (before, after, expected) in patches {
            assert_eq!(summary(before, after), *expected, "{before} → {after}");
        }
    }

    #[test]
    fn members_of_objects_have_their_names() {
        assert_summaries(&[
            (r#"{"a":1}"#, r#"{"a":1}"#, "no change"),
            (r#"{"currency":"EUR"}"#, r#"{"currency":"USD"}"#, "changed currency"),
            (r#"{}"#, r#"{"settings":{"a":1}}"#, "added settings"),
            (r#"{"settings":{}}"#, r#"{}"#, "removed settings"),
            (
                r#"{"assets":{"btc":{"amount":"1"}}}"#,
                r#"{"assets":{"btc":{"amount":"2"}}}"#,
                "changed the amount of btc",
            ),
            (
                r#"{"assets":{"eth":1}}"#,
                r#"{"assets":{"btc":1}}"#,
                "removed eth from assets, added btc to assets",
            ),
            (r#"{"a":{"b":null}}"#, r#"{"a":{}}"#, "removed b from a"),
        ]);
    }

    #[test]
    fn elements_of_keyed_lists_have_the_singular_of_the_lists_name() {
        assert_summaries(&[
            (
                r#"{"transactions":[{"id":1}]}"#,
                r#"{"transactions":[{"id":3},{"id":1},{"id":2}]}"#,
                "added 2 transactions",
            ),
            (r#"{"assets":[{"id":1}]}"#, r#"{"assets":[]}"#, "removed an asset"),
            (
                r#"{"entries":[{"id":1,"n":1},{"id":2,"n":1}]}"#,
                r#"{"entries":[{"id":1,"n":2},{"id":2,"n":1}]}"#,
                "changed the n of an entry",
            ),
            (
                r#"{"addresses":[{"id":1,"n":1},{"id":2,"n":1}]}"#,
                r#"{"addresses":[{"id":1,"n":2},{"id":2,"n":2}]}"#,
                "changed the n of 2 addresses",
            ),
            (
                r#"{"addresses":[{"id":1,"n":1}]}"#,
                r#"{"addresses":[{"id":1,"m":1}]}"#,
                "removed n from an address, added m to an address",
            ),
            (
                r#"{"history":[{"id":1}]}"#,
                r#"{"history":[{"id":2},{"id":3}]}"#,
                "removed an element of history, added 2 elements of history",
            ),
        ]);
    }

    #[test]
    fn a_list_whose_name_is_not_a_plural_has_elements() {
        assert_summaries(&[
            (
                r#"{"status":[{"id":1}]}"#,
                r#"{"status":[]}"#,
                "removed an element of status",
            ),
            (
                r#"{"2024s":[{"id":1}]}"#,
                r#"{"2024s":[]}"#,
                "removed an element of 2024s",
            ),
            (r#"{"as":[{"id":1}]}"#, r#"{"as":[]}"#, "removed an element of as"),
        ]);
    }

    #[test]
    fn moved_elements_are_counted_and_their_edits_too() {
        assert_summaries(&[
            (
                r#"{"transactions":[{"id":1},{"id":2},{"id":3}]}"#,
                r#"{"transactions":[{"id":3},{"id":1},{"id":2}]}"#,
                "moved a transaction",
            ),
            (
                r#"{"transactions":[{"id":1,"n":1},{"id":2,"n":1},{"id":3,"n":1}]}"#,
                r#"{"transactions":[{"id":3,"n":2},{"id":1,"n":1},{"id":2,"n":1}]}"#,
                "moved a transaction, changed the n of a transaction",
            ),
        ]);
    }

    #[test]
    fn elements_of_sets_are_added_and_removed() {
        assert_summaries(&[
            (
                r#"{"tags":["a","b"]}"#,
                r#"{"tags":["b","c","d"]}"#,
                "removed a tag, added 2 tags",
            ),
            (
                r#"{"boxes":[{"n":1}]}"#,
                r#"{"boxes":[{"n":2}]}"#,
                "removed a box, added a box",
            ),
        ]);
    }

    #[test]
    fn an_opaque_list_and_a_value_of_another_kind_are_changed_as_a_whole() {
        assert_summaries(&[
            (r#"{"pair":[1,2]}"#, r#"{"pair":[1,3]}"#, "changed pair"),
            (
                r#"{"a":{"pair":[1,2]}}"#,
                r#"{"a":{"pair":[]}}"#,
                "changed the pair of a",
            ),
            (r#"{"a":{"b":1}}"#, r#"{"a":"b"}"#, "changed a"),
            (
                r#"{"a":{"b":[{"id":1}]}}"#,
                r#"{"a":{"b":{"id":1}}}"#,
                "changed the b of a",
            ),
            (r#"{"a":["x"]}"#, r#"{"a":[{"id":1}]}"#, "changed a"),
            (r#"{"a":1}"#, r#"{"a":null}"#, "changed a"),
        ]);
    }

    #[test]
    fn values_inside_elements_name_the_innermost_list() {
        assert_summaries(&[
            (
                r#"{"wallets":[{"id":1,"coins":[{"id":1}]},{"id":2,"coins":[]}]}"#,
                r#"{"wallets":[{"id":1,"coins":[{"id":1},{"id":2}]},{"id":2,"coins":[{"id":3}]}]}"#,
                "added 2 coins",
            ),
            (
                r#"{"wallets":[{"id":1,"fee":{"n":1}},{"id":2,"fee":{"n":1}}]}"#,
                r#"{"wallets":[{"id":1,"fee":{"n":2}},{"id":2,"fee":{"n":2}}]}"#,
                "changed the n of fee in 2 wallets",
            ),
            (
                r#"{"wallets":[{"id":1,"fee":{"n":1}}]}"#,
                r#"{"wallets":[{"id":1,"fee":{}}]}"#,
                "removed n from fee in a wallet",
            ),
        ]);
    }

    #[test]
    fn a_summary_has_only_the_effects_of_the_operations() {
        let document = r#"{"a":{"x":1,"y":1},"tags":["p","q"],"l":[{"id":1}]}"#;
        for (ops, expected) in [
            (&[r#"{"op":"set","path":["a","x"],"value":1}"#][..], "no change"),
            (
                &[r#"{"op":"set","path":["a"],"value":{"x":1,"y":2}}"#],
                "changed the y of a",
            ),
            (
                &[r#"{"op":"set","path":["a"],"value":{"x":1,"y":1,"z":1}}"#],
                "added z to a",
            ),
            (&[r#"{"op":"delete","path":["b"]}"#], "no change"),
            (
                &[r#"{"op":"move","path":["tags",{"value":"p"}],"after":null}"#],
                "no change",
            ),
            (
                &[r#"{"op":"move","path":["tags",{"value":"r"}],"after":null}"#],
                "no change",
            ),
            (
                &[r#"{"op":"move","path":["tags",{"value":"q"}],"after":null}"#],
                "moved a tag",
            ),
            (&[r#"{"op":"set","path":["tags"],"value":["q","p"]}"#], "moved a tag"),
            (
                &[r#"{"op":"set","path":["tags",{"value":"p"}],"value":"p"}"#],
                "no change",
            ),
            (
                &[
                    r#"{"op":"move","path":["tags",{"value":"q"}],"after":null}"#,
                    r#"{"op":"delete","path":["l",{"id":1}]}"#,
                    r#"{"op":"delete","path":["l",{"id":2}]}"#,
                ],
                "removed an element of l, moved a tag",
            ),
        ] {
            assert_eq!(summary_of(document, ops), expected, "{ops:?}");
        }
    }

    #[test]
    fn removals_additions_and_moves_come_before_changed_values() {
        let elements = |ids: &[u64], n: u64| -> String {
            let elements: Vec<_> = ids.iter().map(|id| format!(r#"{{"id":{id},"n":{n}}}"#)).collect();
            format!("[{}]", elements.join(","))
        };
        let document = |note: &str, ids: &[u64], n: u64, rest: &str| {
            format!(
                r#"{{"a":{n},"assets":{{"btc":{n}}},"note":"{note}","transactions":{}{rest}}}"#,
                elements(ids, n)
            )
        };
        assert_eq!(
            summary(
                &document("x", &[1, 2, 3, 4], 1, r#","old":1"#),
                &document("y", &[4, 2, 3, 5], 2, r#","new":1"#)
            ),
            "removed a transaction, added a transaction, moved a transaction and 8 more changes"
        );
        assert_eq!(
            summary(
                &document("x", &[1], 1, r#","old":1"#),
                &document("y", &[1], 1, r#","new":1"#)
            ),
            "removed old, added new, changed note"
        );
    }

    #[test]
    fn many_members_with_the_same_effect_are_one_phrase() {
        let members = |count: usize, value: &dyn Fn(usize) -> String| -> String {
            let members: Vec<_> = (0..count).map(|n| format!(r#""coin{n}":{}"#, value(n))).collect();
            members.join(",")
        };
        let prices = |count: usize, price: usize| members(count, &|_| price.to_string());
        let assets = |count: usize, price: usize, amount: usize| {
            members(count, &|_| format!(r#"{{"price":{price},"amount":{amount}}}"#))
        };
        let within = |name: &str, members: String| format!(r#"{{"{name}":{{{members}}}}}"#);
        for (before, after, expected) in [
            (
                within("prices", prices(200, 1)),
                within("prices", prices(200, 2)),
                "changed 200 prices",
            ),
            (
                within("prices", prices(4, 1)),
                within("prices", prices(4, 2)),
                "changed 4 prices",
            ),
            (
                within("prices", prices(3, 1)),
                within("prices", prices(3, 2)),
                "changed the coin0 of prices, changed the coin1 of prices, changed the coin2 of prices",
            ),
            (
                within("assets", assets(200, 1, 1)),
                within("assets", assets(200, 2, 1)),
                "changed the price of 200 assets",
            ),
            (
                within("assets", assets(200, 1, 1)),
                within("assets", assets(200, 2, 2)),
                "changed the amount of 200 assets, changed the price of 200 assets",
            ),
            (
                within("assets", assets(2, 1, 1)),
                within("assets", assets(200, 1, 1)),
                "added 198 assets",
            ),
            (
                within("status", prices(9, 1)),
                within("status", prices(1, 1)),
                "removed 8 elements of status",
            ),
            // The members of the document itself have no common name.
            (
                format!("{{{}}}", prices(5, 1)),
                format!("{{{}}}", prices(5, 2)),
                "changed coin0, changed coin1, changed coin2 and 2 more changes",
            ),
        ] {
            assert_eq!(summary(&before, &after), expected, "{before} → {after}");
        }
    }

    #[test]
    fn a_refresh_that_also_deletes_a_transaction_says_so_first() {
        let document = |price: usize, transactions: &str| {
            let assets: Vec<_> = (0..200)
                .map(|n| format!(r#"{{"id":"coin{n}","price":{price}}}"#))
                .collect();
            format!(r#"{{"assets":[{}],"transactions":[{transactions}]}}"#, assets.join(","))
        };
        assert_eq!(
            summary(&document(1, r#"{"id":1},{"id":2}"#), &document(2, r#"{"id":2}"#)),
            "removed a transaction, changed the price of 200 assets"
        );
    }

    #[test]
    fn a_summary_has_three_phrases_and_counts_the_other_effects() {
        assert_eq!(summary("{}", r#"{"a":1,"b":1,"c":1}"#), "added a, added b, added c");
        assert_eq!(
            summary("{}", r#"{"a":1,"b":1,"c":1,"d":1}"#),
            "added a, added b, added c and 1 more change"
        );
        assert_eq!(
            summary(r#"{"d":[]}"#, r#"{"a":1,"b":1,"c":1,"d":["x","y","z"],"e":1}"#),
            "added a, added b, added c and 4 more changes"
        );
    }

    #[test]
    fn a_summary_is_one_short_line_without_values_however_long_the_names_are() {
        let long = "n".repeat(500);
        let one = summary("{}", &format!(r#"{{"{long}":1}}"#));
        assert_eq!(one, format!("added {}…", "n".repeat(23)));
        let deep = |value: &str| {
            let members = ["p", "q", "r", "s"]
                .map(|name| format!(r#""{name}{long}":[{{"id":"secret","{name}{long}":{{"{name}{long}":{value}}}}}]"#));
            format!("{{{}}}", members.join(","))
        };
        let all = summary(&deep("\"secret\""), &deep("\"secret too\""));
        assert!(all.ends_with(" more changes") && all.chars().count() <= 200, "{all}");
        assert!(!all.contains("secret"), "{all}");
        assert_eq!(summary("{}", r#"{"":1," ":1}"#), r#"added "", added " ""#);
        assert_eq!(summary("{}", r#"{"a\nb\u0000":1}"#), "added a b ");
    }
}
