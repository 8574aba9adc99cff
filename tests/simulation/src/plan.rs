//! The plan of a run, drawn from its seed before the run begins.
//!
//! Each step draws from a seed of its own, so removing a step changes nothing else in the run.

use crate::chance::Chance;
use crate::edit::Edit;
use std::time::Duration;

/// A second, in milliseconds.
pub(crate) const SECOND: i64 = 1_000;
/// A minute, in milliseconds.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// An hour, in milliseconds.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// A day, in milliseconds.
pub(crate) const DAY: i64 = 24 * HOUR;

/// The kinds of client apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum App {
    /// v2; stores its unsent operations in an outbox.
    Outbox,
    /// v2; finds its edits by comparing documents.
    Comparing,
    /// v1; sends `metadata` back unchanged.
    Echoes,
    /// v1; drops `metadata`, but sends version and time back.
    Plain,
    /// v1; drops `metadata`, adds the number of its edits to the version, and sends the time back.
    Counts,
    /// v1; drops `metadata` and sends no time.
    VersionOnly,
    /// v1; drops `metadata` and sends the time of its own clock.
    OwnClock,
    /// v1; drops `metadata`, sends no time, and adds the number of its edits to the version. Only this app may
    /// revert others' edits without a conflict (docs/PROTOCOL.md).
    CountsBlindly,
}

impl App {
    /// Returns true if the app speaks v2.
    pub(crate) const fn is_v2(self) -> bool {
        matches!(self, Self::Outbox | Self::Comparing)
    }
}

/// A device and its clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceSpec {
    /// The app on it.
    pub(crate) app: App,
    /// Error of its clock at the start, in milliseconds.
    pub(crate) skew: i64,
    /// Drift of its clock, in millionths: positive if the clock runs fast.
    pub(crate) drift: i64,
    /// Its rank, if the user gave it one.
    pub(crate) rank: Option<u8>,
    /// Whether it starts with a document of its own.
    pub(crate) has_document: bool,
    /// Whether it is seldom used, so that the other devices get far ahead of it.
    pub(crate) is_seldom_used: bool,
}

/// Fault rates, each in percent of the occasions on which the fault can occur.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FaultRates {
    /// The network drops a request or an answer.
    pub(crate) drops: u32,
    /// A request arrives twice.
    pub(crate) duplicates: u32,
    /// A message is delayed by up to five days.
    pub(crate) delays: u32,
    /// A function is killed at some point of its execution.
    pub(crate) kills: u32,
    /// A request to the store fails, in one of several ways.
    pub(crate) store: u32,
}

/// The actions of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// A device's user makes an edit.
    Edit(usize, Edit),
    /// A device syncs.
    Sync(usize),
    /// A device's clock jumps by this many milliseconds.
    ClockJumps(usize, i64),
    /// A device requests its sync-status.
    Status(usize),
    /// The function on the DynamoDB stream compacts the log.
    Compact,
    /// Someone restores a version.
    Restore,
    /// Someone brings back the losing value of a conflict (keep-mine).
    KeepMine,
    /// Someone deletes the portfolio.
    Delete,
    /// Someone replaces the document of the head.
    Replace,
}

/// A step of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Time of the step, in milliseconds from the start.
    pub(crate) at: i64,
    /// Seed for everything else that the step draws.
    pub(crate) seed: u64,
    /// The action.
    pub(crate) act: Act,
}

/// The plan of a whole run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed that the plan was drawn from.
    pub(crate) seed: u64,
    /// The devices.
    pub(crate) devices: Vec<DeviceSpec>,
    /// Whether the portfolio exists at the start.
    pub(crate) is_there: bool,
    /// How often each fault occurs.
    pub(crate) fault_rates: FaultRates,
    /// Minimum age and number of versions that retention must keep.
    pub(crate) retention: (Duration, u64),
    /// Changes in one page of a store read; `None` if reads are not paged.
    pub(crate) page: Option<usize>,
    /// One value in `long` is long; 0 if none is.
    pub(crate) long: u32,
    /// The steps, in the order of their times.
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// Draws the plan of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let devices: Vec<DeviceSpec> = (0..2 + chance.below(7)).map(|_| device(&mut chance)).collect();
        let hours = *chance.pick(&[1, 1, 24, 24 * 7, 24 * 90]);
        let mut plan = Self {
            seed,
            is_there: chance.percent(60),
            fault_rates: fault_rates(&mut chance),
            retention: (Duration::from_secs(hours * 3600), *chance.pick(&[1, 1, 2, 5, 20, 1000])),
            page: chance.percent(30).then(|| 1 + chance.below(6)),
            long: *chance.pick(&[0, 3, 8, 20]),
            devices,
            steps: Vec::new(),
        };
        let most = *chance.pick(&[60, 120, 240]);
        let count = 10 + chance.below(most);
        let pace = chance.below(PACES.len());
        let mut at = 0;
        for _ in 0..count {
            at += pause(&mut chance, pace);
            plan.steps.push(Step {
                at,
                seed: chance.seed(),
                act: act(&mut chance, &plan.devices),
            });
        }
        plan
    }

    /// Returns the seed that the plan was drawn from.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the number of steps.
    pub const fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Returns a description of the starting conditions, line by line.
    pub fn shown(&self) -> Vec<String> {
        let (age, versions) = self.retention;
        let head = format!(
            "seed {}: {:?}, retention {} h and {versions} versions, page size {:?}, the portfolio {} at the start",
            self.seed,
            self.fault_rates,
            age.as_secs() / 3600,
            self.page,
            if self.is_there { "exists" } else { "does not exist" }
        );
        let devices = self.devices.iter().enumerate();
        std::iter::once(head)
            .chain(devices.map(|(number, device)| format!("device {number}: {device:?}")))
            .collect()
    }

    /// Returns true if some device may revert others' edits without a conflict.
    pub(crate) fn counts_blindly(&self) -> bool {
        self.devices.iter().any(|device| device.app == App::CountsBlindly)
    }
}

fn device(chance: &mut Chance) -> DeviceSpec {
    const APPS: [App; 6] = [
        App::Comparing,
        App::Echoes,
        App::Plain,
        App::Counts,
        App::VersionOnly,
        App::OwnClock,
    ];
    let app = match chance.below(200) {
        0 => App::CountsBlindly,
        n if n < 80 => App::Outbox,
        _ => *chance.pick(&APPS),
    };
    let skew = *chance.pick(&[0, 30 * SECOND, HOUR, 30 * DAY, 3_000 * DAY]);
    DeviceSpec {
        app,
        skew: chance.between(-skew, skew),
        drift: chance.between(-500, 500),
        rank: chance
            .percent(25)
            .then(|| u8::try_from(chance.below(3)).unwrap_or_default()),
        has_document: chance.percent(70),
        is_seldom_used: chance.percent(30),
    }
}

fn fault_rates(chance: &mut Chance) -> FaultRates {
    let mut one = |most: usize| match chance.below(3) {
        0 => 0,
        _ => u32::try_from(chance.below(most)).unwrap_or_default(),
    };
    FaultRates {
        drops: one(30),
        duplicates: one(25),
        delays: one(12),
        kills: one(30),
        store: one(10),
    }
}

/// Maximum pause between two steps, in milliseconds: mostly so short that requests overlap.
const PACES: [i64; 4] = [40, 300, 3_000, 3_000];

/// Draws the pause before the next step.
fn pause(chance: &mut Chance, pace: usize) -> i64 {
    // The last pace has long pauses four times as often.
    let rest = if pace + 1 == PACES.len() { 4 } else { 1 };
    let most = match chance.below(100) / rest {
        0..=2 => 3 * DAY,
        3..=7 => 2 * HOUR,
        8..=20 => 2 * MINUTE,
        _ => PACES[pace],
    };
    chance.between(0, most)
}

fn act(chance: &mut Chance, devices: &[DeviceSpec]) -> Act {
    let mut device = chance.below(devices.len());
    if devices[device].is_seldom_used && chance.percent(85) {
        device = chance.below(devices.len());
    }
    match chance.below(200) {
        0..=84 => Act::Edit(device, Edit::any(chance)),
        85..=156 => Act::Sync(device),
        157..=160 => Act::ClockJumps(device, chance.between(-5 * DAY, 5 * DAY)),
        161..=164 => Act::Status(device),
        165..=186 => Act::Compact,
        187..=190 => Act::Restore,
        191..=195 => Act::KeepMine,
        196 => Act::Delete,
        _ => Act::Replace,
    }
}
