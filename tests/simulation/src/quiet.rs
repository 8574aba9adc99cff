//! The final phase: all faults end, the devices sync until nothing is left to send, and the final state is checked.

use crate::model::{Marks, apply_all, marks, seen_in_opaque, text};
use crate::oracle::Asked;
use crate::server::Request;
use crate::store::ready;
use crate::violation::{Law, Violation, check};
use crate::world::World;
use coinolio_core::Code;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::{Kind, Version};
use coinolio_core::store::ChangeLog;
use coinolio_core::sync::DeviceNames;
use coinolio_core::sync::portfolios::Reading;

/// Maximum number of rounds in which every device syncs. A device may need several: for an unanswered sync, for
/// later edits, after its base has expired, to create the portfolio, and for the changes of the other devices.
const ROUNDS: usize = 8;

/// Approximate number of old syncs that are sent again at the end.
const REPEATED: usize = 6;

/// Ends all faults, lets everything under way finish, and checks the final state.
pub(crate) fn quiesce(world: &mut World<'_>) -> Result<(), Violation> {
    world.shared.book().is_calm = true;
    world.tell(|| "all faults end here".to_owned());
    world.run()?;
    restore_if_deleted(world)?;
    compact(world)?;
    sync_until_quiet(world)?;
    agreement(world)?;
    all_values_accounted_for(world)?;
    chain(world)?;
    reconstruction(world)?;
    history_is_complete(world)?;
    repeat_old_syncs(world)
}

/// Finishes a compaction that was interrupted. For a deleted portfolio, compaction waits until the portfolio is
/// restored.
fn compact(world: &mut World<'_>) -> Result<(), Violation> {
    if !world.is_compaction_due {
        return Ok(());
    }
    let (age, versions) = world.plan.retention;
    let compacted = world.ask(None, Request::Compact(age, versions), Asked::Compact(age, versions))?;
    let failed = |refused: crate::server::Refused| Violation::new(Law::Refusal, refused.detail);
    compacted.map(drop).map_err(failed)
}

/// Restores the portfolio if it is deleted.
fn restore_if_deleted(world: &mut World<'_>) -> Result<(), Violation> {
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
                format!("the deleted portfolio cannot be restored: {}", refused.detail),
            )
        })?;
    Ok(())
}

fn sync_until_quiet(world: &mut World<'_>) -> Result<(), Violation> {
    for _ in 0..ROUNDS {
        let before = world.shared.book().archive.version();
        for device in 0..world.devices.len() {
            world.sync_without_faults(device)?;
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
                "{} has version {}{}",
                device.id,
                device.version(),
                if device.has_edits() { " and unsent edits" } else { "" }
            )
        })
        .collect();
    Err(Violation::new(
        Law::Quiet,
        format!(
            "after {ROUNDS} rounds, with the head at version {head}: {}",
            behind.join("; ")
        ),
    ))
}

fn agreement(world: &World<'_>) -> Result<(), Violation> {
    let document = world.shared.book().archive.document();
    for device in &world.devices {
        check(
            *device.document() == device.represented(&document),
            Law::Agreement,
            || {
                format!(
                    "{} has {}, but the server has {}",
                    device.id,
                    text(device.document()),
                    text(&document)
                )
            },
        )?;
    }
    Ok(())
}

/// Checks that every value that nobody removed knowingly is in the document or in a conflict.
fn all_values_accounted_for(world: &World<'_>) -> Result<(), Violation> {
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
    let missing: Vec<_> = standing.difference(&found).collect();
    check(missing.is_empty(), Law::NoLoss, || {
        format!("the values {missing:?} are neither in the document nor in a conflict")
    })
}

/// Checks that the log contains every acknowledged change that retention has not removed, as one chain.
fn chain(world: &World<'_>) -> Result<(), Violation> {
    let shared = &world.shared;
    let Some(Ok(mut changes)) = ready(shared.store.since(&shared.key, 0)) else {
        return Err(Violation::new(Law::Chain, "the log cannot be read"));
    };
    changes.reverse();
    let book = shared.book();
    let retained: Vec<_> = book.archive.retained().collect();
    let in_log: Vec<Version> = changes.iter().map(|change| change.version).collect();
    let wanted: Vec<Version> = retained.iter().map(|record| record.change.version).collect();
    check(in_log == wanted, Law::Chain, || {
        format!("the log contains {in_log:?}, but {wanted:?} were acknowledged and not removed")
    })?;
    let parents: Vec<Version> = changes.iter().skip(1).map(|change| change.parent).collect();
    check(parents.iter().eq(in_log.iter().take(parents.len())), Law::Chain, || {
        format!("the versions {in_log:?} have the parents {parents:?}")
    })
}

/// Checks that every retained version reads as it was served, and that every other one is refused.
fn reconstruction(world: &World<'_>) -> Result<(), Violation> {
    let shared = &world.shared;
    let (wanted, retained_from) = {
        let book = shared.book();
        let records = book.archive.records().iter();
        let wanted: Vec<_> = records
            .map(|record| (record.change.version, record.document.clone()))
            .collect();
        (wanted, book.archive.retained_from())
    };
    for (version, document) in wanted {
        let read = ready(shared.portfolio().read_v2(Some(version), &[]));
        let is_retained = version > retained_from;
        match read {
            Some(Ok(read)) => {
                let Reading::Document(read) = read.answer else {
                    return Err(Violation::new(
                        Law::Reconstruction,
                        format!("version {version} cannot be read"),
                    ));
                };
                check(read.document == *document && is_retained, Law::Reconstruction, || {
                    format!(
                        "version {version} was {}, but now reads {}",
                        text(&document),
                        text(&read.document)
                    )
                })?;
            }
            Some(Err(error)) => check(
                error.code == Code::BaseExpired && !is_retained,
                Law::Reconstruction,
                || {
                    format!(
                        "reading version {version}, with versions retained from {retained_from}, is refused: {error}"
                    )
                },
            )?,
            None => return Err(Violation::new(Law::Reconstruction, "a read does not complete")),
        }
    }
    Ok(())
}

/// Checks that the history lists every retained change, and that comparing two versions gives the difference of
/// their documents.
fn history_is_complete(world: &World<'_>) -> Result<(), Violation> {
    let shared = &world.shared;
    let mut shown: Vec<Version> = Vec::new();
    let mut before = None;
    loop {
        let page = ready(shared.portfolio().history(before, 7, &DeviceNames::default()));
        let Some(Ok(page)) = page else {
            return Err(Violation::new(Law::History, "the history cannot be read"));
        };
        let page = page.answer;
        shown.extend(page.changes.iter().map(|change| change.version));
        before = page.next_before;
        if before.is_none() {
            break;
        }
    }
    let book = shared.book();
    let retained: Vec<_> = book.archive.retained().collect();
    let wanted: Vec<Version> = retained.iter().rev().map(|record| record.change.version).collect();
    check(shown == wanted, Law::History, || {
        format!("the history lists {shown:?}, but {wanted:?} are retained")
    })?;
    if let (Some(first), Some(last)) = (retained.first(), retained.last()) {
        let (from, to) = (first.change.version, last.change.version);
        let Some(Ok(compared)) = ready(shared.portfolio().compare(from, to)) else {
            return Err(Violation::new(
                Law::History,
                format!("versions {from} and {to} cannot be compared"),
            ));
        };
        let mut made = Value::clone(&first.document);
        apply_all(&mut made, &compared.answer.changes);
        check(made == *last.document, Law::History, || {
            format!("comparing versions {from} and {to} gives a wrong difference")
        })?;
    }
    Ok(())
}

/// Checks that syncs that were answered long ago change nothing when they arrive again.
fn repeat_old_syncs(world: &mut World<'_>) -> Result<(), Violation> {
    let sent = std::mem::take(&mut world.sent);
    let head = world.shared.book().archive.version();
    let step = 1 + sent.len() / REPEATED;
    for (device, outgoing) in sent.iter().step_by(step) {
        let is_repetition = {
            let book = world.shared.book();
            let sync_id = outgoing.sent.sync_id.as_deref();
            let mut retained = book.archive.retained();
            let made = retained.any(|record| record.change.sync_id.as_ref().map(|id| id.as_str()) == sync_id);
            made || !outgoing.sent.has_effect
        };
        if is_repetition {
            // The base may have expired; only the device would care.
            drop(world.resend(*device, outgoing)?);
        }
    }
    let now = world.shared.book().archive.version();
    check(now == head, Law::OneEffect, || {
        format!("repeating syncs that were already answered took the head from version {head} to {now}")
    })
}
