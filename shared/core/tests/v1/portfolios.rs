//! Creating, listing, reading, updating and deleting portfolios.

use crate::probe::Fate;
use crate::world::{Attempts, World, body, json, run, value};
use coinolio_core::id::PortfolioId;
use coinolio_core::log::{Kind, PortfolioKey, Version};
use coinolio_core::portfolio::Portfolio;
use coinolio_core::sync::Report;
use coinolio_core::sync::portfolios::{self, Reading};
use coinolio_core::wire::v1::{CreateRequest, PortfolioResponse, UpdateRequest};
use coinolio_core::wire::v2::PortfolioRead;
use coinolio_core::{Code, Error};

impl World {
    fn create(&self, body: &str) -> Result<PortfolioResponse, Error> {
        let request = CreateRequest::from_json(value(body))?;
        let id = PortfolioId::parse("a-new-id")?;
        run(portfolios::create(&self.log, &self.key.user, request, id, self.tick())).map(|answered| answered.answer)
    }

    fn update(&self, body: &str, expected: Option<&[Version]>) -> Result<PortfolioResponse, Error> {
        let request = UpdateRequest::from_json(value(body))?;
        let backoff = &mut Attempts(1);
        run(self.portfolio().update(backoff, request, expected, self.tick())).map(|answered| answered.answer)
    }

    fn delete(&self) -> Result<(), Error> {
        let backoff = &mut Attempts(1);
        run(self.portfolio().delete(backoff, None, self.tick())).map(|answered| answered.answer)
    }

    fn read(&self) -> Result<PortfolioResponse, Error> {
        run(self.portfolio().read_v1()).map(|answered| answered.answer)
    }

    fn read_v2(&self, version: Option<Version>) -> Result<PortfolioRead, Error> {
        match run(self.portfolio().read_v2(version, &[]))?.answer {
            Reading::Document(document) => Ok(*document),
            Reading::Known(version) => panic!("expected a document, not just version {version}"),
        }
    }

    fn key_of(&self, id: &str) -> PortfolioKey {
        PortfolioKey {
            portfolio: PortfolioId::parse(id).unwrap(),
            ..self.key.clone()
        }
    }
}

fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.map(|_| ()).err().map(|error| error.code)
}

#[test]
fn a_created_portfolio_is_at_version_1_and_reads_back_as_it_was_sent() {
    let world = World::empty();
    let created = world
        .create(r#"{"name":"Mine","id":"p","device_id":"phone","data":{"a":0.10,"metadata":{"base":9}}}"#)
        .unwrap();
    let at = created.last_sync_at;
    let expected = format!(
        r#"{{"id":"p","user_id":"user","name":"Mine","version":1,"is_cloud_synced":true,"last_sync_at":"{at}",
            "last_sync_device":"phone","data":{{"a":0.10,
            "metadata":{{"base":1,"device_id":"phone","sync_version":"1.0.0","timestamp":"{at}"}}}}}}"#
    );
    assert_eq!(json(&created), value(&expected));
    assert_eq!(json(&world.read().unwrap()), value(&expected));
    assert_eq!(world.head().kind, Kind::Created);
}

#[test]
fn a_portfolio_created_without_an_id_gets_the_id_that_the_caller_made() {
    let created = World::empty().create(r#"{"name":"Mine","data":{}}"#).unwrap();
    assert_eq!((created.id.as_str(), created.last_sync_device), ("a-new-id", None));
}

#[test]
fn an_occupied_id_is_refused_even_if_its_portfolio_was_deleted() {
    let world = World::new(r#"{"a":1}"#);
    let again = r#"{"name":"Other","id":"p","data":{"b":1}}"#;
    assert_eq!(code(world.create(again)), Some(Code::AlreadyExists));
    assert_eq!(world.read().unwrap().name, "P");
    world.delete().unwrap();
    assert_eq!(code(world.create(again)), Some(Code::AlreadyExists));
}

#[test]
fn a_creation_that_finds_its_own_unanswered_attempt_succeeds() {
    let world = World::empty();
    world.log.next_append(Fate::HiddenSuccess);
    assert_eq!(
        world.create(r#"{"name":"Mine","id":"p","data":{}}"#).map(|p| p.version),
        Ok(1)
    );
}

#[test]
fn names_and_data_out_of_bounds_are_refused() {
    let world = World::empty();
    let named = |name: &str| format!(r#"{{"name":"{name}","data":{{}}}}"#);
    let deep = format!(r#"{{"name":"n","data":{{"a":{}{}}}}}"#, "[".repeat(64), "]".repeat(64));
    let large = format!(r#"{{"name":"n","data":{{"a":"{}"}}}}"#, "x".repeat(6 * 1024 * 1024));
    for (request, refusal) in [
        (named(""), Code::Malformed),
        (named(&"é".repeat(201)), Code::Malformed),
        (r#"{"data":{}}"#.into(), Code::Malformed),
        (r#"{"name":"n"}"#.into(), Code::Malformed),
        (r#"{"name":"n","data":[]}"#.into(), Code::Malformed),
        (r#"{"name":"n","data":{},"id":"a/b"}"#.into(), Code::Malformed),
        (r#"{"name":"n","data":{},"device_id":"a#b"}"#.into(), Code::Malformed),
        (deep, Code::Invalid),
        (large, Code::TooLarge),
    ] {
        assert_eq!(
            code(world.create(&request)),
            Some(refusal),
            "{}",
            &request[..40.min(request.len())]
        );
    }
    assert_eq!(
        run(portfolios::list_v2(&world.log, &world.key.user)).map(|list| list.portfolios.len()),
        Ok(0)
    );
    assert!(world.create(&named(&"é".repeat(200))).is_ok());
}

#[test]
fn lists_are_sorted_and_leave_deleted_portfolios_out() {
    let world = World::new(r#"{"a":1}"#);
    for n in (0..40).rev() {
        world
            .create(&format!(r#"{{"name":"N{n}","id":"q{n:02}","data":{{"n":{n}}}}}"#))
            .unwrap();
    }
    world.delete().unwrap();
    world.log.take_requests();
    let v2 = run(portfolios::list_v2(&world.log, &world.key.user))
        .unwrap()
        .portfolios;
    assert_eq!(
        world.log.take_requests().len(),
        42,
        "one request for the directory and one for each head"
    );
    let v1 = run(portfolios::list_v1(&world.log, &world.key.user)).unwrap();
    let expected: Vec<String> = (0..40).map(|n| format!("q{n:02}")).collect();
    assert_eq!(
        v2.iter().map(|p| p.portfolio_id.to_string()).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(v1.iter().map(|p| p.id.to_string()).collect::<Vec<_>>(), expected);
    assert_eq!(v1[7].data.document(), &value(r#"{"n":7}"#));
    let at = v2[7].last_sync_at;
    assert_eq!(
        json(&v2[7]),
        value(&format!(
            r#"{{"portfolio_id":"q07","id":"q07","name":"N7","version":1,"last_sync_at":"{at}","last_sync_device":null}}"#
        )),
        "with the id also under the name that earlier releases gave it"
    );
}

#[test]
fn another_users_portfolio_is_not_found() {
    let world = World::new(r#"{"a":1}"#);
    let stranger = PortfolioKey {
        user: coinolio_core::id::UserId::parse("stranger").unwrap(),
        ..world.key.clone()
    };
    assert_eq!(
        code(run(Portfolio::new(&world.log, &stranger).read_v1())),
        Some(Code::NotFound)
    );
    assert_eq!(
        run(portfolios::list_v1(&world.log, &stranger.user)).map(|list| list.len()),
        Ok(0)
    );
    assert_eq!(
        code(run(Portfolio::new(&world.log, &world.key_of("other")).read_v1())),
        Some(Code::NotFound)
    );
}

#[test]
fn a_document_can_be_read_at_the_head_or_at_an_earlier_version() {
    let world = World::new(r#"{"a":1}"#);
    let created = world.head().last_sync_at;
    world.sync_as("phone", 1, r#"{"a":2}"#);
    world.sync_as("phone", 8, r#"{"a":3}"#);
    world.write("tablet", r#"{"a":3,"metadata":{"base":"data"}}"#);
    let head = world.head();
    assert_eq!(
        json(&world.read_v2(None).unwrap()),
        value(&format!(
            r#"{{"portfolio_id":"p","name":"P","version":10,"last_sync_at":"{}","last_sync_device":"tablet",
                "document":{{"a":3,"metadata":{{"base":"data"}}}}}}"#,
            head.last_sync_at
        ))
    );
    for (version, a) in [(1, 1), (2, 2), (9, 3)] {
        let read = world.read_v2(Some(version)).unwrap();
        assert_eq!(
            (read.version, read.document),
            (version, value(&format!(r#"{{"a":{a}}}"#)))
        );
    }
    assert_eq!(world.read_v2(Some(1)).unwrap().last_sync_at, created);
    for unknown in [0, 3, 8, 11, 1 << 52] {
        assert_eq!(code(world.read_v2(Some(unknown))), Some(Code::NotFound), "{unknown}");
    }
}

#[test]
fn a_version_that_the_client_already_has_is_not_read() {
    let world = World::new(r#"{"a":1}"#);
    let known = run(world.portfolio().read_v2(None, &[7, 1])).unwrap().answer;
    assert_eq!(known, Reading::Known(1));
    assert_eq!(world.log.take_requests(), ["entry", "newest"]);
}

#[test]
fn an_update_replaces_the_heads_document_whatever_it_is() {
    let world = World::new(r#"{"a":1,"b":1}"#);
    world.write("tablet", r#"{"a":1,"b":2}"#);
    let updated = world.update(r#"{"data":{"c":3},"device_id":"phone"}"#, None).unwrap();
    assert_eq!((updated.version, updated.data.document()), (3, &value(r#"{"c":3}"#)));
    let head = world.head();
    assert_eq!(
        (head.kind, head.verbatim, head.device_id.is_some()),
        (Kind::Replaced, true, true)
    );
    assert_eq!(world.document(), value(r#"{"c":3}"#));
    assert_eq!(
        world.read_v2(Some(2)).unwrap().document,
        value(r#"{"a":1,"b":2}"#),
        "history still has it"
    );
}

#[test]
fn neither_a_new_name_nor_equal_data_makes_a_version() {
    let world = World::new(r#"{"a":1}"#);
    let renamed = world.update(r#"{"name":"Other"}"#, None).unwrap();
    assert_eq!((renamed.name.as_str(), renamed.version), ("Other", 1));
    let same = world
        .update(r#"{"name":"Other","data":{"a":1.0,"metadata":{"base":1}}}"#, None)
        .unwrap();
    assert_eq!(same.version, 1);
    assert_eq!(world.update("{}", None).map(|p| p.version), Ok(1));
    assert_eq!(world.read().unwrap().name, "Other");
    assert_eq!(world.changes().len(), 1);
}

#[test]
fn an_update_is_refused_if_the_head_is_not_a_version_that_it_expects() {
    let world = World::new(r#"{"a":1}"#);
    for request in [
        r#"{"name":"Other"}"#,
        r#"{"data":{"b":1}}"#,
        r#"{"name":"Other","data":{"b":1}}"#,
    ] {
        assert_eq!(code(world.update(request, Some(&[2]))), Some(Code::PreconditionFailed));
        assert_eq!(code(world.update(request, Some(&[]))), Some(Code::PreconditionFailed));
    }
    assert_eq!((world.version(), world.read().unwrap().name.as_str()), (1, "P"));
    assert_eq!(
        world.update(r#"{"data":{"b":1}}"#, Some(&[1])).map(|p| p.version),
        Ok(2)
    );
}

#[test]
fn a_beaten_update_replaces_the_faster_change_unless_it_expected_a_version() {
    let world = World::new(r#"{"a":1}"#);
    let faster = world.edit("tablet", r#"{"a":1,"b":1}"#);
    world.log.next_append(Fate::ComesSecond(Box::new(faster)));
    assert_eq!(world.update(r#"{"data":{"c":1}}"#, None).map(|p| p.version), Ok(3));
    assert_eq!(world.document(), value(r#"{"c":1}"#));
    let faster = world.edit("tablet", r#"{"c":2}"#);
    world.log.next_append(Fate::ComesSecond(Box::new(faster)));
    let refused = world.update(r#"{"name":"Other","data":{"c":3}}"#, Some(&[3]));
    assert_eq!(code(refused), Some(Code::PreconditionFailed));
    assert_eq!(world.read().unwrap().name, "P");
}

#[test]
fn a_beaten_update_or_deletion_waits_once_and_reports_its_sizes_but_no_outcome() {
    let world = World::new(r#"{"a":1}"#);
    let faster = world.edit("tablet", r#"{"a":1,"b":1}"#);
    world.log.next_append(Fate::ComesSecond(Box::new(faster)));
    let request = UpdateRequest::from_json(value(r#"{"data":{"c":1}}"#)).unwrap();
    let mut backoff = Attempts(2);
    let updated = run(world.portfolio().update(&mut backoff, request, None, world.tick())).unwrap();
    let expected = Report {
        outcome: None,
        patch_bytes: world.head().patch_bytes,
        document_bytes: Some(7),
        ..Report::default()
    };
    assert_eq!(updated.report, expected);
    assert!(updated.report.patch_bytes > 0);
    assert_eq!(backoff.0, 1);

    let faster = world.edit("tablet", r#"{"c":2}"#);
    world.log.next_append(Fate::ComesSecond(Box::new(faster)));
    let deleted = run(world.portfolio().delete(&mut backoff, None, world.tick())).unwrap();
    let expected = Report {
        outcome: None,
        ..Report::default()
    };
    assert_eq!(deleted.report, expected);
    assert_eq!(backoff.0, 0);
}

#[test]
fn a_creation_and_a_read_report_the_documents_size_but_no_outcome() {
    let world = World::empty();
    let request = CreateRequest::from_json(value(r#"{"name":"P","id":"p","data":{"a":1}}"#)).unwrap();
    let unused = PortfolioId::parse("unused").unwrap();
    let created = portfolios::create(&world.log, &world.key.user, request, unused, world.tick());
    let created = run(created).unwrap().report;
    let read = Report {
        outcome: None,
        document_bytes: Some(7),
        ..Report::default()
    };
    let patch_bytes = world.head().patch_bytes;
    assert!(patch_bytes > 0);
    assert_eq!(created, Report { patch_bytes, ..read });
    assert_eq!(run(world.portfolio().read_v1()).unwrap().report, read);
    assert_eq!(run(world.portfolio().read_v2(None, &[])).unwrap().report, read);
    assert_eq!(run(world.portfolio().read_v2(Some(1), &[])).unwrap().report, read);
    let known = run(world.portfolio().read_v2(None, &[1])).unwrap().report;
    assert_eq!(known, Report::default(), "the document was not read");
}

#[test]
fn an_update_that_finds_its_own_unanswered_attempt_succeeds() {
    let world = World::new(r#"{"a":1}"#);
    world.log.next_append(Fate::HiddenSuccess);
    assert_eq!(
        world.update(r#"{"data":{"c":1}}"#, Some(&[1])).map(|p| p.version),
        Ok(2)
    );
    assert_eq!(world.changes().len(), 2);
    world.log.next_append(Fate::HiddenSuccess);
    let renamed = world.update(r#"{"name":"Other","data":{"c":2}}"#, Some(&[2])).unwrap();
    assert_eq!((renamed.version, renamed.name.as_str()), (3, "Other"));
    assert_eq!(
        (world.changes().len(), world.read().unwrap().name.as_str()),
        (3, "Other")
    );
}

#[test]
fn an_update_of_name_and_data_whose_write_fails_changes_neither_and_can_be_repeated() {
    let request = r#"{"name":"Other","data":{"b":1}}"#;
    // If name and data were two writes, either one could fail alone and leave the other one done.
    for failing in ["rename", "append"] {
        let world = World::new(r#"{"a":1}"#);
        world.log.fail(&[failing, "append_and_rename"]);
        assert_eq!(code(world.update(request, Some(&[1]))), Some(Code::Unavailable));
        world.log.fail(&[]);
        let read = world.read().unwrap();
        assert_eq!(
            (read.name.as_str(), read.version, read.data.document()),
            ("P", 1, &value(r#"{"a":1}"#)),
            "{failing} failed"
        );
        world.log.take_requests();
        let updated = world.update(request, Some(&[1])).unwrap();
        assert_eq!(world.log.take_requests(), ["entry", "newest", "append_and_rename"]);
        assert_eq!((updated.name.as_str(), updated.version), ("Other", 2));
        assert_eq!(world.read(), Ok(updated));
        assert_eq!(world.document(), value(r#"{"b":1}"#));
    }
}

#[test]
fn a_beaten_update_of_name_and_data_is_tried_again_with_both() {
    let world = World::new(r#"{"a":1}"#);
    let faster = world.edit("tablet", r#"{"a":2}"#);
    world.log.next_append(Fate::ComesSecond(Box::new(faster)));
    let updated = world.update(r#"{"name":"Other","data":{"b":1}}"#, None).unwrap();
    assert_eq!((updated.name.as_str(), updated.version), ("Other", 3));
    assert_eq!(world.read(), Ok(updated));
    assert_eq!(world.document(), value(r#"{"b":1}"#));
}

#[test]
fn an_update_by_a_v1_client_leaves_data_that_it_never_saw() {
    let world = World::new(r#"{"a":1}"#);
    world.write("v2", r#"{"a":9007199254740993,"metadata":{"device_id":"its own"}}"#);
    world.update(r#"{"data":{"a":9007199254740992,"b":1}}"#, None).unwrap();
    assert_eq!(
        world.document(),
        value(r#"{"a":9007199254740993,"b":1,"metadata":{"device_id":"its own"}}"#)
    );
}

#[test]
fn a_deleted_portfolio_is_gone_for_every_request() {
    let world = World::new(r#"{"a":1}"#);
    world.delete().unwrap();
    assert_eq!(world.head().kind, Kind::Deleted);
    let gone = Some(Code::Deleted);
    assert_eq!(code(world.read()), gone);
    assert_eq!(code(world.read_v2(None)), gone);
    assert_eq!(code(world.read_v2(Some(1))), gone);
    assert_eq!(code(world.update(r#"{"name":"Other"}"#, None)), gone);
    assert_eq!(code(world.delete()), gone);
    world.refuses(&body("phone", 1, r#"{"a":2}"#), Code::Deleted);
}

#[test]
fn a_beaten_deletion_follows_the_faster_change() {
    let world = World::new(r#"{"a":1}"#);
    let faster = world.edit("tablet", r#"{"a":2}"#);
    world.log.next_append(Fate::ComesSecond(Box::new(faster)));
    world.delete().unwrap();
    assert_eq!((world.changes().len(), world.head().kind), (3, Kind::Deleted));
    let world = World::new(r#"{"a":1}"#);
    world.log.next_append(Fate::HiddenSuccess);
    assert_eq!(world.delete(), Ok(()));
}
