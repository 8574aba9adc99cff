//! `docs/MERGE.md`, "The order of lists".

use crate::generate::config;
use crate::support::{History, device, json, merge_texts, text};
use coinolio_core::algebra::{Ranks, merge};
use coinolio_core::json::{Object, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::HashSet;

type Names = Vec<&'static str>;

fn letters(text: &str) -> Value {
    let elements = text.chars().map(|c| Value::from(&*c.to_string()));
    Value::Object(Object::from([("l".into(), Value::List(elements.collect()))]))
}

/// Returns the merged order of three lists of letters.
fn merged(base: &str, server: &str, client: &str) -> String {
    let base = letters(base);
    let server = History::of(&base).become_at(&letters(server), "tablet", 1);
    let client = History::of(&base).become_at(&letters(client), "phone", 2);
    let own = device("phone");
    let merged = merge(&base, server.authored(), client.authored(), Some(&own), &Ranks::new());
    assert!(merged.conflicts.is_empty(), "the order of a list never conflicts");
    let Value::Object(members) = &merged.document else {
        panic!("not an object")
    };
    let Some(Value::List(elements)) = members.get("l") else {
        panic!("not a list")
    };
    elements.iter().filter_map(Value::as_str).collect()
}

fn table(rows: &[(&str, &str, &str, &str)]) {
    for (base, server, client, expected) in rows {
        assert_eq!(
            merged(base, server, client),
            *expected,
            "base {base}, server {server}, client {client}"
        );
    }
}

#[test]
fn a_merged_list_has_the_servers_order() {
    table(&[
        ("abc", "cab", "abc", "cab"),
        ("abc", "cba", "abcx", "cbax"),
        ("ab", "ayb", "abx", "aybx"),
        ("ab", "bya", "xab", "xbya"),
    ]);
}

#[test]
fn an_element_that_only_the_client_still_has_stays_behind_its_predecessor() {
    let merged = merge_texts(
        r#"{"l":[{"id":"a"},{"id":"b"}]}"#,
        r#"{"l":[{"id":"a"},{"id":"c"}]}"#,
        r#"{"l":[{"id":"a"},{"id":"b","v":1}]}"#,
    );
    assert_eq!(merged.conflicts.len(), 1);
    assert_eq!(
        text(&merged.document),
        r#"{"l":[{"id":"a"},{"id":"b","v":1},{"id":"c"}]}"#
    );
}

#[test]
fn elements_that_the_client_appended_go_to_the_end_in_its_order() {
    table(&[
        ("ab", "aby", "abx", "abyx"),
        ("ab", "abyz", "abxw", "abyzxw"),
        ("ab", "ba", "abx", "bax"),
        ("", "yz", "xw", "yzxw"),
        ("ab", "y", "abx", "yx"),
    ]);
}

#[test]
fn an_element_that_the_client_moved_to_the_end_goes_to_the_end() {
    table(&[("abc", "abcy", "bca", "bcya"), ("abcd", "yabcd", "cdba", "ycdba")]);
}

#[test]
fn an_element_that_the_client_inserted_goes_behind_its_predecessor() {
    table(&[
        ("ab", "ab", "axb", "axb"),
        ("ab", "ayb", "axb", "axyb"),
        ("ab", "ayb", "axwb", "axwyb"),
        ("ab", "yab", "xab", "xyab"),
        ("ab", "ba", "axb", "bax"),
    ]);
}

#[test]
fn an_element_whose_predecessor_is_deleted_goes_behind_the_nearest_one_before_it() {
    table(&[
        ("abc", "ac", "abxc", "axc"),
        ("abc", "cy", "abxc", "xcy"),
        ("abcd", "ad", "abcxd", "axd"),
        ("abc", "a", "axbc", "ax"),
        ("ab", "ay", "axb", "axy"),
    ]);
}

#[test]
fn an_element_that_the_client_moved_goes_behind_its_new_predecessor() {
    table(&[
        ("abcd", "abcd", "acdb", "acdb"),
        ("abcd", "abycd", "dabc", "dabyc"),
        ("abcd", "aybcd", "adbc", "adybc"),
        ("abcd", "bcd", "adbc", "dbc"),
    ]);
}

#[test]
fn an_element_that_both_sides_moved_has_the_servers_position() {
    table(&[
        ("abcd", "dabc", "adbc", "dabc"),
        ("abcd", "dabc", "abdc", "dabc"),
        ("abcdx", "dabcx", "abdcxy", "dabcxy"),
    ]);
}

#[test]
fn an_element_that_both_sides_added_has_the_servers_position() {
    table(&[("ab", "abx", "xab", "abx"), ("ab", "axb", "abx", "axb")]);
}

#[test]
fn a_moved_element_that_the_other_side_deleted_stays_deleted_without_a_conflict() {
    table(&[("abc", "ab", "cab", "ab"), ("abc", "cab", "ab", "ab")]);
}

#[test]
fn a_moved_element_has_the_other_sides_edits_inside_it() {
    let merged = merge_texts(
        r#"{"l":[{"id":1,"v":1},{"id":2},{"id":3}]}"#,
        r#"{"l":[{"id":1,"v":2},{"id":2},{"id":3}]}"#,
        r#"{"l":[{"id":2},{"id":3},{"id":1,"v":1}]}"#,
    );
    assert_eq!(text(&merged.document), r#"{"l":[{"id":2},{"id":3},{"id":1,"v":2}]}"#);
    assert!(merged.conflicts.is_empty());
}

#[test]
fn an_element_restored_by_a_newer_edit_has_the_position_that_its_device_gave_it() {
    let merged = merge_texts(
        r#"{"l":[{"id":1},{"id":2,"v":1},{"id":3}]}"#,
        r#"{"l":[{"id":1},{"id":3}]}"#,
        r#"{"l":[{"id":1},{"id":2,"v":2},{"id":3}]}"#,
    );
    assert_eq!(text(&merged.document), r#"{"l":[{"id":1},{"id":2,"v":2},{"id":3}]}"#);
    assert_eq!(merged.conflicts.len(), 1);
}

/// Returns every largest set of elements whose relative order is the same in both lists: the other elements moved.
fn unmoved_sets(from: &[&'static str], to: &[&'static str]) -> Vec<HashSet<&'static str>> {
    let both: Names = to.iter().copied().filter(|name| from.contains(name)).collect();
    let position = |name: &str| from.iter().position(|other| *other == name);
    let rising = |mask: usize| -> Option<HashSet<&'static str>> {
        let chosen: Names = (0..both.len())
            .filter(|i| mask >> i & 1 == 1)
            .map(|i| both[i])
            .collect();
        let rises = chosen.windows(2).all(|pair| position(pair[0]) < position(pair[1]));
        rises.then(|| chosen.into_iter().collect())
    };
    let all: Vec<_> = (0..1_usize << both.len()).filter_map(rising).collect();
    let largest = all.iter().map(HashSet::len).max().unwrap_or(0);
    all.into_iter().filter(|unmoved| unmoved.len() == largest).collect()
}

/// Returns the orders that `docs/MERGE.md` allows, one for each choice of the elements that either side moved.
fn allowed(base: &[&'static str], server: &[&'static str], client: &[&'static str]) -> Vec<String> {
    let is_present = |name: &&'static str| match (base.contains(name), server.contains(name), client.contains(name)) {
        (true, s, c) => s && c,
        (false, s, c) => s || c,
    };
    let mut out = Vec::new();
    for by_server in unmoved_sets(base, server) {
        for by_client in unmoved_sets(base, client) {
            let moved = |unmoved: &HashSet<&str>, side: &[&str], name: &str| {
                base.contains(&name) && side.contains(&name) && !unmoved.contains(name)
            };
            // The client decides the position of its own additions, and of moved elements unless the server moved them
            // too.
            let is_clients = |name: &&'static str| {
                let added = !base.contains(name) && !server.contains(name);
                let moved_alone = moved(&by_client, client, name) && !moved(&by_server, server, name);
                is_present(name) && (added || moved_alone)
            };
            let mut order: Names = server
                .iter()
                .copied()
                .filter(|n| is_present(n) && !is_clients(n))
                .collect();
            let end = client
                .iter()
                .rposition(|name| by_client.contains(name))
                .map_or(0, |last| last + 1);
            for (at, name) in client.iter().enumerate().filter(|(_, name)| is_clients(name)) {
                if at >= end {
                    order.push(name);
                    continue;
                }
                let behind = client[..at]
                    .iter()
                    .rev()
                    .find_map(|before| order.iter().position(|n| n == before));
                order.insert(behind.map_or(0, |position| position + 1), name);
            }
            out.push(order.concat());
        }
    }
    out
}

fn names(from: &'static [&'static str]) -> impl Strategy<Value = Names> {
    subsequence(from, 0..=from.len()).prop_shuffle()
}

/// A few edits of a list, as in most real changes.
#[derive(Clone, Debug)]
struct Edits {
    removed: Vec<usize>,
    moved: Vec<(usize, usize)>,
    added: Vec<(usize, &'static str)>,
}

impl Edits {
    fn of(&self, base: &[&'static str]) -> Names {
        let mut list = base.to_vec();
        for at in &self.removed {
            if !list.is_empty() {
                list.remove(at % list.len());
            }
        }
        for (from, to) in &self.moved {
            if !list.is_empty() {
                let name = list.remove(from % list.len());
                list.insert(to % (list.len() + 1), name);
            }
        }
        for (at, name) in &self.added {
            if !list.contains(name) {
                list.insert(at % (list.len() + 1), name);
            }
        }
        list
    }
}

fn edits(moves: usize, new: &'static [&'static str]) -> impl Strategy<Value = Edits> {
    (
        vec(0..8_usize, 0..=2),
        vec((0..8_usize, 0..8_usize), 0..=moves),
        vec((0..8_usize, select(new)), 0..=3),
    )
        .prop_map(|(removed, moved, added)| Edits { removed, moved, added })
}

const OLD: &[&str] = &["a", "b", "c", "d", "e"];

fn three(
    server: impl Strategy<Value = Edits>,
    client: impl Strategy<Value = Edits>,
) -> impl Strategy<Value = (String, String, String)> {
    (subsequence(OLD, 0..=OLD.len()), server, client)
        .prop_map(|(base, server, client)| (base.concat(), server.of(&base).concat(), client.of(&base).concat()))
}

fn split(text: &str) -> Names {
    const ALL: [&str; 10] = ["a", "b", "c", "d", "e", "u", "v", "x", "y", "z"];
    text.chars()
        .filter_map(|c| ALL.into_iter().find(|name| name.starts_with(c)))
        .collect()
}

fn only(order: &str, of: &str) -> String {
    order.chars().filter(|c| of.contains(*c)).collect()
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn the_merged_order_is_an_allowed_one(
        (base, server, client) in three(edits(2, &["u", "v", "x"]), edits(2, &["x", "y", "z"])),
    ) {
        let order = merged(&base, &server, &client);
        let allowed = allowed(&split(&base), &split(&server), &split(&client));
        prop_assert!(allowed.contains(&order), "{} is not one of {:?}", order, allowed);
    }

    #[test]
    fn the_merged_order_of_shuffled_lists_is_an_allowed_one(
        base in names(&["a", "b", "c", "d"]),
        server in names(&["a", "b", "c", "d", "u", "x"]),
        client in names(&["a", "b", "c", "d", "x", "y"]),
    ) {
        let order = merged(&base.concat(), &server.concat(), &client.concat());
        let allowed = allowed(&base, &server, &client);
        prop_assert!(allowed.contains(&order), "{} is not one of {:?}", order, allowed);
    }

    #[test]
    fn law_9_the_servers_order_stays_if_only_the_server_moved_elements(
        (base, server, client) in three(edits(3, &["u", "v", "x"]), edits(0, &["x", "y", "z"])),
    ) {
        let order = merged(&base, &server, &client);
        prop_assert_eq!(only(&order, &server), only(&server, &order), "{}", order);
    }

    #[test]
    fn law_9_the_clients_order_stays_if_only_the_client_moved_elements(
        (base, server, client) in three(edits(0, &["u", "v"]), edits(3, &["y", "z"])),
    ) {
        let order = merged(&base, &server, &client);
        prop_assert_eq!(only(&order, &client), only(&client, &order), "{}", order);
    }
}

#[test]
fn the_order_of_a_keyed_list_follows_the_same_rules() {
    let merged = merge_texts(
        r#"{"l":[{"id":1},{"id":2},{"id":3}]}"#,
        r#"{"l":[{"id":4},{"id":1},{"id":2},{"id":3},{"id":5}]}"#,
        r#"{"l":[{"id":3},{"id":1},{"id":6},{"id":2},{"id":7}]}"#,
    );
    assert_eq!(
        text(&merged.document),
        text(&json(
            r#"{"l":[{"id":3},{"id":4},{"id":1},{"id":6},{"id":2},{"id":5},{"id":7}]}"#
        ))
    );
}
