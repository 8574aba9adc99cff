//! Between devices and functions: what gets lost, takes its time or comes twice.

use super::{Arrival, Event, Fate, Parcel, World};
use crate::chance::Chance;
use crate::met::Met;
use crate::plan::{DAY, MINUTE, SECOND};

impl World<'_> {
    /// Puts a request on the network, which may lose it, take its time or bring it twice.
    pub(super) fn send(&mut self, from: Option<(usize, u64)>, outgoing: Parcel, chance: &mut Chance) {
        let weather = self.plan.weather;
        let copies = 1 + usize::from(chance.percent(weather.duplicates));
        if copies > 1 {
            self.meet(Met::Double);
        }
        for _ in 0..copies {
            let is_lost = chance.percent(weather.losses);
            let takes = self.delay(chance);
            let fate = self.fate(chance);
            if is_lost {
                self.meet(Met::LostRequest);
                self.tell(|| format!("{}: the network loses it", self.named(from, &outgoing)));
                continue;
            }
            self.tell(|| {
                let what = if fate.is_answer_lost {
                    ", whose answer will be lost"
                } else {
                    ""
                };
                format!("{}: sent, arrives in {takes} ms{what}", self.named(from, &outgoing))
            });
            let arrival = Arrival {
                from,
                outgoing: outgoing.clone(),
                fate,
            };
            self.put(self.now + takes, Event::Arrives(Box::new(arrival)));
        }
    }

    fn named(&self, from: Option<(usize, u64)>, outgoing: &Parcel) -> String {
        let who = from.map_or("the console", |(device, _)| self.devices[device].id.as_str());
        match outgoing {
            Parcel::Console(_, asked) => format!("{who} asks for a {}", asked.name()),
            Parcel::Device(outgoing) => {
                let asked = outgoing.asked(outgoing.sent.clone());
                format!("{who} asks for a {} ({})", asked.name(), outgoing.number)
            }
        }
    }

    fn delay(&self, chance: &mut Chance) -> i64 {
        if chance.percent(self.plan.weather.delays) {
            let most = *chance.pick(&[10 * SECOND, 10 * MINUTE, DAY, 5 * DAY]);
            let takes = chance.between(0, most);
            if takes > 10 * SECOND {
                self.meet(Met::Delay);
            }
            return takes;
        }
        chance.between(1, 60)
    }

    fn fate(&self, chance: &mut Chance) -> Fate {
        let weather = self.plan.weather;
        // Most functions are over after some ten turns; a compaction that removes much has many.
        let most = *chance.pick(&[12, 12, 80]);
        let turn = u32::try_from(chance.below(most)).unwrap_or_default();
        Fate {
            killed_at: chance.percent(weather.kills).then_some(turn),
            is_answer_lost: chance.percent(weather.losses),
            answer_takes: self.delay(chance),
            chance: Chance::new(chance.seed()),
        }
    }

    /// False for a request that the network keeps: one of v1 that its device has given up, and one of v2 that comes
    /// again after retention has removed what it made, and after its device has heard of that.
    pub(super) fn may_arrive(&self, device: usize, number: u64, outgoing: &Parcel) -> bool {
        let device = &self.devices[device];
        if device.awaits(number) {
            return true;
        }
        let Parcel::Device(outgoing) = outgoing else {
            return true;
        };
        let Some(sync_id) = &outgoing.sent.sync_id else {
            self.tell(|| format!("{} has given request {number} up", device.id));
            return false;
        };
        let book = self.shared.book();
        let mut removed = book.archive.records().iter().filter(|record| record.is_removed);
        !removed.any(|record| record.change.sync_id.as_ref().is_some_and(|id| id.as_str() == sync_id))
    }
}
