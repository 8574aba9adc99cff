//! What must hold once the network, the store and the users are quiet.

use crate::model::{Marks, apply_all, marks, seen_in_opaque, text};
use crate::oracle::Asked;
use crate::server::Request;
use crate::store::ready;
use crate::violation::{Law, Violation, check};
use crate::world::World;
use coinolio_core::Code;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::{ChangeLog, Kind, Version};
use coinolio_core::sync::portfolios::Reading;
use coinolio_core::sync::{DeviceNames, compare, history, portfolios};

/// How often all devices sync at most until nothing is left to send: what was not answered, what was edited since, a
/// base that has expired, a portfolio that is not there yet, and what each of the others then wrote.
const ROUNDS: usize = 8;

/// How many syncs are sent once more after all.
const ECHOES: usize = 6;

/// Lets all be quiet, and checks what must then hold.
pub(crate) fn settle(world: &mut World<'_>) -> Result<(), Violation> {
    world.shared.book().is_calm = true;
    world.tell(|| "all is quiet from here on".to_owned());
    world.run()?;
    revive(world)?;
    compact(world)?;
    sync_until_quiet(world)?;
    agreement(world)?;
    nothing_lost(world)?;
    chain(world)?;
    reconstruction(world)?;
    shown_history(world)?;
    echoes(world)
}

/// Lets a compaction that was interrupted come to its end; one of a deleted portfolio waits for its restore.
fn compact(world: &mut World<'_>) -> Result<(), Violation> {
    if !world.is_compaction_due {
        return Ok(());
    }
    let (age, versions) = world.plan.retention;
    let compacted = world.ask(None, Request::Compact(age, versions), Asked::Compact(age, versions))?;
    let failed = |refused: crate::server::Refused| Violation::new(Law::Refusal, refused.detail);
    compacted.map(drop).map_err(failed)
}

/// Restores a portfolio that is deleted.
fn revive(world: &mut World<'_>) -> Result<(), Violation> {
    let version = {
        let book = world.shared.book();
        if !book.archive.is_deleted() {
            return Ok(());
        }
        let records = book.archive.records();
        let living = records.iter().rev().find(|record| record.change.kind != Kind::Deleted);
        living.map_or(0, |record| record.change.version)
    };
    let body = Object::from([(
        "version".into(),
        Value::from(i64::try_from(version).unwrap_or_default()),
    )]);
    world
        .ask(None, Request::Restore(Value::Object(body)), Asked::Restore(version))?
        .map_err(|refused| {
            Violation::new(
                Law::Refusal,
                format!("a deleted portfolio is not restored: {}", refused.detail),
            )
        })?;
    Ok(())
}

fn sync_until_quiet(world: &mut World<'_>) -> Result<(), Violation> {
    for _ in 0..ROUNDS {
        let before = world.shared.book().archive.version();
        for device in 0..world.devices.len() {
            world.sync_calmly(device)?;
        }
        let head = world.shared.book().archive.version();
        let is_quiet = |device: &crate::device::Device| device.version() == head && !device.has_edits();
        if head == before && head > 0 && world.devices.iter().all(is_quiet) {
            return Ok(());
        }
    }
    let head = world.shared.book().archive.version();
    let behind: Vec<_> = world
        .devices
        .iter()
        .map(|device| {
            format!(
                "{} at {}{}",
                device.id,
                device.version(),
                if device.has_edits() { ", with edits" } else { "" }
            )
        })
        .collect();
    Err(Violation::new(
        Law::Quiet,
        format!("after {ROUNDS} rounds, at {head}: {}", behind.join("; ")),
    ))
}

fn agreement(world: &World<'_>) -> Result<(), Violation> {
    let document = world.shared.book().archive.document();
    for device in &world.devices {
        check(*device.document() == device.holding(&document), Law::Agreement, || {
            format!(
                "{} holds {}, and the server {}",
                device.id,
                text(device.document()),
                text(&document)
            )
        })?;
    }
    Ok(())
}

/// Every value that nobody took away is in the document or in a conflict record.
fn nothing_lost(world: &World<'_>) -> Result<(), Violation> {
    if world.plan.counts_blindly() {
        return Ok(());
    }
    let book = world.shared.book();
    let mut found: Marks = marks(&book.archive.document());
    found.extend(seen_in_opaque(&book.archive.document()));
    for record in book.archive.records() {
        for conflict in &record.patch.conflicts {
            for side in [&conflict.client, &conflict.server] {
                found.extend(side.value.iter().flat_map(marks));
            }
        }
    }
    let standing = book.ledger.standing();
    let lost: Vec<_> = standing.difference(&found).collect();
    check(lost.is_empty(), Law::NoLoss, || {
        format!("{lost:?} are neither in the document nor in a conflict")
    })
}

/// The log holds what it acknowledged and retention has not removed, as one chain.
fn chain(world: &World<'_>) -> Result<(), Violation> {
    let shared = &world.shared;
    let Some(Ok(mut changes)) = ready(shared.log.since(&shared.key, 0)) else {
        return Err(Violation::new(Law::Chain, "the log cannot be read"));
    };
    changes.reverse();
    let book = shared.book();
    let kept: Vec<_> = book.archive.kept().collect();
    let in_log: Vec<Version> = changes.iter().map(|change| change.version).collect();
    let wanted: Vec<Version> = kept.iter().map(|record| record.change.version).collect();
    check(in_log == wanted, Law::Chain, || {
        format!("the log holds {in_log:?}, and {wanted:?} were acknowledged")
    })?;
    let parents: Vec<Version> = changes.iter().skip(1).map(|change| change.parent).collect();
    check(parents.iter().eq(in_log.iter().take(parents.len())), Law::Chain, || {
        format!("{in_log:?} stand on {parents:?}")
    })
}

/// Every version that is kept reads as it was served then.
fn reconstruction(world: &World<'_>) -> Result<(), Violation> {
    let shared = &world.shared;
    let (wanted, kept_from) = {
        let book = shared.book();
        let records = book.archive.records().iter();
        let wanted: Vec<_> = records
            .map(|record| (record.change.version, record.document.clone()))
            .collect();
        (wanted, book.archive.kept_from())
    };
    for (version, document) in wanted {
        let read = ready(portfolios::read_v2(&shared.log, &shared.key, Some(version), &[]));
        let is_kept = version > kept_from;
        match read {
            Some(Ok(read)) => {
                let Reading::Document(read) = read.answer else {
                    return Err(Violation::new(
                        Law::Reconstruction,
                        format!("version {version} is not read"),
                    ));
                };
                check(read.document == *document && is_kept, Law::Reconstruction, || {
                    format!(
                        "version {version} was {}, and reads {}",
                        text(&document),
                        text(&read.document)
                    )
                })?;
            }
            Some(Err(error)) => check(error.code == Code::BaseExpired && !is_kept, Law::Reconstruction, || {
                format!("version {version} of those since {kept_from} is refused: {error}")
            })?,
            None => return Err(Violation::new(Law::Reconstruction, "a read waits")),
        }
    }
    Ok(())
}

/// The history shows every change that is kept, and two versions compare as their documents do.
fn shown_history(world: &World<'_>) -> Result<(), Violation> {
    let shared = &world.shared;
    let mut shown: Vec<Version> = Vec::new();
    let mut before = None;
    loop {
        let page = ready(history(&shared.log, &shared.key, before, 7, &DeviceNames::default()));
        let Some(Ok(page)) = page else {
            return Err(Violation::new(Law::History, "a page of the history cannot be read"));
        };
        let page = page.answer;
        shown.extend(page.changes.iter().map(|change| change.version));
        before = page.next_before;
        if before.is_none() {
            break;
        }
    }
    let book = shared.book();
    let kept: Vec<_> = book.archive.kept().collect();
    let wanted: Vec<Version> = kept.iter().rev().map(|record| record.change.version).collect();
    check(shown == wanted, Law::History, || {
        format!("the history shows {shown:?}, and {wanted:?} are kept")
    })?;
    if let (Some(first), Some(last)) = (kept.first(), kept.last()) {
        let (from, to) = (first.change.version, last.change.version);
        let Some(Ok(compared)) = ready(compare(&shared.log, &shared.key, from, to)) else {
            return Err(Violation::new(
                Law::History,
                format!("versions {from} and {to} do not compare"),
            ));
        };
        let mut made = Value::clone(&first.document);
        apply_all(&mut made, &compared.answer.changes);
        check(made == *last.document, Law::History, || {
            format!("versions {from} and {to} compare otherwise")
        })?;
    }
    Ok(())
}

/// Syncs that were answered long ago arrive again, and change nothing.
fn echoes(world: &mut World<'_>) -> Result<(), Violation> {
    let sent = std::mem::take(&mut world.sent);
    let head = world.shared.book().archive.version();
    let step = 1 + sent.len() / ECHOES;
    for (device, outgoing) in sent.iter().step_by(step) {
        let was_here = {
            let book = world.shared.book();
            let sync_id = outgoing.sent.sync_id.as_deref();
            let mut kept = book.archive.kept();
            let made = kept.any(|record| record.change.sync_id.as_ref().map(|id| id.as_str()) == sync_id);
            made || !outgoing.sent.has_effect
        };
        if was_here {
            // The base may have expired, which its device would hear.
            drop(world.resend(*device, outgoing)?);
        }
    }
    let now = world.shared.book().archive.version();
    check(now == head, Law::OneEffect, || {
        format!("syncs that were answered before make version {now} of {head}")
    })
}
