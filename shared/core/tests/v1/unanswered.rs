//! A device whose answers do not arrive, requests that arrive late or twice, and phones that share an id.

use crate::claims::{ECHOES, Echo, answered, conflicts, request};
use crate::probe::Fate;
use crate::world::{World, data, json, value};
use coinolio_core::algebra::Winner;
use coinolio_core::json::Value;
use coinolio_core::log::Version;

/// A phone that has the answer of some version.
struct Phone<'w> {
    world: &'w World,
    echo: Echo,
    version: Version,
    at: String,
}

impl<'w> Phone<'w> {
    fn new(world: &'w World, echo: Echo) -> Self {
        let (version, at) = answered(&world.head());
        Self {
            world,
            echo,
            version,
            at,
        }
    }

    fn request(&self, document: &str) -> String {
        request(self.echo, "phone", (self.version, &self.at), document)
    }

    fn sync(&self, document: &str) -> coinolio_core::wire::v1::SyncResponse {
        self.world.sync(&self.request(document))
    }
}

/// A conflict that the request wins.
fn replaced(path: &str, client: Option<&str>, server: Option<&str>) -> (String, Winner, Option<Value>, Option<Value>) {
    (path.to_owned(), Winner::Client, client.map(value), server.map(value))
}

/// The document at the base, the unanswered one, the next one, and the conflicts that tell which values are replaced.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, Option<&'static str>, Option<&'static str>)],
);

const CASES: [Case; 14] = [
    // A value is undone, replaced, and removed.
    (
        r#"{"a":"1"}"#,
        r#"{"a":"2"}"#,
        r#"{"a":"1"}"#,
        &[("a", Some(r#""1""#), Some(r#""2""#))],
    ),
    (
        r#"{"a":"1"}"#,
        r#"{"a":"2"}"#,
        r#"{"a":"3"}"#,
        &[("a", Some(r#""3""#), Some(r#""2""#))],
    ),
    (r#"{"a":"1"}"#, r#"{"a":"2"}"#, "{}", &[("a", None, Some(r#""2""#))]),
    // It stays, beside another edit.
    (r#"{"a":"1"}"#, r#"{"a":"2"}"#, r#"{"a":"2","b":1}"#, &[]),
    (r#"{"a":"1","c":1}"#, r#"{"a":"2","c":1}"#, r#"{"a":"2"}"#, &[]),
    // An addition and a deletion are undone.
    ("{}", r#"{"a":{"b":1}}"#, "{}", &[("a", None, Some(r#"{"b":1}"#))]),
    ("{}", r#"{"a":{"b":1}}"#, r#"{"a":{"b":1,"c":2}}"#, &[]),
    (r#"{"a":1}"#, "{}", r#"{"a":1}"#, &[("a", Some("1"), None)]),
    (r#"{"a":{"b":1,"c":1}}"#, r#"{"a":{"c":1}}"#, r#"{}"#, &[]),
    // In lists.
    (
        r#"{"t":[{"id":1,"n":1}]}"#,
        r#"{"t":[{"id":2,"n":2},{"id":1,"n":5}]}"#,
        r#"{"t":[{"id":1,"n":1}]}"#,
        &[
            ("t.2", None, Some(r#"{"id":2,"n":2}"#)),
            ("t.1.n", Some("1"), Some("5")),
        ],
    ),
    (
        r#"{"t":[{"id":1},{"id":2}]}"#,
        r#"{"t":[{"id":2}]}"#,
        r#"{"t":[{"id":1},{"id":2}]}"#,
        &[("t.1", Some(r#"{"id":1}"#), None)],
    ),
    (
        r#"{"s":["x"]}"#,
        r#"{"s":["x","y"]}"#,
        r#"{"s":["x"]}"#,
        &[("s.y", None, Some(r#""y""#))],
    ),
    (
        r#"{"o":[1,[2]]}"#,
        r#"{"o":[1,[3]]}"#,
        r#"{"o":[1,[2]]}"#,
        &[("o", Some("[1,[2]]"), Some("[1,[3]]"))],
    ),
    // An order has no value.
    (
        r#"{"t":[{"id":1},{"id":2}]}"#,
        r#"{"t":[{"id":2},{"id":1}]}"#,
        r#"{"t":[{"id":1},{"id":2}]}"#,
        &[],
    ),
];

#[test]
fn the_next_sync_after_an_unanswered_one_stands_and_the_replaced_values_are_in_conflicts() {
    for echo in ECHOES {
        for (base, unanswered, next, values) in CASES {
            let world = World::new(base);
            let phone = Phone::new(&world, echo);
            phone.sync(unanswered);
            let answer = phone.sync(next);
            let context = format!("{echo:?}: {base}, {unanswered}, {next}");
            assert_eq!((answer.version, data(&answer)), (3, value(next)), "{context}");
            let expected: Vec<_> = values
                .iter()
                .map(|(path, one, other)| replaced(path, *one, *other))
                .collect();
            assert_eq!(conflicts(&answer), expected, "{context}");
            for record in &answer.conflicts {
                let conflict = &record.conflict;
                assert_eq!(conflict.client.device_id, conflict.server.device_id, "{context}");
                assert!(conflict.client.modified_at > conflict.server.modified_at, "{context}");
            }
            let again = phone.sync(next);
            assert_eq!(
                (again.version, &again.conflicts),
                (3, &answer.conflicts),
                "repeated: {context}"
            );
        }
    }
}

#[test]
fn the_next_sync_stands_although_others_write_before_and_after_the_unanswered_one() {
    for echo in ECHOES {
        for (base, unanswered, next, values) in CASES {
            for order in 0..3 {
                let with_others = |document: &str, others: &str| {
                    let rest = document.strip_suffix('}').unwrap();
                    let comma = if rest == "{" { "" } else { "," };
                    format!("{rest}{comma}{others}}}")
                };
                let world = World::new(&with_others(base, r#""x":1"#));
                let phone = Phone::new(&world, echo);
                if order != 1 {
                    world.write("tablet", &with_others(base, r#""x":2"#));
                }
                phone.sync(&with_others(unanswered, r#""x":1"#));
                if order != 0 {
                    world.write("tablet", &with_others(unanswered, r#""x":2,"y":3"#));
                }
                let answer = phone.sync(&with_others(next, r#""x":1"#));
                let others = if order == 0 { r#""x":2"# } else { r#""x":2,"y":3"# };
                let context = format!("{echo:?}, order {order}: {base}, {unanswered}, {next}");
                assert_eq!(data(&answer), value(&with_others(next, others)), "{context}");
                let expected: Vec<_> = values
                    .iter()
                    .map(|(path, one, other)| replaced(path, *one, *other))
                    .collect();
                assert_eq!(conflicts(&answer), expected, "{context}");
            }
        }
    }
}

#[test]
fn a_value_that_another_device_wrote_over_an_unanswered_one_is_in_a_conflict_with_the_next() {
    for echo in ECHOES {
        for (next, client) in [(r#"{"a":3}"#, Some("3")), ("{}", None), (r#"{"a":1}"#, Some("1"))] {
            let world = World::new(r#"{"a":1}"#);
            let phone = Phone::new(&world, echo);
            phone.sync(r#"{"a":2}"#);
            world.write("tablet", r#"{"a":9}"#);
            let answer = phone.sync(next);
            assert_eq!(data(&answer), value(next), "{echo:?}");
            assert_eq!(conflicts(&answer), [replaced("a", client, Some("9"))], "{echo:?}");
            assert_eq!(
                answer.conflicts[0].conflict.server.device_id.as_ref().unwrap().as_str(),
                "tablet"
            );
        }
        // If the phone does not touch its value again, it has no edit there: the tablet had seen it.
        let world = World::new(r#"{"a":1}"#);
        let phone = Phone::new(&world, echo);
        phone.sync(r#"{"a":2}"#);
        world.write("tablet", r#"{"a":9}"#);
        let answer = phone.sync(r#"{"a":2,"b":1}"#);
        assert_eq!((data(&answer), answer.conflicts.len()), (value(r#"{"a":9,"b":1}"#), 0));
    }
}

#[test]
fn an_unanswered_edit_that_lost_a_conflict_is_an_edit_again() {
    let world = World::new(r#"{"a":1}"#);
    world.sync_as("tablet", 1, r#"{"a":9}"#);
    let sent = |edited: &str, document: &str| {
        format!(r#"{{"device_id":"phone","client_version":1,"last_sync_at":"{edited}","client_data":{document}}}"#)
    };
    let lost = world.sync(&sent("2026-01-01T00:00:00.500Z", r#"{"a":2}"#));
    assert_eq!(conflicts(&lost)[0].1, Winner::Server);
    let answer = world.sync(&sent("2026-01-01T00:00:00.500Z", r#"{"a":2,"b":1}"#));
    assert_eq!(data(&answer), value(r#"{"a":9,"b":1}"#));
    assert_eq!(conflicts(&answer)[0].1, Winner::Server);
}

#[test]
fn several_unanswered_syncs_count_into_the_base_together() {
    for echo in ECHOES {
        let world = World::new(r#"{"a":1,"b":1,"c":1}"#);
        let phone = Phone::new(&world, echo);
        phone.sync(r#"{"a":2,"b":1,"c":1}"#);
        world.write("tablet", r#"{"a":2,"b":1,"c":1,"t":1}"#);
        phone.sync(r#"{"a":2,"b":2,"c":1}"#);
        world.write("tablet", r#"{"a":2,"b":2,"c":1,"t":2}"#);
        phone.sync(r#"{"a":3,"b":2,"c":1}"#);
        let answer = phone.sync(r#"{"a":3,"b":1,"c":1}"#);
        assert_eq!(data(&answer), value(r#"{"a":3,"b":1,"c":1,"t":2}"#));
        assert_eq!(
            conflicts(&answer),
            [replaced("a", Some("3"), Some("2")), replaced("b", Some("1"), Some("2"))]
        );
    }
}

#[test]
fn a_document_that_equals_the_unanswered_one_is_not_an_edit() {
    for echo in ECHOES {
        let world = World::new(r#"{"a":1}"#);
        let phone = Phone::new(&world, echo);
        phone.sync(r#"{"a":2}"#);
        world.write("tablet", r#"{"a":2,"t":1}"#);
        // Another request than the first: an app that counts its syncs, for example.
        let counted = format!(
            r#"{{"device_id":"phone","client_version":7,"client_data":{{"a":2,"metadata":{{"base":1,"timestamp":"{}"}}}}}}"#,
            phone.at
        );
        let answer = world.sync(&counted);
        assert_eq!((answer.version, data(&answer)), (3, value(r#"{"a":2,"t":1}"#)));
        assert!(answer.conflicts.is_empty());
    }
}

#[test]
fn an_undo_brings_the_exact_number_of_the_base_back() {
    let exact = r#"{"n":0.1000000000000000055511151231257827}"#;
    let world = World::new(exact);
    let phone = Phone::new(&world, Echo::All);
    phone.sync(r#"{"n":0.2}"#);
    let answer = phone.sync(r#"{"n":0.1}"#);
    assert_eq!(data(&answer), value(exact));
}

#[test]
fn a_request_that_arrives_again_after_newer_ones_has_no_effect() {
    for echo in ECHOES {
        for (first, second) in [
            // The second request removes what the first one added, changes it, or edits something else.
            (r#"{"t":[{"id":1},{"id":2}]}"#, r#"{"t":[{"id":1}]}"#),
            (r#"{"t":[{"id":1},{"id":2}]}"#, r#"{"t":[{"id":1},{"id":2,"n":3}]}"#),
            (r#"{"t":[]}"#, r#"{"t":[{"id":1}]}"#),
            (r#"{"t":[{"id":1,"n":1}]}"#, r#"{"t":[{"id":1,"n":2}]}"#),
            (r#"{"t":[{"id":1}],"a":1}"#, r#"{"t":[{"id":1}],"a":1,"b":2}"#),
        ] {
            for others in [false, true] {
                let world = World::new(r#"{"t":[{"id":1}]}"#);
                let first = Phone::new(&world, echo).request(first);
                world.sync(&first);
                let second = Phone::new(&world, echo).request(second);
                world.sync(&second);
                if others {
                    let document = String::from_utf8(world.document().to_json()).unwrap();
                    world.write("tablet", &document.replacen('{', r#"{"x":1,"#, 1));
                }
                let (version, document) = (world.version(), world.document());
                for days in [0, 9] {
                    world.let_days_pass(days);
                    for sent in [&first, &second, &first] {
                        let answer = world.sync(sent);
                        assert_eq!((answer.version, data(&answer)), (version, document.clone()), "{sent}");
                        assert!(answer.changes.is_empty());
                        assert_eq!(world.version(), version, "{sent}");
                    }
                }
            }
        }
    }
}

#[test]
fn two_equal_requests_at_once_have_one_effect() {
    for echo in ECHOES {
        let world = World::new(r#"{"a":1}"#);
        let phone = Phone::new(&world, echo);
        world.log.next_append(Fate::HiddenSuccess);
        assert_eq!(phone.sync(r#"{"a":2}"#).version, 2);
        // So they have if they are the second visit of a state.
        phone.sync(r#"{"a":3}"#);
        world.log.next_append(Fate::HiddenSuccess);
        assert_eq!(phone.sync(r#"{"a":2}"#).version, 4);
        assert_eq!(phone.sync(r#"{"a":2}"#).version, 4);
        assert_eq!((world.version(), world.document()), (4, value(r#"{"a":2}"#)));
    }
}

#[test]
fn a_state_may_be_visited_again_while_no_answer_arrives() {
    for echo in ECHOES {
        let world = World::new(r#"{"a":1}"#);
        let phone = Phone::new(&world, echo);
        for (n, a) in [2, 3, 2, 3, 1, 2].into_iter().enumerate() {
            let answer = phone.sync(&format!("{{\"a\":{a}}}"));
            assert_eq!(data(&answer), value(&format!("{{\"a\":{a}}}")), "{echo:?}: sync {n}");
        }
        assert_eq!(world.version(), 7);
        // Once an answer has arrived, the old requests are late.
        let late = phone.request(r#"{"a":3}"#);
        Phone::new(&world, echo).sync(r#"{"a":5}"#);
        assert_eq!(data(&world.sync(&late)), value(r#"{"a":5}"#), "{echo:?}");
    }
}

#[test]
fn a_late_request_that_was_never_carried_out_removes_nothing_unheard() {
    for echo in ECHOES {
        let world = World::new(r#"{"t":[{"id":1}]}"#);
        let phone = Phone::new(&world, echo);
        let late = phone.request(r#"{"t":[{"id":1},{"id":2}]}"#);
        phone.sync(r#"{"t":[{"id":1},{"id":2},{"id":3}]}"#);
        let answered = Phone::new(&world, echo);
        let answer = world.sync(&late);
        assert_eq!(
            conflicts(&answer),
            [replaced("t.3", None, Some(r#"{"id":3}"#))],
            "{echo:?}"
        );
        // The phone goes on from the answer that it has. It has not undone what the late request did.
        let answer = answered.sync(r#"{"t":[{"id":1},{"id":2},{"id":3}],"a":1}"#);
        assert_eq!(data(&answer), value(r#"{"t":[{"id":1},{"id":2}],"a":1}"#), "{echo:?}");
        assert_eq!(
            conflicts(&answer),
            [replaced("t.3", None, Some(r#"{"id":3}"#))],
            "it is told"
        );
    }
}

#[test]
fn a_phone_restored_from_a_backup_removes_nothing_that_it_wrote_since() {
    for echo in ECHOES {
        let world = World::new(r#"{"a":1,"t":[{"id":1}]}"#);
        let backup = Phone::new(&world, echo);
        backup.sync(r#"{"a":2,"t":[{"id":1},{"id":2}]}"#);
        Phone::new(&world, echo).sync(r#"{"a":3,"t":[{"id":1},{"id":2},{"id":3}]}"#);
        // It holds the first document again, with an edit and a deletion.
        let answer = backup.sync(r#"{"a":7,"t":[],"new":1}"#);
        assert_eq!(
            data(&answer),
            value(r#"{"a":7,"t":[{"id":2},{"id":3}],"new":1}"#),
            "{echo:?}"
        );
        assert_eq!(conflicts(&answer), [replaced("a", Some("7"), Some("3"))], "{echo:?}");
        // Without an edit, it just gets what it had.
        let restored = backup.sync(r#"{"a":1,"t":[{"id":1}]}"#);
        assert_eq!((restored.version, data(&restored)), (world.version(), world.document()));
    }
}

#[test]
fn two_phones_with_one_id_agree_and_find_every_value_in_the_document_or_in_a_conflict() {
    for echo in ECHOES {
        for first_syncs in 1..=2 {
            let world = World::new(r#"{"a":1,"t":[{"id":1}]}"#);
            let (mut one, mut other) = (Phone::new(&world, echo), Phone::new(&world, echo));
            let mut by_one = r#"{"a":2,"t":[{"id":1},{"id":2}]}"#.to_owned();
            let mut by_other = r#"{"a":3,"t":[{"id":1},{"id":3}]}"#.to_owned();
            let sync = |phone: &mut Phone<'_>, document: &mut String| {
                let answer = phone.sync(document);
                *document = String::from_utf8(data(&answer).to_json()).unwrap();
                (phone.version, phone.at) = (answer.version, answer.last_sync_at.to_string());
            };
            for _ in 0..first_syncs {
                sync(&mut one, &mut by_one);
                by_one = by_one.replacen('{', r#"{"more":1,"#, usize::from(!by_one.contains("more")));
            }
            for _ in 0..3 {
                sync(&mut other, &mut by_other);
                sync(&mut one, &mut by_one);
            }
            let version = world.version();
            sync(&mut other, &mut by_other);
            sync(&mut one, &mut by_one);
            assert_eq!(world.version(), version, "{echo:?}: they are quiet");
            assert_eq!(value(&by_one), world.document());
            assert_eq!(value(&by_other), world.document());
            let mut found = String::from_utf8(world.document().to_json()).unwrap();
            for change in world.changes() {
                let conflicts = change.patch.unwrap().conflicts;
                let sides = conflicts
                    .iter()
                    .flat_map(|conflict| [&conflict.client, &conflict.server]);
                sides.for_each(|side| found.push_str(&String::from_utf8(json(&side.value).to_json()).unwrap()));
            }
            for written in [r#"{"id":2}"#, r#"{"id":3}"#, "2", "3"] {
                assert!(found.contains(written), "{echo:?}: {written} in {found}");
            }
        }
    }
}

#[test]
fn only_syncs_count_into_the_base() {
    for echo in ECHOES {
        let world = World::new(r#"{"a":1}"#);
        let phone = Phone::new(&world, echo);
        // The user brings a value back on the phone, through a route that its document knows nothing of.
        let mut kept = world.edit("phone", r#"{"a":1,"back":1}"#);
        kept.kind = coinolio_core::log::Kind::KeptMine;
        world.append(&kept);
        let answer = phone.sync(r#"{"a":2}"#);
        assert_eq!(
            (data(&answer), answer.conflicts.len()),
            (value(r#"{"a":2,"back":1}"#), 0)
        );
    }
}

#[test]
fn a_sync_after_an_unanswered_one_takes_the_requests_of_any_merge() {
    for echo in ECHOES {
        let world = World::new(r#"{"a":1}"#);
        for n in 2..40 {
            world.write("tablet", &format!("{{\"a\":{n}}}"));
        }
        world.compact();
        let phone = Phone::new(&world, echo);
        phone.sync(r#"{"a":50}"#);
        world.log.take_requests();
        phone.sync(r#"{"a":39}"#);
        assert_eq!(
            world.log.take_requests(),
            ["since", "snapshot_before", "append"],
            "{echo:?}"
        );
    }
}
