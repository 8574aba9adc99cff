//! What a change did to a document, in plain words.
//!
//! A summary names members of the document and never their values: `changed the amount of btc, added 2 transactions`.
//! What was done alike is told together: the same deed, at places that differ in nothing but which elements of lists
//! they are in. Where elements are, the name of their list says what they are.

use crate::algebra::{Observer, Op, Places, Token, apply_observed, diff};
use crate::json::Value;
use std::collections::HashMap;
use std::fmt;

/// How many phrases a summary has, before it only counts.
const MAX_PHRASES: usize = 3;

/// How long the phrases may be together, in characters: what counts the rest still fits into 200.
const PHRASES_LENGTH: usize = 165;

/// How much of a name is shown, in characters.
const NAME_LENGTH: usize = 24;

/// What was done to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Deed {
    Added,
    Changed,
    Removed,
    Moved,
}

impl Deed {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Moved => "moved",
        }
    }
}

/// A step of a path as a summary sees it: a member's name, or any element of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Member(Box<str>),
    Element,
}

/// Where it was done.
type Shape = Vec<Step>;

/// What a change did to a document; its text is one line of at most 200 characters.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// What was done where and how often, in the order in which it was first met.
    deeds: Vec<(Deed, Shape, usize)>,
    numbers: HashMap<(Deed, Shape), usize>,
}

/// Applies `ops` to `document` and tells what that changed, be the operations what they may.
pub(super) fn apply_and_tell<'a>(document: &mut Value, ops: impl IntoIterator<Item = &'a Op>) -> Summary {
    let ops: Vec<&Op> = ops.into_iter().collect();
    let mut watcher = Watcher {
        ops: &ops,
        summary: Summary::default(),
    };
    apply_observed(document, ops.iter().copied(), &mut watcher);
    watcher.summary
}

struct Watcher<'a> {
    ops: &'a [&'a Op],
    summary: Summary,
}

impl Observer for Watcher<'_> {
    fn altered(&mut self, path: &[&Token], _: usize, before: Option<&Value>, after: Option<&Value>) {
        let deed = match (before, after) {
            (Some(before), Some(after)) => return self.edited(path, before, after),
            (None, Some(_)) => Deed::Added,
            (Some(_), None) => Deed::Removed,
            (None, None) => return,
        };
        self.summary.add(deed, path.iter().copied());
    }

    fn reordered(&mut self, _: &[&Token], op: usize) {
        if let Some(op) = self.ops.get(op) {
            self.summary.add(Deed::Moved, op.path().tokens());
        }
    }
}

impl Watcher<'_> {
    /// A value in the place of another: what differs inside.
    fn edited(&mut self, path: &[&Token], before: &Value, after: &Value) {
        let mut places = Places::of(before);
        for part in diff(before, after) {
            let deed = match &part {
                Op::Set { path, .. } if places.find(path).is_none() => Deed::Added,
                Op::Set { .. } => Deed::Changed,
                Op::Delete { .. } => Deed::Removed,
                Op::Move { .. } => Deed::Moved,
            };
            self.summary.add(deed, path.iter().copied().chain(part.path().tokens()));
        }
    }
}

impl Summary {
    fn add<'a>(&mut self, deed: Deed, path: impl IntoIterator<Item = &'a Token>) {
        let step = |token: &Token| match token {
            Token::Member(name) => Step::Member(name.clone()),
            Token::Element(..) | Token::Value(_) => Step::Element,
        };
        let shape: Shape = path.into_iter().map(step).collect();
        let next = self.deeds.len();
        let number = *self.numbers.entry((deed, shape.clone())).or_insert(next);
        match self.deeds.get_mut(number) {
            Some((_, _, times)) => *times += 1,
            None => self.deeds.push((deed, shape, 1)),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.deeds.is_empty() {
            return f.write_str("no change");
        }
        let (mut told, mut length) = (0, 0);
        for (deed, shape, times) in self.deeds.iter().take(MAX_PHRASES) {
            let phrase = phrase(*deed, shape, *times);
            length += phrase.chars().count();
            if told > 0 {
                if length > PHRASES_LENGTH {
                    break;
                }
                f.write_str(", ")?;
            }
            f.write_str(&phrase)?;
            told += 1;
        }
        match self.deeds.iter().skip(told).map(|(_, _, times)| times).sum() {
            0 => Ok(()),
            1_usize => f.write_str(" and 1 more change"),
            more => write!(f, " and {more} more changes"),
        }
    }
}

/// One deed, done `times` times at places of one shape.
fn phrase(deed: Deed, shape: &[Step], times: usize) -> String {
    let did = deed.as_str();
    match shape {
        [] => format!("{did} the document"),
        [.., Step::Element] => format!("{did} {}", elements(shape, times)),
        [Step::Member(name)] => format!("{did} {}", shown(name)),
        [above @ .., Step::Member(name)] => {
            let (name, holder) = (shown(name), holder(above, times));
            match deed {
                Deed::Added => format!("{did} {name} to {holder}"),
                Deed::Removed => format!("{did} {name} from {holder}"),
                Deed::Changed | Deed::Moved => format!("{did} the {name} of {holder}"),
            }
        }
    }
}

/// What holds a member: an element, or a member itself and the element that it is in.
fn holder(above: &[Step], times: usize) -> String {
    let Some((Step::Member(name), outside)) = above.split_last() else {
        return elements(above, times);
    };
    let name = shown(name);
    match outside.iter().rposition(|step| *step == Step::Element) {
        Some(element) => format!("{name} in {}", elements(&outside[..=element], times)),
        None => name,
    }
}

/// Elements of a list, `shape` being one's: `a transaction`, `3 transactions`, `an element of 2024`.
fn elements(shape: &[Step], times: usize) -> String {
    let list = match shape {
        [.., Step::Member(list), Step::Element] => list,
        _ => "list",
    };
    let one = one_of(list);
    match (one, times) {
        (Some(one), 1) => format!("{} {}", article(&one), shown(&one)),
        (Some(_), _) => format!("{times} {}", shown(list)),
        (None, 1) => format!("an element of {}", shown(list)),
        (None, _) => format!("{times} elements of {}", shown(list)),
    }
}

/// The word for one of what `list` names, where that is an English plural in its usual form.
fn one_of(list: &str) -> Option<String> {
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
    let hisses = ["sse", "she", "che", "xe"].iter().any(|end| stem.ends_with(end));
    let one = if hisses { stem.strip_suffix('e') } else { None };
    Some(one.unwrap_or(stem).to_owned())
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) {
        "an"
    } else {
        "a"
    }
}

/// A name as it is shown: on one line, and not too long.
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
    use super::apply_and_tell;
    use crate::algebra::{Op, diff};
    use crate::json::{Value, read};

    fn value(text: &str) -> Value {
        read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// What is told of the patch between two documents.
    fn told(before: &str, after: &str) -> String {
        let (mut document, after) = (value(before), value(after));
        let ops = diff(&document, &after);
        let told = apply_and_tell(&mut document, &ops).to_string();
        assert_eq!(document, after);
        told
    }

    /// What is told of operations as a device sends them.
    fn told_of(document: &str, ops: &[&str]) -> String {
        let ops: Vec<Op> = ops.iter().map(|op| Op::from_json(&value(op)).unwrap()).collect();
        apply_and_tell(&mut value(document), &ops).to_string()
    }

    #[test]
    fn each_kind_of_place_has_its_words() {
        for (before, after, expected) in [
            (r#"{"a":1}"#, r#"{"a":1}"#, "no change"),
            // Objects.
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
            // Keyed lists.
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
            // What ends like a plural and is none.
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
            // Moves.
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
            // Sets.
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
            // Opaque lists are one value.
            (r#"{"pair":[1,2]}"#, r#"{"pair":[1,3]}"#, "changed pair"),
            (
                r#"{"a":{"pair":[1,2]}}"#,
                r#"{"a":{"pair":[]}}"#,
                "changed the pair of a",
            ),
            // Another kind of value.
            (r#"{"a":{"b":1}}"#, r#"{"a":"b"}"#, "changed a"),
            (
                r#"{"a":{"b":[{"id":1}]}}"#,
                r#"{"a":{"b":{"id":1}}}"#,
                "changed the b of a",
            ),
            (r#"{"a":["x"]}"#, r#"{"a":[{"id":1}]}"#, "changed a"),
            (r#"{"a":1}"#, r#"{"a":null}"#, "changed a"),
            // Lists in lists, objects in elements.
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
        ] {
            assert_eq!(told(before, after), expected, "{before} → {after}");
        }
    }

    #[test]
    fn only_what_an_operation_changed_is_told() {
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
            assert_eq!(told_of(document, ops), expected, "{ops:?}");
        }
    }

    #[test]
    fn three_phrases_and_a_count_are_enough() {
        assert_eq!(told("{}", r#"{"a":1,"b":1,"c":1}"#), "added a, added b, added c");
        assert_eq!(
            told("{}", r#"{"a":1,"b":1,"c":1,"d":1}"#),
            "added a, added b, added c and 1 more change"
        );
        assert_eq!(
            told(r#"{"d":[]}"#, r#"{"a":1,"b":1,"c":1,"d":["x","y","z"],"e":1}"#),
            "added a, added b, added c and 4 more changes"
        );
    }

    #[test]
    fn whatever_the_names_a_summary_is_one_short_line_without_values() {
        let long = "n".repeat(500);
        let one = told("{}", &format!(r#"{{"{long}":1}}"#));
        assert_eq!(one, format!("added {}…", "n".repeat(23)));
        let deep = |value: &str| {
            let members = ["p", "q", "r", "s"]
                .map(|name| format!(r#""{name}{long}":[{{"id":"secret","{name}{long}":{{"{name}{long}":{value}}}}}]"#));
            format!("{{{}}}", members.join(","))
        };
        let all = told(&deep("\"secret\""), &deep("\"secret too\""));
        assert!(all.ends_with(" more changes") && all.chars().count() <= 200, "{all}");
        assert!(!all.contains("secret"), "{all}");
        assert_eq!(told("{}", r#"{"":1," ":1}"#), r#"added "", added " ""#);
        assert_eq!(told("{}", r#"{"a\nb\u0000":1}"#), "added a b ");
    }
}
