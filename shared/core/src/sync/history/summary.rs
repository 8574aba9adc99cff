//! The effect of a change on a document, in plain words.
//!
//! A summary names members of the document and never their values: `changed the amount of btc, added 2 transactions`.
//! Effects of the same kind are counted together if their paths differ only in the elements of lists, such as the
//! amounts of two transactions. An element is called by the name of its list: an element of `transactions` is a
//! transaction.

use crate::algebra::{DocumentIndex, Observer, Op, Token, apply_observed, diff};
use crate::json::Value;
use std::collections::HashMap;
use std::fmt;

/// How many phrases a summary has at most; further effects are only counted.
const MAX_PHRASES: usize = 3;

/// How long the phrases may be together, in characters, so that the count of the other effects still fits into 200.
const PHRASES_LENGTH: usize = 165;

/// How many characters of a name are shown.
const NAME_LENGTH: usize = 24;

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
}

/// Applies `ops` to `document` and summarizes their effect, which may be smaller than the operations suggest.
pub(super) fn apply_and_summarize<'a>(document: &mut Value, ops: impl IntoIterator<Item = &'a Op>) -> Summary {
    let ops: Vec<&Op> = ops.into_iter().collect();
    let mut watcher = Watcher {
        ops: &ops,
        summary: Summary::default(),
    };
    apply_observed(document, ops.iter().copied(), &mut watcher);
    watcher.summary
}

/// Notes the effects of operations while they are applied.
struct Watcher<'a> {
    ops: &'a [&'a Op],
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
        self.summary.add(effect, path.iter().copied());
    }

    fn reordered(&mut self, _: &[&Token], op: usize) {
        if let Some(op) = self.ops.get(op) {
            self.summary.add(Effect::Moved, op.path().tokens());
        }
    }
}

impl Watcher<'_> {
    /// Adds the differences inside a value that was replaced by another.
    fn replaced(&mut self, path: &[&Token], before: &Value, after: &Value) {
        let mut index = DocumentIndex::of(before);
        for part in diff(before, after) {
            let effect = match &part {
                Op::Set { path, .. } if index.find(path).is_none() => Effect::Added,
                Op::Set { .. } => Effect::Changed,
                Op::Delete { .. } => Effect::Removed,
                Op::Move { .. } => Effect::Moved,
            };
            self.summary
                .add(effect, path.iter().copied().chain(part.path().tokens()));
        }
    }
}

impl Summary {
    fn add<'a>(&mut self, effect: Effect, path: impl IntoIterator<Item = &'a Token>) {
        let step = |token: &Token| match token {
            Token::Member(name) => Step::Member(name.clone()),
            Token::Element(..) | Token::Value(..) => Step::Element,
        };
        let shape: Shape = path.into_iter().map(step).collect();
        let next = self.effects.len();
        let index = *self.indexes.entry((effect, shape.clone())).or_insert(next);
        match self.effects.get_mut(index) {
            Some((_, _, times)) => *times += 1,
            None => self.effects.push((effect, shape, 1)),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.effects.is_empty() {
            return f.write_str("no change");
        }
        let (mut written, mut length) = (0, 0);
        for (effect, shape, times) in self.effects.iter().take(MAX_PHRASES) {
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
        match self.effects.iter().skip(written).map(|(_, _, times)| times).sum() {
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
        let summary = apply_and_summarize(&mut document, &ops).to_string();
        assert_eq!(document, after);
        summary
    }

    /// Returns the summary of operations in the form in which a device sends them.
    fn summary_of(document: &str, ops: &[&str]) -> String {
        let ops: Vec<Op> = ops.iter().map(|op| Op::from_json(&value(op)).unwrap()).collect();
        apply_and_summarize(&mut value(document), &ops).to_string()
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
                "added btc to assets, removed eth from assets",
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
                "added m to an address, removed n from an address",
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
