//! The laws of section 4 that concern the algebra alone, over generated documents.

use crate::generate::{Scenario, Text, Times, config, document, operation, pair, scenario};
use crate::model::{self, Steps, at, find, places, shallow};
use crate::support::{Copy, device, lines, ms, patched, text, unordered};
use coinolio_core::algebra::{
    Conflict, Device, ListKind, Merged, Op, Path, Side, Token, Winner, check_patch, diff, merge,
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
    merge(base, server.device(), client.device(), own, ranks)
}

/// The places whose own value differs between two documents: the edits that made one of the other.
fn edited(from: &Value, to: &Value) -> Vec<Steps> {
    let mut all = places(from);
    all.extend(places(to));
    all.retain(|place| shallow(at(from, place)) != shallow(at(to, place)));
    all
}

/// True where two documents hold the same at a place, whatever became of the kinds of the lists above it.
fn agree(place: &[Token], one: &Value, other: &Value) -> bool {
    shallow(find(one, place)) == shallow(find(other, place)) || shallow(at(one, place)) == shallow(at(other, place))
}

/// True where a record at or above the place holds what `document` has there.
fn recorded(place: &[Token], document: &Value, conflicts: &[Conflict], side: fn(&Conflict) -> &Side) -> bool {
    conflicts.iter().any(|conflict| {
        let above = conflict.path.tokens();
        place.starts_with(above) && {
            let inside = side(conflict)
                .value
                .as_ref()
                .and_then(|value| at(value, &place[above.len()..]));
            shallow(inside) == shallow(at(document, place))
        }
    })
}

/// Law 2 for one side.
fn none_lost(
    base: &Value,
    document: &Value,
    merged: &Merged,
    side: fn(&Conflict) -> &Side,
) -> Result<(), TestCaseError> {
    for place in edited(base, document) {
        prop_assert!(
            agree(&place, document, &merged.document) || recorded(&place, document, &merged.conflicts, side),
            "the edit at {} is neither in {} nor recorded in {:#?}",
            text(&Path::from(place)),
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

/// True where every list that both documents hold at a place has a kind in common.
fn lists_agree(a: &Value, b: &Value) -> bool {
    places(a).iter().all(|place| match (find(a, place), find(b, place)) {
        (Some(Value::List(x)), Some(Value::List(y))) => {
            x == y || ListKind::of(x).common(ListKind::of(y)) != ListKind::Opaque
        }
        _ => true,
    })
}

/// A conflict with its sides swapped.
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
    fn law_1_what_diff_gives_makes_one_document_of_the_other((from, to) in pair()) {
        let patch = diff(&from.0, &to.0);
        let result = patched(&from.0, &patch);
        prop_assert_eq!(&result, &to.0, "{} gave {}", text(&patch), text(&result));
        prop_assert_eq!(text(&diff(&to.0, &to.0)), "[]");
    }

    #[test]
    fn law_1_holds_between_documents_that_have_nothing_to_do_with_one_another(from in document(), to in document()) {
        let patch = diff(&from, &to);
        let result = patched(&from, &patch);
        prop_assert_eq!(&result, &to, "{} -> {}: {} gave {}", text(&from), text(&to), text(&patch), text(&result));
    }

    #[test]
    fn what_diff_gives_has_the_form_of_a_patch_and_survives_its_json((from, to) in pair()) {
        let patch = diff(&from.0, &to.0);
        prop_assert_eq!(check_patch(&patch), Ok(()), "{}", text(&patch));
        prop_assert_eq!(patch.is_empty(), from.0 == to.0);
        for op in &patch {
            let again = read(text(op).as_bytes()).map(|json| Op::from_json(&json));
            prop_assert_eq!(again, Ok(Ok(op.clone())));
        }
    }

    #[test]
    fn operations_do_what_the_plain_model_says_one_after_the_other(
        from in document().prop_map(Text), ops in vec(operation(), 1..9)
    ) {
        let mut expected = from.0.clone();
        ops.iter().for_each(|op| model::apply(&mut expected, op));
        let result = patched(&from.0, &ops);
        prop_assert_eq!(&result, &expected, "{} on {} gave {} and not {}", text(&ops), text(&from.0), text(&result), text(&expected));
        let mut recorded = Copy::of(&from.0);
        recorded.change(None, &ops.iter().map(|op| (op.clone(), ms(1))).collect::<Vec<_>>());
        prop_assert_eq!(recorded.document, expected);
    }

    #[test]
    fn the_same_operations_twice_are_the_same_as_once((from, to) in pair(), other in document()) {
        let patch = diff(&from.0, &to.0);
        let sets: Vec<_> = patch.iter().filter(|op| matches!(op, Op::Set { .. } | Op::Delete { .. })).collect();
        let once = patched(&other, sets.iter().copied());
        prop_assert_eq!(&patched(&once, sets), &once, "{} on {}", text(&patch), text(&other));
    }

    #[test]
    fn what_is_set_is_there_and_what_is_deleted_is_not((from, to) in pair(), other in document()) {
        for op in &diff(&from.0, &to.0) {
            let after = patched(&other, [op]);
            let found = find(&after, op.path().tokens());
            match op {
                Op::Set { value, .. } => prop_assert_eq!(found, Some(value), "{} on {}", text(op), text(&other)),
                Op::Delete { path } => {
                    // An opaque list may hold what a token names twice.
                    let twice = find(&other, path.tokens()).is_some() && at(&other, path.tokens()).is_none();
                    prop_assert!(found.is_none() || twice, "{} on {}", text(op), text(&other));
                }
                Op::Move { .. } => prop_assert_eq!(unordered(&after), unordered(&other), "{}", text(op)),
            }
        }
    }

    #[test]
    fn law_2_no_edit_is_lost(s in scenario(Times::Colliding, false)) {
        let merged = merged(&s, Some(&device("phone")));
        none_lost(&s.base, &s.server.document, &merged, |conflict| &conflict.server)?;
        none_lost(&s.base, &s.client.document, &merged, |conflict| &conflict.client)?;
    }

    #[test]
    fn law_3_the_merge_is_what_the_plain_model_says(s in scenario(Times::Colliding, true)) {
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
    fn law_3_holds_where_no_device_is_known(s in scenario(Times::Colliding, true)) {
        let merged = merged(&s, None);
        let expected = model::merge(&s, None, &merged.conflicts);
        prop_assert_eq!(sorted(&merged.conflicts), sorted(&expected.conflicts));
        prop_assert_eq!(unordered(&merged.document), unordered(&expected.document));
    }

    #[test]
    fn law_5_the_difference_to_the_merged_document_brings_either_side_there(s in scenario(Times::Colliding, true)) {
        let merged = merged(&s, Some(&device("phone"))).document;
        for side in [&s.client.document, &s.server.document, &s.base] {
            prop_assert_eq!(&patched(side, &diff(side, &merged)), &merged);
        }
    }

    #[test]
    fn law_7_the_same_inputs_give_the_same_outcome(s in scenario(Times::Colliding, true)) {
        let own = device("phone");
        let first = merged(&s, Some(&own));
        let again = |copy: &Copy| {
            let mut fresh = Copy::of(&s.base);
            for step in &copy.steps {
                fresh.change(step.device.as_ref(), &[(step.op.clone(), step.at)]);
            }
            fresh
        };
        let second = merge(&s.base, again(&s.server).device(), again(&s.client).device(), Some(&own), &s.ranks.clone());
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
        let copy = Copy::of(&s.base).become_at(&client, "phone", 2);
        let merged = merge(&s.base, s.server.device(), copy.device(), Some(&device("phone")), &s.ranks);
        prop_assert_eq!(lines(&merged.conflicts), Vec::<String>::new());
        let both = patched(&s.server.document, &of_client);
        prop_assert_eq!(unordered(&merged.document), unordered(&both), "client {}", text(&client));
    }

    #[test]
    fn law_10_swapping_the_sides_changes_only_the_order_of_lists(s in scenario(Times::Differing, false)) {
        let one = merged(&s, None);
        let other = merge(&s.base, s.client.device(), s.server.device(), None, &s.ranks);
        prop_assert_eq!(unordered(&one.document), unordered(&other.document));
        let back: Vec<_> = other.conflicts.iter().map(swapped).collect();
        prop_assert_eq!(sorted(&one.conflicts), sorted(&back));
    }

    #[test]
    fn what_only_one_side_changed_is_taken_from_it_as_it_is(s in scenario(Times::Colliding, true)) {
        let untouched = Copy::of(&s.base);
        let none = Device { document: &s.base, authors: &untouched.authors };
        let own = device("phone");
        for (server, client, wanted) in [
            (s.server.device(), none, &s.server),
            (none, s.client.device(), &s.client),
            (s.server.device(), s.server.device(), &s.server),
        ] {
            let merged = merge(&s.base, server, client, Some(&own), &s.ranks);
            prop_assert_eq!(&merged.document, &wanted.document, "list order included");
            prop_assert_eq!(lines(&merged.conflicts), Vec::<String>::new());
        }
    }

    #[test]
    fn both_sides_having_come_from_nothing_merge_as_from_an_empty_document(s in scenario(Times::Colliding, false)) {
        let empty = Value::empty_object();
        let scenario = Scenario {
            base: empty.clone(),
            server: Copy::of(&empty).become_at(&s.server.document, "tablet", 2),
            client: Copy::of(&empty).become_at(&s.client.document, "phone", 1),
            ranks: s.ranks,
        };
        let merged = merged(&scenario, Some(&device("phone")));
        let expected = model::merge(&scenario, Some(&device("phone")), &merged.conflicts);
        prop_assert_eq!(sorted(&merged.conflicts), sorted(&expected.conflicts));
        prop_assert_eq!(unordered(&merged.document), unordered(&expected.document));
        for conflict in &merged.conflicts {
            prop_assert!(conflict.client.value.is_some() && conflict.server.value.is_some(), "nobody deleted anything");
        }
    }
}

#[test]
fn the_generated_scenarios_meet_what_the_laws_are_about() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::new(config(1));
    let strategy = scenario(Times::Colliding, true);
    let (mut conflicts, mut moves, mut deletions, mut whole_lists, mut elements) = (0, 0, 0, 0, 0);
    for _ in 0..600 {
        let scenario = strategy.new_tree(&mut runner).unwrap().current();
        let merged = merged(&scenario, Some(&device("phone")));
        conflicts += usize::from(!merged.conflicts.is_empty());
        let steps = scenario.server.steps.iter().chain(&scenario.client.steps);
        moves += usize::from(steps.clone().any(|step| matches!(step.op, Op::Move { .. })));
        for conflict in &merged.conflicts {
            deletions += usize::from(conflict.client.value.is_none() || conflict.server.value.is_none());
            whole_lists += usize::from(matches!(
                (&conflict.client.value, &conflict.server.value),
                (Some(Value::List(_)), Some(Value::List(_)))
            ));
            elements += usize::from(conflict.path.tokens().iter().any(Token::is_element));
        }
    }
    let met = (conflicts, moves, deletions, whole_lists, elements);
    assert!(
        conflicts >= 60 && moves >= 15 && deletions >= 20 && whole_lists >= 8 && elements >= 12,
        "{met:?}"
    );
}
