//! Devices whose base is not what its number says: an app that signs in to another account, a log that was restored
//! from a backup, a reinstalled app. And what a request's time says about its edits.

use crate::world::{World, data, json, value};
use coinolio_core::algebra::{Rule, Winner};
use coinolio_core::json::Value;
use coinolio_core::log::{Change, Version};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::v1::SyncResponse;

/// The ways in which an app sends back the version and the time of the last answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Echo {
    /// All of them: `metadata`, `last_sync_at` and `client_version`.
    All,
    /// `metadata`, without a `last_sync_at`.
    Metadata,
    /// `last_sync_at` and `client_version`.
    Time,
    /// `client_version` alone.
    Number,
}

pub(crate) const ECHOES: [Echo; 4] = [Echo::All, Echo::Metadata, Echo::Time, Echo::Number];

/// Returns a request for the device's `document`, which was made from a version with this number and time.
pub(crate) fn request(echo: Echo, device: &str, (version, at): (Version, &str), document: &str) -> String {
    let document = document.strip_suffix('}').unwrap();
    let comma = if document == "{" { "" } else { "," };
    let metadata = match echo {
        Echo::All | Echo::Metadata => {
            format!(
                r#"{comma}"metadata":{{"base":{version},"timestamp":"{at}","device_id":"x","sync_version":"1.0.0"}}"#
            )
        }
        Echo::Time | Echo::Number => String::new(),
    };
    let time = match echo {
        Echo::All | Echo::Time => format!("\"{at}\""),
        Echo::Metadata | Echo::Number => "null".to_owned(),
    };
    format!(
        r#"{{"device_id":"{device}","client_version":{version},"last_sync_at":{time},"client_data":{document}{metadata}}}}}"#
    )
}

/// Returns the version and time of a change as its device echoes them.
pub(crate) fn answered(change: &Change) -> (Version, String) {
    (change.version, change.last_sync_at.to_string())
}

fn later_by(at: &str, millis: i64) -> String {
    Timestamp::from_millis(Timestamp::parse(at).unwrap().millis() + millis).to_string()
}

/// Returns each conflict's path, winner, and the client's and the server's value.
pub(crate) fn conflicts(answer: &SyncResponse) -> Vec<(String, Winner, Option<Value>, Option<Value>)> {
    let conflicts = answer.conflicts.iter().map(|record| &record.conflict);
    conflicts
        .map(|c| {
            let (client, server) = (c.client.value.clone(), c.server.value.clone());
            (c.path.dotted(), c.winner, client, server)
        })
        .collect()
}

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

#[test]
fn a_document_of_another_account_deletes_nothing_although_its_version_has_the_same_number() {
    for echo in [Echo::All, Echo::Metadata, Echo::Time] {
        // The first account's version 3 is older or newer than the second's. A time without `metadata` may also be the
        // phone's own, so it is no evidence unless it is too old.
        for age in [30 * DAY, 6 * MINUTE, 1, -1, -6 * MINUTE, -30 * DAY] {
            if echo == Echo::Time && age < 6 * MINUTE {
                continue;
            }
            for device in ["phone", "maker"] {
                let world = World::new(r#"{"assets":{"eth":"1"}}"#);
                world.write("tablet", r#"{"assets":{"eth":"2"}}"#);
                world.write("tablet", r#"{"assets":{"ada":"5","eth":"2"}}"#);
                let (version, at) = answered(&world.head());
                let theirs = (version, &*later_by(&at, -age));
                let sent = request(echo, device, theirs, r#"{"assets":{"btc":"1","eth":"7"}}"#);
                let answer = world.sync(&sent);
                let document = data(&answer);
                let assets = document.as_object().unwrap()["assets"].as_object().unwrap();
                assert_eq!((&assets["ada"], &assets["btc"]), (&"5".into(), &"1".into()), "{sent}");
                let [(path, _, client, server)] = &conflicts(&answer)[..] else {
                    panic!("{sent}: {:?}", answer.conflicts);
                };
                assert_eq!(path, "assets.eth");
                assert_eq!((client, server), (&Some("7".into()), &Some("2".into())));
                let again = world.sync(&sent);
                assert_eq!((again.version, &again.conflicts), (4, &answer.conflicts), "{sent}");
            }
        }
    }
}

#[test]
fn the_time_that_comes_with_a_base_is_compared_as_a_time_and_not_as_text() {
    for (form, is_base) in [
        (".250Z", true),
        (".250+00:00", true),
        (".250+0000", true),
        (".25Z", true),
        (".250", true),
        (".250000000Z", true),
        (".250417Z", false),
        (".251Z", false),
        ("Z", false),
    ] {
        let world = World::empty_at(250);
        world.begin_with(r#"{"a":1,"b":2}"#);
        let (version, at) = answered(&world.head());
        assert!(at.ends_with(".250Z"));
        let at = at.replace(".250Z", form);
        let answer = world.sync(&request(Echo::Metadata, "phone", (version, &at), r#"{"a":1}"#));
        let expected = if is_base { r#"{"a":1}"# } else { r#"{"a":1,"b":2}"# };
        assert_eq!(data(&answer), value(expected), "{at}");
    }
}

#[test]
fn a_base_echoed_with_another_time_is_not_replaced_by_the_time_or_the_number() {
    let world = World::new(r#"{"a":1,"b":2}"#);
    let (version, at) = answered(&world.head());
    let sent = format!(
        r#"{{"device_id":"phone","client_version":{version},"last_sync_at":"{at}",
            "client_data":{{"a":1,"metadata":{{"base":1,"timestamp":"{}"}}}}}}"#,
        later_by(&at, 1)
    );
    assert_eq!(data(&world.sync(&sent)), value(r#"{"a":1,"b":2}"#));
}

#[test]
fn a_version_with_a_last_sync_at_of_more_than_five_minutes_before_is_not_the_base() {
    for (age, is_base) in [(5 * MINUTE, true), (5 * MINUTE + 1, false), (DAY, false), (-DAY, true)] {
        for digits in ["", "417"] {
            let world = World::new(r#"{"a":1,"b":2}"#);
            let (version, at) = answered(&world.head());
            let at = later_by(&at, -age).replace('Z', &format!("{digits}Z"));
            let answer = world.sync(&request(Echo::Time, "phone", (version, &at), r#"{"a":1}"#));
            let expected = if is_base { r#"{"a":1}"# } else { r#"{"a":1,"b":2}"# };
            assert_eq!(data(&answer), value(expected), "{at}");
        }
    }
    // The same holds for a device ahead, which would otherwise have its own newest version as the base.
    let world = World::new(r#"{"a":1,"b":2}"#);
    let (_, at) = answered(&world.head());
    let old = later_by(&at, -DAY);
    let answer = world.sync(&request(Echo::Time, "maker", (7, &old), r#"{"a":1}"#));
    assert_eq!(data(&answer), value(r#"{"a":1,"b":2}"#));
    let answer = world.sync(&request(Echo::Time, "maker", (7, &later_by(&at, 417)), r#"{"a":1}"#));
    assert_eq!(data(&answer), value(r#"{"a":1}"#));
}

/// Creates the log that the service has after a restore to version 2, and returns it with the version and time that a
/// phone had reached before.
fn restored(versions_since: usize) -> (World, (Version, String)) {
    let documents = |world: &World| {
        world.begin_with(r#"{"old":1,"gone":1}"#);
        world.write("tablet", r#"{"old":2,"gone":1}"#);
    };
    let before = World::empty();
    documents(&before);
    for document in [
        r#"{"old":3,"gone":1}"#,
        r#"{"old":3,"gone":1,"mine":4}"#,
        r#"{"old":3,"mine":5}"#,
    ] {
        before.write("phone", document);
    }
    let world = World::empty();
    documents(&world);
    world.let_days_pass(1);
    let mut document = r#"{"old":2,"gone":1"#.to_owned();
    for n in 0..versions_since {
        document.push_str(&format!(",\"new{n}\":1"));
        world.write("tablet", &format!("{document}}}"));
    }
    (world, answered(&before.head()))
}

#[test]
fn a_phone_deletes_nothing_from_a_log_that_was_restored_from_a_backup() {
    for echo in [Echo::All, Echo::Metadata, Echo::Time] {
        // The restored log is behind the phone, level with it, and ahead of it.
        for versions_since in [0, 1, 3, 4, 40] {
            let (world, (version, at)) = restored(versions_since);
            let mut expected = world.document();
            // The phone has one edit that it has not sent yet.
            let sent = request(echo, "phone", (version, &at), r#"{"old":3,"mine":5,"fresh":6}"#);
            let answer = world.sync(&sent);
            if let Value::Object(members) = &mut expected {
                members.extend([
                    ("mine".into(), 5.into()),
                    ("fresh".into(), 6.into()),
                    ("old".into(), 3.into()),
                ]);
            }
            assert_eq!(
                data(&answer),
                expected,
                "{echo:?}, {versions_since} versions: its edits came back"
            );
            assert_eq!(
                conflicts(&answer),
                [("old".to_owned(), Winner::Client, Some(3.into()), Some(2.into()))]
            );
            // From here on, it is a device like any other.
            let (version, at) = answered(&world.head());
            let own = expected.to_json();
            let own = String::from_utf8(own).unwrap().replace(r#""gone":1,"#, "");
            let answer = world.sync(&request(echo, "phone", (version, &at), &own));
            assert_eq!((data(&answer), answer.conflicts.len()), (value(&own), 0));
        }
    }
}

#[test]
fn the_time_of_a_version_that_a_jump_led_to_takes_one_request() {
    let world = World::new(r#"{"a":1,"b":2}"#);
    world.sync_as("counter", 5, r#"{"a":1,"b":2,"c":3}"#);
    let (version, at) = answered(&world.head());
    world.write("tablet", r#"{"a":1,"b":2,"c":3,"d":4}"#);
    world.log.take_requests();
    let other = later_by(&at, 1);
    for (at, expected) in [
        (&other, r#"{"a":1,"b":2,"c":3,"d":4}"#),
        (&at, r#"{"a":1,"c":3,"d":4}"#),
    ] {
        let answer = world.sync(&request(Echo::Metadata, "phone", (version, at), r#"{"a":1,"c":3}"#));
        assert_eq!(data(&answer), value(expected));
        assert_eq!(world.log.take_requests()[..2], ["since", "before"]);
    }
}

#[test]
fn an_ordinary_sync_takes_the_same_requests_whatever_it_echoes() {
    for echo in ECHOES {
        let world = World::new(r#"{"a":1}"#);
        for n in 2..40 {
            world.write("tablet", &format!("{{\"a\":{n}}}"));
        }
        world.compact();
        let (version, at) = answered(&world.head());
        world.log.take_requests();
        world.sync(&request(echo, "phone", (version, &at), r#"{"a":39,"b":2}"#));
        assert_eq!(
            world.log.take_requests(),
            ["since", "snapshot_before", "append"],
            "{echo:?}"
        );
        world.write("tablet", r#"{"a":41,"b":2}"#);
        world.sync(&request(echo, "watch", (version, &at), r#"{"a":39,"c":3}"#));
        assert_eq!(
            world.log.take_requests(),
            ["since", "snapshot_before", "append"],
            "{echo:?}"
        );
    }
}

#[test]
fn an_echoed_time_is_not_the_time_of_an_edit() {
    for echo in ECHOES {
        for form in ["Z", "+00:00", "+0000", ""] {
            let world = World::new(r#"{"a":1}"#);
            let (version, at) = answered(&world.head());
            // The tablet's edit is newer than the phone's last answer, but older than the phone's edit.
            world.write("tablet", r#"{"a":2}"#);
            let at = at.replace('Z', form);
            let answer = world.sync(&request(echo, "phone", (version, &at), r#"{"a":3}"#));
            assert_eq!(
                conflicts(&answer),
                [("a".to_owned(), Winner::Client, Some(3.into()), Some(2.into()))],
                "{echo:?} {at}"
            );
            let conflict = &answer.conflicts[0].conflict;
            assert_eq!(
                (conflict.rule, conflict.client.modified_at),
                (Rule::Newest, answer.last_sync_at),
                "{echo:?} {at}"
            );
        }
    }
}

#[test]
fn the_time_of_any_version_is_an_echo_however_old_it_is() {
    let world = World::new(r#"{"a":1}"#);
    let (_, first) = answered(&world.head());
    for n in 2..60 {
        world.write("tablet", &format!("{{\"a\":{n}}}"));
    }
    let (version, at) = answered(&world.head());
    world.write("tablet", r#"{"a":60}"#);
    let sent = format!(
        r#"{{"device_id":"phone","client_version":{version},"last_sync_at":"{first}",
            "client_data":{{"a":61,"metadata":{{"base":{version},"timestamp":"{at}"}}}}}}"#
    );
    let answer = world.sync(&sent);
    assert_eq!(conflicts(&answer)[0].1, Winner::Client);
}

#[test]
fn an_accepted_edit_with_an_echoed_time_is_stored_with_the_time_of_its_arrival() {
    for echo in ECHOES {
        let world = World::new(r#"{"a":1}"#);
        let (version, at) = answered(&world.head());
        world.sync(&request(echo, "phone", (version, &at), r#"{"a":2}"#));
        let head = world.head();
        assert_eq!(head.patch.unwrap().edits[0].at, head.last_sync_at, "{echo:?}");
    }
}

#[test]
fn a_time_that_is_no_versions_is_the_time_of_the_edit() {
    for digits in ["", "417"] {
        for echo in [Echo::Time, Echo::All] {
            let world = World::new(r#"{"a":1}"#);
            let (version, at) = answered(&world.head());
            world.let_days_pass(1);
            world.write("tablet", r#"{"a":2}"#);
            let edited = later_by(&at, 60_001);
            let time = edited.replace('Z', &format!("{digits}Z"));
            let mut sent = request(echo, "phone", (version, &at), r#"{"a":3}"#);
            sent = sent.replacen(
                &format!(r#""last_sync_at":"{at}""#),
                &format!(r#""last_sync_at":"{time}""#),
                1,
            );
            let answer = world.sync(&sent);
            assert_eq!(
                conflicts(&answer),
                [("a".to_owned(), Winner::Server, Some(3.into()), Some(2.into()))]
            );
            assert_eq!(answer.conflicts[0].conflict.client.modified_at.to_string(), edited);
        }
    }
}

#[test]
fn the_defaults_of_a_reinstalled_app_overrule_nothing() {
    for device in ["phone", "another"] {
        for client_version in [0, 9] {
            let world = World::new("{}");
            world.sync_as("phone", 1, r#"{"btc":"7","settings":{"theme":"dark"}}"#);
            let sent = format!(
                r#"{{"device_id":"{device}","client_version":{client_version},"last_sync_at":null,
                    "client_data":{{"btc":"1","settings":{{"theme":"light","sound":true}}}}}}"#
            );
            // A device that is ahead and has sent its whole document before has that as its base.
            if device == "phone" && client_version == 9 {
                continue;
            }
            let answer = world.sync(&sent);
            assert_eq!(
                data(&answer),
                value(r#"{"btc":"7","settings":{"theme":"dark","sound":true}}"#),
                "{sent}"
            );
            assert_eq!(
                conflicts(&answer),
                [
                    ("btc".to_owned(), Winner::Server, Some("1".into()), Some("7".into())),
                    (
                        "settings.theme".to_owned(),
                        Winner::Server,
                        Some("light".into()),
                        Some("dark".into())
                    )
                ],
                "{sent}"
            );
            for record in &answer.conflicts {
                let conflict = &record.conflict;
                assert_eq!(
                    (conflict.rule, conflict.client.modified_at),
                    (Rule::Newest, Timestamp::EARLIEST)
                );
                assert_eq!(conflict.server.device_id.as_ref().unwrap().as_str(), "phone");
            }
            let again = world.sync(&sent);
            assert_eq!((again.version, &again.conflicts), (answer.version, &answer.conflicts));
            // With the answer it is up to date, and its next edit is one like any other.
            let mut document = json(&answer.data);
            if let Value::Object(members) = &mut document {
                members.insert("btc".into(), "8".into());
            }
            let document = String::from_utf8(document.to_json()).unwrap();
            let edited = world.sync_as(device, answer.version, &document);
            assert_eq!(
                (edited.conflicts.len(), &data(&edited).as_object().unwrap()["btc"]),
                (0, &"8".into())
            );
        }
    }
}

#[test]
fn a_device_without_a_base_conflicts_with_its_own_earlier_values() {
    // The base of a phone that was restored from an old backup has a time, so its values are dated with it.
    for echo in [Echo::All, Echo::Metadata] {
        for (days, winner) in [(-1, Winner::Server), (1, Winner::Client)] {
            let world = World::new(r#"{"btc":"1"}"#);
            world.sync_as("phone", 1, r#"{"btc":"7"}"#);
            let (_, at) = answered(&world.head());
            world.let_days_pass(2);
            let theirs = (9, &*later_by(&at, days * DAY));
            let answer = world.sync(&request(echo, "phone", theirs, r#"{"btc":"3"}"#));
            assert_eq!(
                conflicts(&answer),
                [("btc".to_owned(), winner, Some("3".into()), Some("7".into()))],
                "{echo:?}"
            );
        }
    }
}
