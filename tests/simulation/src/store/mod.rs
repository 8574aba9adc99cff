//! The store behind the engine: the in-memory store, reached through requests that fail as DynamoDB's do.

mod pages;
mod port;

pub(crate) use port::Port;

use crate::met::Met;
use crate::mutant::Mutant;
use crate::oracle::{Archive, Asked, Call, KnownRanks, Ledger, appended};
use crate::violation::Violation;
use coinolio_core::id::{PortfolioId, SyncId, UserId};
use coinolio_core::json::Value;
use coinolio_core::log::{ChangeIdentity, Draft, Entry, Kind, PortfolioKey};
use coinolio_core::portfolio::Portfolio;
use coinolio_core::store::{Directory, MemoryStore};
use futures_util::pending;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A write that its client has given up and that takes effect later.
pub(crate) type LateWrite = Box<dyn FnOnce(&Shared) + Send>;

/// The state that all requests share: the store and the oracle's records.
pub(crate) struct Shared {
    pub(crate) store: MemoryStore,
    pub(crate) key: PortfolioKey,
    book: Mutex<Book>,
}

/// The state of the run besides the store.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) archive: Archive,
    pub(crate) ledger: Ledger,
    pub(crate) ranks: KnownRanks,
    /// Whether faults have ended.
    pub(crate) is_calm: bool,
    /// Writes that take effect later, each with its delay.
    pub(crate) late: Vec<(i64, LateWrite)>,
    pub(crate) violation: Option<Violation>,
    pub(crate) mutant: Option<Mutant>,
    /// The trace, if it was asked for.
    pub(crate) trace: Option<Vec<String>>,
    pub(crate) now: i64,
    /// The situations that the run covered, and how often each occurred.
    pub(crate) met: BTreeMap<Met, u64>,
}

impl Book {
    /// Counts a situation that the run covered.
    pub(crate) fn meet(&mut self, situation: Met) {
        *self.met.entry(situation).or_default() += 1;
    }

    /// Remembers the first violation.
    pub(crate) fn note(&mut self, result: Result<(), Violation>) {
        if let Err(violation) = result {
            self.violation.get_or_insert(violation);
        }
    }

    /// Adds a line to the trace, if there is one.
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{} {}", shown(self.now), line()));
        }
    }

    /// Counts the situations that an answered sync covered.
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
            Some(sync_id) if made(sync_id) => self.meet(Met::RepeatedSync),
            None if !archive.is_retained(sent.base) => self.meet(Met::ExpiredBaseV1),
            _ => {}
        }
    }

    fn appended(&mut self, call: &Call, draft: &Draft) {
        let result = appended(&mut self.archive, &mut self.ledger, &self.ranks, call, draft);
        self.note(result);
        let result = self.archive.renamed(call);
        self.note(result);
        let patch = &draft.patch;
        self.meet(Met::Version);
        patch.conflicts.iter().for_each(|_| self.meet(Met::Conflict));
        match (&call.asked, draft.kind) {
            (Asked::SyncV2(sent), _) if sent.base_expired => self.meet(Met::ExpiredBaseV2),
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
                    "{} won by the {}",
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
                call.number, draft.version, draft.kind
            )
        });
    }
}

/// Returns an operation in readable form.
pub(crate) fn op(op: &coinolio_core::algebra::Op) -> String {
    use crate::model::{shown, text};
    use coinolio_core::algebra::{Op, Position};
    let after = |position: &Position| match position {
        Position::Front => " to the front".to_owned(),
        Position::After(token) => format!(" after {}", shown(std::slice::from_ref(token))),
    };
    let path = shown(op.path().tokens());
    match op {
        Op::Set {
            value, after: position, ..
        } => {
            format!(
                "set {path} {}{}",
                text(value),
                position.as_ref().map_or_else(String::new, after)
            )
        }
        Op::Delete { .. } => format!("delete {path}"),
        Op::Move { after: position, .. } => format!("move {path}{}", after(position)),
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
            store: MemoryStore::new(),
            key: PortfolioKey {
                user: UserId::parse("user")?,
                portfolio: PortfolioId::parse("main")?,
            },
            book: Mutex::new(book),
        })
    }

    /// Returns the portfolio, read without faults.
    pub(crate) const fn portfolio(&self) -> Portfolio<'_, MemoryStore> {
        Portfolio::new(&self.store, &self.key)
    }

    /// Records that a request has renamed the portfolio, if its name is now `name` for the first time.
    fn note_name(&self, call: &Call, name: &str) {
        let is_named = |entry: &Entry| entry.name == name;
        let entry = ready(self.store.entry(&self.key)).and_then(Result::ok).flatten();
        let mut book = self.book();
        if entry.as_ref().is_some_and(is_named) && book.archive.rename(call, name) {
            book.meet(Met::Rename);
            book.tell(|| format!("  #{} renames the portfolio to {name}", call.number));
        }
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The documents that an execution environment has cached.
pub(crate) type Remembered = Arc<Mutex<Vec<(ChangeIdentity, Arc<Value>)>>>;

/// Returns the output of a future that never waits, as those of the in-memory store; `None` if it does wait.
pub(crate) fn ready<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Lets others take their turn. A function may be killed here.
pub(crate) async fn pause() {
    pending!();
}
