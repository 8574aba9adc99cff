//! The laws of `docs/MERGE.md` that concern the algebra alone, over generated documents.

use crate::generate::{Scenario, Text, Times, config, document, operation, pair, scenario};
use crate::model::{self, Tokens, at, find, find_namesakes, paths, shallow};
use crate::support::{History, device, lines, ms, patched, text, unordered};
use coinolio_core::algebra::{
    Authored, Conflict, ListKind, Merged, Op, Path, Position, Side, Token, Winner, check_patch, diff, merge,
};
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Value, read};
use proptest::collection::vec;
use proptest::prelude::*;

fn merged(scenario: &Scenario, own: Option<&DeviceId>) -> Merged {
    let Scenario {
        base,
        server,
        client,
        ranks,
    } = scenario;
    merge(base, server.authored(), client.authored(), own, ranks)
}

/// Returns the paths whose own value differs between two documents: the edits that turn one into the other.
fn edited(from: &Value, to: &Value) -> Vec<Tokens> {
    let mut all = paths(from);
    all.extend(paths(to));
    all.retain(|path| shallow(at(from, path)) != shallow(at(to, path)));
    all
}

/// Tells whether two documents have the same value at a path, even if the lists on the way changed their kinds.
///
/// If one of several elements with the same name was removed, the others may have other numbers.
fn agree(path: &[Token], one: &Value, other: &Value) -> bool {
    let namesakes = |document| {
        find_namesakes(document, path)
            .into_iter()
            .map(|value| shallow(Some(value)))
    };
    let is_repeated = find_namesakes(one, path).len() > 1;
    shallow(find(one, path)) == shallow(find(other, path))
        || shallow(at(one, path)) == shallow(at(other, path))
        || is_repeated && namesakes(other).any(|value| value == shallow(find(one, path)))
}

/// Tells whether a list in the value has two elements with the same name of any form.
fn has_namesakes(value: &Value) -> bool {
    match value {
        Value::List(elements) => {
            let share = |one: &Value, other: &Value| {
                let name = |element: &Value, field| element.as_object().and_then(|members| members.get(field)).cloned();
                let same = |field: &&str| name(one, field).is_some() && name(one, field) == name(other, field);
                one == other || ["id", "_id", "uuid"].iter().any(same)
            };
            let pairs = |at: usize| elements[..at].iter().any(|other| share(&elements[at], other));
            (1..elements.len()).any(pairs) || elements.iter().any(has_namesakes)
        }
        Value::Object(members) => members.values().any(has_namesakes),
        _ => false,
    }
}

/// Tells whether a token of the operation has a number.
fn is_numbered(op: &Op) -> bool {
    let after = match op.after() {
        Some(Position::After(token)) => token.nth(),
        _ => 0,
    };
    after > 0 || op.path().tokens().iter().any(|token| token.nth() > 0)
}

/// Tells whether a conflict at or above the path has recorded the value of `document`.
fn is_recorded(path: &[Token], document: &Value, conflicts: &[Conflict], side: fn(&Conflict) -> &Side) -> bool {
    conflicts.iter().any(|conflict| {
        let above = conflict.path.tokens();
        path.starts_with(above) && {
            let inside = side(conflict)
                .value
                .as_ref()
                .and_then(|value| at(value, &path[above.len()..]));
            shallow(inside) == shallow(at(document, path))
        }
    })
}

/// Checks law 2 for one side.
fn assert_no_edit_is_missing(
    base: &Value,
    document: &Value,
    merged: &Merged,
    side: fn(&Conflict) -> &Side,
) -> Result<(), TestCaseError> {
    for path in edited(base, document) {
        prop_assert!(
            agree(&path, document, &merged.document) || is_recorded(&path, document, &merged.conflicts, side),
            "the edit at {} is neither in {} nor recorded in {:#?}",
            text(&Path::from(path)),
            text(&merged.document),
            lines(&merged.conflicts)
        );
    }
    Ok(())
}

fn overlaps(a: &Op, b: &Op) -> bool {
    let (a, b) = (a.path().tokens(), b.path().tokens());
    a.starts_with(b) || b.starts_with(a)
}

/// Tells whether any two lists at the same path have a kind in common.
fn lists_agree(a: &Value, b: &Value) -> bool {
    paths(a).iter().all(|path| match (find(a, path), find(b, path)) {
        (Some(Value::List(x)), Some(Value::List(y))) => {
            x == y || ListKind::of(x).common(ListKind::of(y)) != ListKind::Opaque
        }
        _ => true,
    })
}

/// Returns the conflict with its sides swapped.
fn swapped(conflict: &Conflict) -> Conflict {
    Conflict {
        path: conflict.path.clone(),
        winner: match conflict.winner {
            Winner::Client => Winner::Server,
            Winner::Server => Winner::Client,
        },
        rule: conflict.rule,
        client: conflict.server.clone(),
        server: conflict.client.clone(),
    }
}

fn sorted(conflicts: &[Conflict]) -> Vec<String> {
    let mut all: Vec<_> = conflicts
        .iter()
        .map(|c| {
            let at = |side: &Side| (side.device_id.clone(), side.modified_at.millis());
            format!(
                "{} client {:?} server {:?}",
                crate::support::line(c),
                at(&c.client),
                at(&c.server)
            )
        })
        .collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(config(1_200))]

    #[test]
    fn law_1_a_diff_turns_one_document_into_the_other((from, to) in pair()) {
        let patch = diff(&from.0, &to.0);
        let result = patched(&from.0, &patch);
        prop_assert_eq!(&result, &to.0, "{} gave {}", text(&patch), text(&result));
        prop_assert_eq!(text(&diff(&to.0, &to.0)), "[]");
    }

    #[test]
    fn law_1_holds_between_unrelated_documents(from in document(), to in document()) {
        let patch = diff(&from, &to);
        let result = patched(&from, &patch);
        prop_assert_eq!(&result, &to, "{} -> {}: {} gave {}", text(&from), text(&to), text(&patch), text(&result));
    }

    #[test]
    fn a_diff_is_a_well_formed_patch_and_survives_json((from, to) in pair()) {
        let patch = diff(&from.0, &to.0);
        prop_assert_eq!(check_patch(&patch), Ok(()), "{}", text(&patch));
        prop_assert_eq!(patch.is_empty(), from.0 == to.0);
        for op in &patch {
            let again = read(text(op).as_bytes()).map(|json| Op::from_json(&json));
            prop_assert_eq!(again, Ok(Ok(op.clone())));
        }
    }

    #[test]
    fn operations_in_order_do_the_same_as_the_plain_model(
        from in document().prop_map(Text), ops in vec(operation(), 1..9)
    ) {
        let mut expected = from.0.clone();
        ops.iter().for_each(|op| model::apply(&mut expected, op));
        let result = patched(&from.0, &ops);
        prop_assert_eq!(&result, &expected, "{} on {} gave {} and not {}", text(&ops), text(&from.0), text(&result), text(&expected));
        let mut recorded = History::of(&from.0);
        recorded.change(None, &ops.iter().map(|op| (op.clone(), ms(1))).collect::<Vec<_>>());
        prop_assert_eq!(recorded.document, expected);
    }

    #[test]
    fn applying_the_same_operations_twice_is_the_same_as_once((from, to) in pair(), other in document()) {
        let patch = diff(&from.0, &to.0);
        // The second deletion of an element deletes the next one with its name.
        prop_assume!(!has_namesakes(&other));
        let sets = patch.iter().filter(|op| !matches!(op, Op::Move { .. }) && !is_numbered(op));
        let sets: Vec<_> = sets.collect();
        let once = patched(&other, sets.iter().copied());
        prop_assert_eq!(&patched(&once, sets), &once, "{} on {}", text(&patch), text(&other));
    }

    #[test]
    fn a_set_value_is_present_and_a_deleted_one_is_absent((from, to) in pair(), other in document()) {
        for op in diff(&from.0, &to.0).iter().filter(|op| !is_numbered(op)) {
            let after = patched(&other, [op]);
            let found = find(&after, op.path().tokens());
            match op {
                Op::Set { value, .. } => prop_assert_eq!(found, Some(value), "{} on {}", text(op), text(&other)),
                Op::Delete { path } => {
                    // A list may contain two elements with the name.
                    prop_assert!(found.is_none() || has_namesakes(&other), "{} on {}", text(op), text(&other));
                }
                Op::Move { .. } => prop_assert_eq!(unordered(&after), unordered(&other), "{}", text(op)),
            }
        }
    }

    #[test]
    fn law_2_every_edit_is_in_the_result_or_in_a_conflict(s in scenario(Times::Colliding, false)) {
        let merged = merged(&s, Some(&device("phone")));
        assert_no_edit_is_missing(&s.base, &s.server.document, &merged, |conflict| &conflict.server)?;
        assert_no_edit_is_missing(&s.base, &s.client.document, &merged, |conflict| &conflict.client)?;
    }

    #[test]
    fn law_3_the_merge_gives_the_same_as_the_plain_model(s in scenario(Times::Colliding, true)) {
        let own = device("phone");
        let merged = merged(&s, Some(&own));
        let expected = model::merge(&s, Some(&own), &merged.conflicts);
        prop_assert_eq!(sorted(&merged.conflicts), sorted(&expected.conflicts));
        prop_assert_eq!(
            unordered(&merged.document), unordered(&expected.document),
            "{} is not {}", text(&merged.document), text(&expected.document)
        );
    }

    #[test]
    fn law_3_holds_if_no_device_is_known(s in scenario(Times::Colliding, true)) {
        let merged = merged(&s, None);
        let expected = model::merge(&s, None, &merged.conflicts);
        prop_assert_eq!(sorted(&merged.conflicts), sorted(&expected.conflicts));
        prop_assert_eq!(unordered(&merged.document), unordered(&expected.document));
    }

    #[test]
    fn law_5_the_diff_to_the_merged_document_brings_either_side_up_to_date(s in scenario(Times::Colliding, true)) {
        let merged = merged(&s, Some(&device("phone"))).document;
        for side in [&s.client.document, &s.server.document, &s.base] {
            prop_assert_eq!(&patched(side, &diff(side, &merged)), &merged);
        }
    }

    #[test]
    fn law_7_the_same_inputs_give_the_same_result(s in scenario(Times::Colliding, true)) {
        let own = device("phone");
        let first = merged(&s, Some(&own));
        let again = |history: &History| {
            let mut fresh = History::of(&s.base);
            for step in &history.steps {
                fresh.change(step.device.as_ref(), &[(step.op.clone(), step.at)]);
            }
            fresh
        };
        let second = merge(&s.base, again(&s.server).authored(), again(&s.client).authored(), Some(&own), &s.ranks.clone());
        prop_assert_eq!(&first, &second);
        prop_assert_eq!(text(&first.document), text(&second.document), "down to the notation of numbers");
        prop_assert_eq!(diff(&s.base, &first.document), diff(&s.base, &second.document));
    }

    #[test]
    fn law_8_patches_with_no_path_in_common_merge_without_a_conflict(s in scenario(Times::Colliding, false)) {
        let of_server = diff(&s.base, &s.server.document);
        let mut of_client = diff(&s.base, &s.client.document);
        of_client.retain(|op| !of_server.iter().any(|other| overlaps(op, other)));
        let client = patched(&s.base, &of_client);
        prop_assume!(lists_agree(&s.server.document, &client));
        let history = History::of(&s.base).become_at(&client, "phone", 2);
        let merged = merge(&s.base, s.server.authored(), history.authored(), Some(&device("phone")), &s.ranks);
        prop_assert_eq!(lines(&merged.conflicts), Vec::<String>::new());
        let both = patched(&s.server.document, &of_client);
        prop_assert_eq!(unordered(&merged.document), unordered(&both), "client {}", text(&client));
    }

    #[test]
    fn law_10_swapping_the_sides_changes_only_the_order_of_lists(s in scenario(Times::Differing, false)) {
        let one = merged(&s, None);
        let other = merge(&s.base, s.client.authored(), s.server.authored(), None, &s.ranks);
        prop_assert_eq!(unordered(&one.document), unordered(&other.document));
        let back: Vec<_> = other.conflicts.iter().map(swapped).collect();
        prop_assert_eq!(sorted(&one.conflicts), sorted(&back));
    }

    #[test]
    fn a_document_that_only_one_side_changed_is_accepted_as_it_is(s in scenario(Times::Colliding, true)) {
        let untouched = History::of(&s.base);
        let none = Authored { document: &s.base, authors: &untouched.authors };
        let own = device("phone");
        for (server, client, wanted) in [
            (s.server.authored(), none, &s.server),
            (none, s.client.authored(), &s.client),
            (s.server.authored(), s.server.authored(), &s.server),
        ] {
            let merged = merge(&s.base, server, client, Some(&own), &s.ranks);
            prop_assert_eq!(&merged.document, &wanted.document, "including the order of lists");
            prop_assert_eq!(lines(&merged.conflicts), Vec::<String>::new());
        }
    }

    #[test]
    fn two_documents_without_a_common_base_merge_as_from_an_empty_document(s in scenario(Times::Colliding, false)) {
        let empty = Value::empty_object();
        let scenario = Scenario {
            base: empty.clone(),
            server: History::of(&empty).become_at(&s.server.document, "tablet", 2),
            client: History::of(&empty).become_at(&s.client.document, "phone", 1),
            ranks: s.ranks,
        };
        let merged = merged(&scenario, Some(&device("phone")));
        let expected = model::merge(&scenario, Some(&device("phone")), &merged.conflicts);
        prop_assert_eq!(sorted(&merged.conflicts), sorted(&expected.conflicts));
        prop_assert_eq!(unordered(&merged.document), unordered(&expected.document));
        for conflict in &merged.conflicts {
            prop_assert!(conflict.client.value.is_some() && conflict.server.value.is_some(), "neither side deleted anything");
        }
    }
}

#[test]
fn the_generated_scenarios_contain_conflicts_moves_and_deletions() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::new(config(1));
    let strategy = scenario(Times::Colliding, true);
    let (mut conflicts, mut moves, mut deletions, mut whole_lists, mut elements) = (0, 0, 0, 0, 0);
    let (mut odd, mut numbered) = (0, 0);
    for _ in 0..600 {
        let scenario = strategy.new_tree(&mut runner).unwrap().current();
        let merged = merged(&scenario, Some(&device("phone")));
        conflicts += usize::from(!merged.conflicts.is_empty());
        let steps = scenario.server.steps.iter().chain(&scenario.client.steps);
        moves += usize::from(steps.clone().any(|step| matches!(step.op, Op::Move { .. })));
        numbered += usize::from(steps.clone().any(|step| is_numbered(&step.op)));
        let is_odd = |token: &Token| matches!(token, Token::Value(Value::Object(members), _) if members.len() > 1);
        odd += usize::from(
            steps
                .clone()
                .any(|step| step.op.path().tokens().last().is_some_and(is_odd)),
        );
        for conflict in &merged.conflicts {
            deletions += usize::from(conflict.client.value.is_none() || conflict.server.value.is_none());
            whole_lists += usize::from(matches!(
                (&conflict.client.value, &conflict.server.value),
                (Some(Value::List(_)), Some(Value::List(_)))
            ));
            elements += usize::from(conflict.path.tokens().iter().any(Token::is_element));
        }
    }
    let met = (conflicts, moves, deletions, whole_lists, elements, odd, numbered);
    assert!(
        conflicts >= 60 && moves >= 15 && deletions >= 20 && whole_lists >= 8 && elements >= 12,
        "{met:?}"
    );
    assert!(odd >= 15 && numbered >= 15, "{met:?}");
}
