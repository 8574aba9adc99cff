//! What happens in a run, decided by its seed before it begins: each step draws from a seed of its own, so that a
//! run without some of its steps is the same run else.

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

/// What a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum App {
    /// v2; its outbox holds the operations as they were made.
    Outbox,
    /// v2; it finds its edits by comparing documents.
    Comparing,
    /// v1; it sends `metadata` back as it came.
    Echoes,
    /// v1; it drops `metadata`, and sends version and time back.
    Plain,
    /// v1; it drops `metadata`, counts its edits on top of the version, and sends the time back.
    Counts,
    /// v1; it drops `metadata` and knows no time.
    VersionOnly,
    /// v1; it drops `metadata` and sends its own clock's time.
    OwnClock,
    /// v1; it drops `metadata`, knows no time and counts its edits on top of the version: the one that may revert
    /// others unheard (docs/PROTOCOL.md).
    CountsBlindly,
}

impl App {
    /// True for an app that speaks v2.
    pub(crate) const fn is_v2(self) -> bool {
        matches!(self, Self::Outbox | Self::Comparing)
    }
}

/// A device and its clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceSpec {
    /// The app on it.
    pub(crate) app: App,
    /// How far its clock is off at the start, in milliseconds.
    pub(crate) skew: i64,
    /// How much faster than time its clock goes, in millionths.
    pub(crate) drift: i64,
    /// Its rank, where the user gave it one.
    pub(crate) rank: Option<u8>,
    /// True where it begins with a document of its own.
    pub(crate) has_document: bool,
    /// True where it is seldom used, so that the others go on without it.
    pub(crate) is_seldom_used: bool,
}

/// How often something goes wrong, each in percent of its occasions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// A request or an answer of the network is lost.
    pub(crate) losses: u32,
    /// A request arrives twice.
    pub(crate) duplicates: u32,
    /// A message takes up to days.
    pub(crate) delays: u32,
    /// A function is killed somewhere on its way.
    pub(crate) kills: u32,
    /// A request to the store fails, in one of its ways.
    pub(crate) store: u32,
}

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// A device's user edits.
    Edit(usize, Edit),
    /// A device syncs.
    Sync(usize),
    /// A device's clock jumps by so many milliseconds.
    ClockJumps(usize, i64),
    /// A device asks for its status.
    Status(usize),
    /// The function on the table's stream runs.
    Compact,
    /// Somebody restores a version.
    Restore,
    /// Somebody brings back what lost in a conflict.
    KeepMine,
    /// Somebody deletes the portfolio.
    Delete,
    /// Somebody puts a document in the head's place.
    Replace,
}

/// A step of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// When, in milliseconds from the start.
    pub(crate) at: i64,
    /// What else it draws comes from this seed.
    pub(crate) seed: u64,
    /// What happens.
    pub(crate) act: Act,
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed that it came of.
    pub(crate) seed: u64,
    /// The devices.
    pub(crate) devices: Vec<DeviceSpec>,
    /// True where the portfolio is there at the start.
    pub(crate) is_there: bool,
    /// What goes wrong.
    pub(crate) weather: Weather,
    /// Which changes must stay.
    pub(crate) retention: (Duration, u64),
    /// How many changes a page of the store holds, where it is cut into pages.
    pub(crate) page: Option<usize>,
    /// One of so many values is long; none where 0.
    pub(crate) long: u32,
    /// The steps, in the order of their times.
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// The run of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let devices: Vec<DeviceSpec> = (0..2 + chance.below(7)).map(|_| device(&mut chance)).collect();
        let hours = *chance.pick(&[1, 1, 24, 24 * 7, 24 * 90]);
        let mut plan = Self {
            seed,
            is_there: chance.percent(60),
            weather: weather(&mut chance),
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

    /// The seed that it came of.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// How many steps it has.
    pub const fn steps(&self) -> usize {
        self.steps.len()
    }

    /// What it begins with, as people read it.
    pub fn shown(&self) -> Vec<String> {
        let (age, versions) = self.retention;
        let head = format!(
            "seed {}: {:?}, kept {} h and {versions} versions, pages of {:?}, the portfolio {} there",
            self.seed,
            self.weather,
            age.as_secs() / 3600,
            self.page,
            if self.is_there { "is" } else { "is not" }
        );
        let devices = self.devices.iter().enumerate();
        std::iter::once(head)
            .chain(devices.map(|(number, device)| format!("device {number}: {device:?}")))
            .collect()
    }

    /// True where a device may revert others unheard.
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

fn weather(chance: &mut Chance) -> Weather {
    let mut one = |most: usize| match chance.below(3) {
        0 => 0,
        _ => u32::try_from(chance.below(most)).unwrap_or_default(),
    };
    Weather {
        losses: one(30),
        duplicates: one(25),
        delays: one(12),
        kills: one(30),
        store: one(10),
    }
}

/// How long a step comes after the one before at most, in milliseconds: mostly so short that requests meet.
const PACES: [i64; 4] = [40, 300, 3_000, 3_000];

/// How long until the next step.
fn pause(chance: &mut Chance, pace: usize) -> i64 {
    // At the last pace the devices are often left alone for long.
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
