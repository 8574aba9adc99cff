//! A portfolio with its log and a clock.

use crate::probe::Probe;
use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::json::{Value, read};
use coinolio_core::log::{Change, Draft, Kind, Patch, PortfolioKey, Version};
use coinolio_core::portfolio::{Portfolio, Window};
use coinolio_core::store::{Appended, ChangeLog};
use coinolio_core::sync::{Answered, Backoff, Compacted, Retention, portfolios};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::v1::{CreateRequest, SyncRequest, SyncResponse};
use coinolio_core::{Code, Error};
use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Runs a future that waits for nothing outside itself. It must be `Send`, because the server may run it on any thread.
pub(crate) fn run<F: Future + Send>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

pub(crate) fn value(text: &str) -> Value {
    read(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// A backoff that allows this many retries and never waits.
pub(crate) struct Attempts(pub(crate) u32);

impl Backoff for Attempts {
    async fn wait(&mut self) -> bool {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

pub(crate) struct World {
    pub(crate) log: Probe,
    pub(crate) key: PortfolioKey,
    now: Cell<i64>,
}

/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600_000;

impl World {
    /// Creates a portfolio whose version 1 is `document`, made by the device `maker`.
    pub(crate) fn new(document: &str) -> Self {
        let world = Self::empty();
        world.begin_with(document);
        world
    }

    /// Creates the portfolio, with `document` as version 1.
    pub(crate) fn begin_with(&self, document: &str) {
        let body = format!(r#"{{"name":"P","id":"p","device_id":"maker","data":{document}}}"#);
        let request = CreateRequest::from_json(value(&body)).unwrap();
        run(portfolios::create(
            &self.log,
            &self.key.user,
            request,
            PortfolioId::parse("unused").unwrap(),
            self.tick(),
        ))
        .unwrap();
        self.log.take_requests();
    }

    /// Creates a world without any portfolio.
    pub(crate) fn empty() -> Self {
        Self::empty_at(0)
    }

    /// Creates a world without any portfolio, whose clock starts `millis` milliseconds later.
    pub(crate) fn empty_at(millis: i64) -> Self {
        Self {
            log: Probe::default(),
            key: PortfolioKey {
                user: UserId::parse("user").unwrap(),
                portfolio: PortfolioId::parse("p").unwrap(),
            },
            now: Cell::new(START + millis),
        }
    }

    /// Advances the clock by a second and returns the new time.
    pub(crate) fn tick(&self) -> Timestamp {
        self.now.set(self.now.get() + 1000);
        Timestamp::from_millis(self.now.get())
    }

    pub(crate) fn let_days_pass(&self, days: i64) {
        self.now.set(self.now.get() + days * 86_400_000);
    }

    /// Returns the portfolio of the world's key.
    pub(crate) fn portfolio(&self) -> Portfolio<'_, Probe> {
        Portfolio::new(&self.log, &self.key)
    }

    pub(crate) fn try_sync(&self, body: &str) -> Result<Answered<SyncResponse>, Error> {
        let request = SyncRequest::from_json(value(body))?;
        run(self.portfolio().sync_v1(&mut Attempts(3), request, self.tick()))
    }

    pub(crate) fn sync(&self, body: &str) -> SyncResponse {
        self.try_sync(body)
            .unwrap_or_else(|error| panic!("{body}: {error}"))
            .answer
    }

    /// Syncs without `last_sync_at`.
    pub(crate) fn sync_as(&self, device: &str, client_version: Version, document: &str) -> SyncResponse {
        self.sync(&body(device, client_version, document))
    }

    /// Asserts that the sync is refused with `code` and changes nothing.
    pub(crate) fn refuses(&self, body: &str, code: Code) {
        let before = self.changes();
        let error = self.try_sync(body).map(|answered| answered.answer.version);
        assert_eq!(error.map_err(|error| error.code), Err(code), "{body}");
        assert_eq!(self.changes(), before, "a refused request changes nothing");
    }

    pub(crate) fn changes(&self) -> Vec<Change> {
        run(self.log.log.since(&self.key, 0)).unwrap()
    }

    pub(crate) fn head(&self) -> Change {
        run(self.log.log.newest(&self.key, 1)).unwrap().remove(0)
    }

    pub(crate) fn version(&self) -> Version {
        self.head().version
    }

    /// Returns the head's document as the log stores it.
    pub(crate) fn document(&self) -> Value {
        let mut window = Window::new(Portfolio::new(&self.log.log, &self.key), self.changes());
        let head = self.version();
        (*run(window.document_at(head)).unwrap()).clone()
    }

    /// Returns the draft that a v2 client's sync appends to turn the head's document into `document`.
    pub(crate) fn edit(&self, device: &str, document: &str) -> Draft {
        let head = self.head();
        let at = self.tick();
        let patch = Patch::between(&self.document(), &value(document), at);
        Draft {
            device_id: DeviceId::parse(device).ok(),
            ..Draft::on(Some(&head), head.extent, Kind::Synced, patch, at)
        }
    }

    /// Compacts the portfolio under a retention so long that no change is removed.
    pub(crate) fn compact(&self) -> Compacted {
        let retention = Retention {
            age: Duration::MAX,
            versions: 1000,
        };
        run(Portfolio::new(&self.log.log, &self.key).compact(&retention, self.tick())).unwrap()
    }

    /// Lets another device turn the head's document into `document`.
    pub(crate) fn write(&self, device: &str, document: &str) {
        self.append(&self.edit(device, document));
    }

    pub(crate) fn append(&self, draft: &Draft) {
        assert_eq!(run(self.log.log.append(&self.key, draft)).unwrap(), Appended::Written);
    }
}

pub(crate) fn body(device: &str, client_version: Version, document: &str) -> String {
    format!(
        r#"{{"device_id":"{device}","client_version":{client_version},"last_sync_at":null,"client_data":{document}}}"#
    )
}

/// Returns an answer as its client reads it.
pub(crate) fn json(answer: &impl serde::Serialize) -> Value {
    value(&serde_json::to_string(answer).unwrap())
}

/// Returns the `data` of an answer without the service's members.
pub(crate) fn data(answer: &SyncResponse) -> Value {
    answer.data.document().clone()
}
