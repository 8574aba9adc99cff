//! The execution of a run: a virtual clock, a queue of events, and functions that take turns.

mod console;
mod network;

use crate::chance::Chance;
use crate::device::{Device, Outcome, Outgoing, Pen, START};
use crate::met::Met;
use crate::model::text;
use crate::mutant::Mutant;
use crate::oracle::{self, Asked, Call};
use crate::plan::{Act, Plan, SECOND, Step};
use crate::server::{Attempts, Reply, Request, Serving, serve};
use crate::store::{Book, LateWrite, Port, Remembered, Shared, op, ready};
use crate::violation::{Law, Violation};
use coinolio_core::Error;
use coinolio_core::devices::Profile;
use coinolio_core::id::DeviceId;
use coinolio_core::json::Value;
use coinolio_core::store::Devices;
use coinolio_core::sync::SyncStatusQuery;
use coinolio_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Number of execution environments; each caches documents of its own.
const ENVIRONMENTS: usize = 2;

/// Time between two requests after all faults have ended, in milliseconds.
const CALM: i64 = 5 * SECOND;

/// An event of the queue.
enum Event {
    Step(Step),
    RequestArrives(Box<Arrival>),
    Runs(u64),
    AnswerArrives(usize, u64, Outcome),
    LateWriteLands(LateWrite),
}

/// A request on its way to the server.
struct Arrival {
    /// The device that sent it, and the device's own number for it.
    from: Option<(usize, u64)>,
    outgoing: Parcel,
    fate: Fate,
}

/// The contents of a request.
#[derive(Clone)]
enum Parcel {
    Device(Box<Outgoing>),
    Console(Request, Asked),
}

/// The faults and delays that a request and its answer will meet.
struct Fate {
    chance: Chance,
    /// The turn in which the function is killed, if it is.
    killed_at: Option<u32>,
    is_answer_dropped: bool,
    answer_delay: i64,
}

/// A running function.
struct Task {
    serving: Serving,
    call: Arc<Call>,
    from: Option<(usize, u64)>,
    fate: Fate,
    turns: u32,
}

/// A run in progress.
pub(crate) struct World<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) shared: Arc<Shared>,
    pub(crate) devices: Vec<Device>,
    tasks: BTreeMap<u64, Task>,
    queue: BTreeMap<(i64, u64), Event>,
    pub(crate) now: i64,
    next: u64,
    pen: Pen,
    environments: [Remembered; ENVIRONMENTS],
    /// Whether a compaction was started and has not finished: the DynamoDB stream will deliver its records again.
    pub(crate) is_compaction_due: bool,
    /// The v2 syncs sent so far, to be sent again at the end.
    pub(crate) sent: Vec<(usize, Outgoing)>,
    /// The number of replacements requested so far, which gives each new name a number of its own.
    replacements: u64,
}

impl<'p> World<'p> {
    pub(crate) fn new(plan: &'p Plan, mutant: Option<Mutant>, traces: bool) -> Result<Self, Error> {
        let mut book = Book {
            mutant,
            trace: traces.then(Vec::new),
            ..Book::default()
        };
        let mut devices = Vec::new();
        for (number, spec) in plan.devices.iter().enumerate() {
            let id = DeviceId::parse(&format!("{:?}-{number}", spec.app))?;
            book.ranks.extend(spec.rank.map(|rank| (id.clone(), rank)));
            devices.push(Device::new(id, spec));
        }
        let ranks = book.ranks.clone();
        let shared = Arc::new(Shared::new(book)?);
        for (id, rank) in &ranks {
            let profile = Profile {
                rank: Some(*rank),
                ..Profile::default()
            };
            let described = shared
                .store
                .describe(&shared.key.user, id, &profile, Timestamp::from_millis(START));
            ready(described);
        }
        let mut world = Self {
            plan,
            shared,
            devices,
            tasks: BTreeMap::new(),
            queue: BTreeMap::new(),
            now: 0,
            next: 0,
            pen: Pen {
                next: 0,
                long: plan.long,
            },
            environments: Default::default(),
            is_compaction_due: false,
            sent: Vec::new(),
            replacements: 0,
        };
        for step in &plan.steps {
            world.put(step.at, Event::Step(*step));
        }
        Ok(world)
    }

    fn put(&mut self, at: i64, event: Event) {
        self.next += 1;
        self.queue.insert((at, self.next), event);
    }

    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        self.shared.book().tell(line);
    }

    fn meet(&self, situation: Met) {
        self.shared.book().meet(situation);
    }

    /// Processes events until none is left.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = self.now.max(at);
            self.shared.book().now = self.now;
            match event {
                Event::Step(step) => self.step(&step)?,
                Event::RequestArrives(arrival) => self.request_arrives(*arrival),
                Event::Runs(task) => self.run_task(task)?,
                Event::AnswerArrives(device, number, outcome) => self.answer_arrives(device, number, &outcome),
                Event::LateWriteLands(write) => {
                    self.tell(|| "a late write takes effect".to_owned());
                    write(&self.shared);
                }
            }
            let late = std::mem::take(&mut self.shared.book().late);
            for (by, write) in late {
                self.put(self.now + by, Event::LateWriteLands(write));
            }
            self.first_violation()?;
        }
        Ok(())
    }

    /// Returns the first violation found so far, if any.
    fn first_violation(&self) -> Result<(), Violation> {
        match self.shared.book().violation.take() {
            Some(violation) => Err(violation),
            None => Ok(()),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), Violation> {
        let mut chance = Chance::new(step.seed);
        match step.act {
            Act::Edit(device, edit) => self.edit(device, &edit),
            Act::Sync(device) => self.sync(device, &mut chance),
            Act::ClockJumps(device, by) => {
                self.devices[device].clock_jumps(by);
                let id = &self.devices[device].id;
                self.tell(|| format!("the clock of {id} jumps by {} s", by / SECOND));
            }
            Act::Status(device) => self.status(device, &mut chance)?,
            Act::Compact => {
                let (age, versions) = self.plan.retention;
                let asked = Asked::Compact(age, versions);
                self.console(Request::Compact(age, versions), asked, &mut chance);
            }
            Act::Delete => self.console(Request::Delete, Asked::Delete, &mut chance),
            Act::Restore => self.restore(&mut chance),
            Act::KeepMine => self.keep_mine(&mut chance),
            Act::Replace => self.replace(&mut chance),
        }
        Ok(())
    }

    pub(crate) fn edit(&mut self, device: usize, edit: &crate::edit::Edit) {
        let mut book = self.shared.book();
        let device = &mut self.devices[device];
        let ops = device.edit(edit, &mut self.pen, self.now, &mut book.ledger);
        book.tell(|| {
            let ops = ops.iter().map(op).collect::<Vec<_>>().join("; ");
            format!("{} edits: {ops}", device.id)
        });
    }

    fn sync(&mut self, index: usize, chance: &mut Chance) {
        let is_v1 = self.devices[index].is_v1();
        let is_served = |task: &Task| task.from.is_some_and(|(device, _)| device == index);
        // The gateway gives up on a function before the phone does, so a v1 device never has two functions at work.
        if self.devices[index].is_waiting(self.now) || is_v1 && self.tasks.values().any(is_served) {
            self.tell(|| format!("{} is still waiting for an answer", self.devices[index].id));
            return;
        }
        let outgoing = self.devices[index].request(self.now);
        if !is_v1 {
            self.sent.push((index, outgoing.clone()));
        }
        let from = Some((index, outgoing.number));
        self.send(from, Parcel::Device(Box::new(outgoing)), chance);
    }

    fn status(&mut self, index: usize, chance: &mut Chance) -> Result<(), Violation> {
        let book = self.shared.book();
        if book.archive.records().is_empty() || book.archive.is_deleted() {
            return Ok(());
        }
        let device = &self.devices[index];
        let query = SyncStatusQuery {
            version: device.version(),
            device_id: device.id.clone(),
            local_changes: chance.percent(50).then(|| device.has_edits()),
        };
        let Some(Ok(answer)) = ready(self.shared.portfolio().sync_status(&query)) else {
            return Err(Violation::new(
                Law::Status,
                "a portfolio that exists has no sync-status",
            ));
        };
        oracle::status(&book.archive, &device.id, query.version, query.local_changes, &answer)
    }

    fn request_arrives(&mut self, arrival: Arrival) {
        let Arrival {
            from,
            outgoing,
            mut fate,
        } = arrival;
        if let Some((device, number)) = from
            && !self.may_arrive(device, number, &outgoing)
        {
            return;
        }
        // The DynamoDB stream delivers a portfolio's records to one compaction at a time.
        let compacts = |task: &Task| matches!(task.call.asked, Asked::Compact(..));
        if matches!(outgoing, Parcel::Console(Request::Compact(..), _)) && self.tasks.values().any(compacts) {
            self.is_compaction_due = true;
            return;
        }
        // The clocks of the functions differ slightly.
        let received = START + self.now + fate.chance.between(-800, 800);
        let (request, asked) = match outgoing {
            Parcel::Console(request, asked) => (request, asked),
            Parcel::Device(outgoing) => {
                let asked = outgoing.asked(outgoing.arriving(received));
                (outgoing.request, asked)
            }
        };
        let task = self.begin(request, asked, from, received, fate);
        self.put(self.now, Event::Runs(task));
    }

    /// Starts a function and returns its number.
    fn begin(
        &mut self,
        request: Request,
        asked: Asked,
        from: Option<(usize, u64)>,
        received: i64,
        mut fate: Fate,
    ) -> u64 {
        self.next += 1;
        let number = self.next;
        let device = from.map(|(device, _)| self.devices[device].id.clone());
        let call = Arc::new(Call {
            number,
            device,
            request: from.map(|(_, request)| request),
            asked,
            received,
            began_at: self.shared.book().archive.records().len(),
        });
        self.tell(|| {
            let who = call.device.as_ref().map_or("the console", DeviceId::as_str);
            format!("  #{number} begins: {} by {who}", call.asked.name())
        });
        let remembered = Arc::clone(fate.chance.pick(&self.environments));
        let store = Chance::new(fate.chance.seed());
        let mut port = Port::new(Arc::clone(&self.shared), Arc::clone(&call), store, remembered);
        port.failures = self.plan.fault_rates.store;
        port.page = self.plan.page;
        let attempts = Attempts(u32::try_from(fate.chance.below(5)).unwrap_or_default());
        let mutant = self.shared.book().mutant;
        let received = Timestamp::from_millis(received);
        let serving = serve(port, self.shared.key.clone(), attempts, request, received, mutant);
        let task = Task {
            serving,
            call,
            from,
            fate,
            turns: 0,
        };
        self.tasks.insert(number, task);
        number
    }

    /// Lets a function run until its next pause.
    fn run_task(&mut self, number: u64) -> Result<(), Violation> {
        let Some(mut task) = self.tasks.remove(&number) else {
            return Ok(());
        };
        if let Asked::Compact(..) = task.call.asked {
            self.is_compaction_due = true;
        }
        if task.fate.killed_at == Some(task.turns) && !self.shared.book().is_calm {
            self.tell(|| format!("  #{number} is killed"));
            self.meet(Met::Kill);
            return Ok(());
        }
        task.turns += 1;
        match task.serving.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => {
                let wait = match task.fate.chance.below(40) {
                    0 => task.fate.chance.between(0, 3 * SECOND),
                    _ => task.fate.chance.between(0, 12),
                };
                self.tasks.insert(number, task);
                self.put(self.now + wait, Event::Runs(number));
            }
            Poll::Ready(reply) => {
                let is_deleted = self.shared.book().archive.is_deleted();
                if let (Asked::Compact(..), Ok(_), false) = (&task.call.asked, &reply, is_deleted) {
                    self.is_compaction_due = false;
                }
                let outcome = self.judge(&task.call, reply)?;
                if task.fate.is_answer_dropped {
                    self.meet(Met::DroppedAnswer);
                } else if let Some((device, own)) = task.from {
                    self.put(
                        self.now + task.fate.answer_delay,
                        Event::AnswerArrives(device, own, outcome),
                    );
                }
            }
        }
        Ok(())
    }

    /// Checks a reply against the log, and returns the outcome for its device.
    fn judge(&self, call: &Call, reply: Reply) -> Result<Outcome, Violation> {
        self.first_violation()?;
        let mut book = self.shared.book();
        book.tell(|| {
            let result = match &reply {
                Ok(answer) => text(answer),
                Err(refused) => format!("{:?}, {}", refused.code, refused.detail),
            };
            format!("  #{} ends: {result}", call.number)
        });
        match reply {
            Err(refused) => {
                oracle::refused(&book.archive, call, refused.code, &refused.detail, book.is_calm)?;
                Ok(Err(refused))
            }
            Ok(answer) => {
                book.meet_answered(call);
                let replica = match &call.asked {
                    Asked::SyncV2(sent) => oracle::answered_v2(&book.archive, call, sent, &answer)?,
                    Asked::SyncV1(_) | Asked::Create(_) | Asked::Replace(..) => {
                        oracle::answered_v1(&book.archive, call, &answer)?
                    }
                    _ => Value::Null,
                };
                Ok(Ok((answer, replica)))
            }
        }
    }

    fn answer_arrives(&mut self, device: usize, number: u64, outcome: &Outcome) {
        let mut book = self.shared.book();
        let device = &mut self.devices[device];
        device.receive(number, outcome, self.now, &mut book.ledger);
        book.tell(|| {
            format!(
                "{} receives the answer to {number} and now has {}",
                device.id,
                text(device.document())
            )
        });
    }

    /// Sends a request without any fault or delay, and returns its outcome.
    pub(crate) fn ask(
        &mut self,
        from: Option<(usize, u64)>,
        request: Request,
        asked: Asked,
    ) -> Result<Outcome, Violation> {
        self.now += CALM;
        self.shared.book().now = self.now;
        let fate = Fate {
            chance: Chance::new(self.next),
            killed_at: None,
            is_answer_dropped: false,
            answer_delay: 0,
        };
        let number = self.begin(request, asked, from, START + self.now, fate);
        let Some(mut task) = self.tasks.remove(&number) else {
            return Err(Violation::new(Law::Quiet, "a request has disappeared"));
        };
        loop {
            if let Poll::Ready(reply) = task.serving.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return self.judge(&task.call, reply);
            }
        }
    }

    /// Syncs a device without any fault or delay.
    pub(crate) fn sync_without_faults(&mut self, index: usize) -> Result<(), Violation> {
        let outgoing = self.devices[index].request(self.now + CALM);
        let outcome = self.resend(index, &outgoing)?;
        self.answer_arrives(index, outgoing.number, &outcome);
        Ok(())
    }

    /// Sends a device's earlier request again.
    pub(crate) fn resend(&mut self, index: usize, outgoing: &Outgoing) -> Result<Outcome, Violation> {
        let asked = outgoing.asked(outgoing.arriving(START + self.now + CALM));
        self.ask(Some((index, outgoing.number)), outgoing.request.clone(), asked)
    }
}
