//! The store behind the engine: the log in memory, reached through requests that fail as DynamoDB's do.

mod pages;
mod port;

pub(crate) use port::Port;

use crate::met::Met;
use crate::mutant::Mutant;
use crate::oracle::{Archive, Asked, Call, KnownRanks, Ledger, appended};
use crate::violation::Violation;
use coinolio_core::id::{PortfolioId, SyncId, UserId};
use coinolio_core::json::Value;
use coinolio_core::log::{Kind, Making, MemoryLog, NewChange, PortfolioKey};
use futures_util::pending;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A write that the client gave up, and that lands later.
pub(crate) type LateWrite = Box<dyn FnOnce(&Shared) + Send>;

/// What all requests share: the log, and the book of the oracle.
pub(crate) struct Shared {
    pub(crate) log: MemoryLog,
    pub(crate) key: PortfolioKey,
    book: Mutex<Book>,
}

/// What the run knows besides the log.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) archive: Archive,
    pub(crate) ledger: Ledger,
    pub(crate) ranks: KnownRanks,
    /// Nothing fails any more.
    pub(crate) is_calm: bool,
    /// Writes that land later, and by how much.
    pub(crate) late: Vec<(i64, LateWrite)>,
    pub(crate) violation: Option<Violation>,
    pub(crate) mutant: Option<Mutant>,
    /// What happened, where somebody wants to know.
    pub(crate) trace: Option<Vec<String>>,
    pub(crate) now: i64,
    /// What the run met, and how often.
    pub(crate) met: BTreeMap<Met, u64>,
}

impl Book {
    /// Counts what the run met.
    pub(crate) fn meet(&mut self, what: Met) {
        *self.met.entry(what).or_default() += 1;
    }

    /// Keeps the first violation.
    pub(crate) fn hold(&mut self, held: Result<(), Violation>) {
        if let Err(violation) = held {
            self.violation.get_or_insert(violation);
        }
    }

    /// Tells what happens, where somebody wants to know.
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{} {}", shown(self.now), line()));
        }
    }

    /// Counts what an answered sync met.
    pub(crate) fn meet_answered(&mut self, call: &Call) {
        let (Some(sent), archive) = (call.asked.sent(), &self.archive) else {
            return;
        };
        let made = |sync_id: &String| {
            let mut records = archive.records().iter();
            let is_made = |id: &SyncId| id.as_str() == sync_id;
            records.any(|record| record.by != call.number && record.change.sync_id.as_ref().is_some_and(is_made))
        };
        match &sent.sync_id {
            Some(sync_id) if made(sync_id) => self.meet(Met::Repetition),
            None if !archive.is_kept(sent.base) => self.meet(Met::ForgottenBase),
            _ => {}
        }
    }

    fn appended(&mut self, call: &Call, new: &NewChange) {
        let held = appended(&mut self.archive, &mut self.ledger, &self.ranks, call, new);
        self.hold(held);
        let NewChange { change, patch } = new;
        self.meet(Met::Version);
        patch.conflicts.iter().for_each(|_| self.meet(Met::Conflict));
        match (&call.asked, change.kind) {
            (Asked::SyncV2(sent), _) if sent.base_lost => self.meet(Met::LostBase),
            (_, Kind::Deleted) => self.meet(Met::Deletion),
            (_, Kind::Restored) => self.meet(Met::Restore),
            (_, Kind::Replaced) => self.meet(Met::Replacement),
            (_, Kind::KeptMine) => self.meet(Met::KeptMine),
            _ => {}
        }
        self.tell(|| {
            let ops = patch
                .edits
                .iter()
                .map(|edit| op(&edit.op))
                .collect::<Vec<_>>()
                .join("; ");
            let conflicts = patch.conflicts.iter().map(|conflict| {
                format!(
                    "{} to the {}",
                    crate::model::shown(conflict.path.tokens()),
                    conflict.winner.as_str()
                )
            });
            let conflicts = conflicts.collect::<Vec<_>>().join(", ");
            let conflicts = if conflicts.is_empty() {
                conflicts
            } else {
                format!(" (conflicts: {conflicts})")
            };
            format!(
                "  #{} makes version {} {:?}: {ops}{conflicts}",
                call.number, change.version, change.kind
            )
        });
    }
}

/// An operation as people read it.
pub(crate) fn op(op: &coinolio_core::algebra::Op) -> String {
    use crate::model::{shown, text};
    use coinolio_core::algebra::{Op, Place};
    let after = |place: &Place| match place {
        Place::Front => " in front".to_owned(),
        Place::After(token) => format!(" after {}", shown(std::slice::from_ref(token))),
    };
    let place = shown(op.path().tokens());
    match op {
        Op::Set {
            value,
            after: place_after,
            ..
        } => {
            format!(
                "set {place} {}{}",
                text(value),
                place_after.as_ref().map_or_else(String::new, after)
            )
        }
        Op::Delete { .. } => format!("delete {place}"),
        Op::Move { after: place_after, .. } => format!("move {place}{}", after(place_after)),
    }
}

fn shown(now: i64) -> String {
    let (days, rest) = (now.div_euclid(86_400_000), now.rem_euclid(86_400_000));
    let (hours, minutes) = (rest / 3_600_000, rest / 60_000 % 60);
    format!(
        "{days}d {hours:02}:{minutes:02}:{:02}.{:03}",
        rest / 1_000 % 60,
        rest % 1_000
    )
}

impl Shared {
    pub(crate) fn new(book: Book) -> Result<Self, coinolio_core::Error> {
        Ok(Self {
            log: MemoryLog::new(),
            key: PortfolioKey {
                user: UserId::parse("user")?,
                portfolio: PortfolioId::parse("main")?,
            },
            book: Mutex::new(book),
        })
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The documents that an execution environment remembers.
pub(crate) type Remembered = Arc<Mutex<Vec<(Making, Arc<Value>)>>>;

/// What a future gives that never waits: those of the log in memory.
pub(crate) fn ready<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A moment in which others have their turn, and in which a function may be killed.
pub(crate) async fn pause() {
    pending!();
}
