//! The network between devices and functions: it drops, delays, reorders and duplicates messages.

use super::{Arrival, Event, Fate, Parcel, World};
use crate::chance::Chance;
use crate::met::Met;
use crate::plan::{DAY, MINUTE, SECOND};

impl World<'_> {
    /// Sends a request over the network, which may drop, delay or duplicate it.
    pub(super) fn send(&mut self, from: Option<(usize, u64)>, outgoing: Parcel, chance: &mut Chance) {
        let fault_rates = self.plan.fault_rates;
        let copies = 1 + usize::from(chance.percent(fault_rates.duplicates));
        if copies > 1 {
            self.meet(Met::DuplicateRequest);
        }
        for _ in 0..copies {
            let is_dropped = chance.percent(fault_rates.drops);
            let delay = self.delay(chance);
            let fate = self.fate(chance);
            if is_dropped {
                self.meet(Met::DroppedRequest);
                self.tell(|| format!("{}: the network drops it", self.description(from, &outgoing)));
                continue;
            }
            self.tell(|| {
                let note = if fate.is_answer_dropped {
                    ", and its answer will be dropped"
                } else {
                    ""
                };
                format!(
                    "{}: sent, arrives in {delay} ms{note}",
                    self.description(from, &outgoing)
                )
            });
            let arrival = Arrival {
                from,
                outgoing: outgoing.clone(),
                fate,
            };
            self.put(self.now + delay, Event::RequestArrives(Box::new(arrival)));
        }
    }

    fn description(&self, from: Option<(usize, u64)>, outgoing: &Parcel) -> String {
        let who = from.map_or("the console", |(device, _)| self.devices[device].id.as_str());
        match outgoing {
            Parcel::Console(_, asked) => format!("{who} requests a {}", asked.name()),
            Parcel::Device(outgoing) => {
                let asked = outgoing.asked(outgoing.sent.clone());
                format!("{who} requests a {} ({})", asked.name(), outgoing.number)
            }
        }
    }

    fn delay(&self, chance: &mut Chance) -> i64 {
        if chance.percent(self.plan.fault_rates.delays) {
            let most = *chance.pick(&[10 * SECOND, 10 * MINUTE, DAY, 5 * DAY]);
            let delay = chance.between(0, most);
            if delay > 10 * SECOND {
                self.meet(Met::Delay);
            }
            return delay;
        }
        chance.between(1, 60)
    }

    fn fate(&self, chance: &mut Chance) -> Fate {
        let fault_rates = self.plan.fault_rates;
        // Most functions finish within about ten turns; a compaction that removes many changes needs more.
        let most = *chance.pick(&[12, 12, 80]);
        let turn = u32::try_from(chance.below(most)).unwrap_or_default();
        Fate {
            killed_at: chance.percent(fault_rates.kills).then_some(turn),
            is_answer_dropped: chance.percent(fault_rates.drops),
            answer_delay: self.delay(chance),
            chance: Chance::new(chance.seed()),
        }
    }

    /// Returns false if the network must not deliver a request: a v1 request that its device has given up, or a
    /// repeated v2 sync that its device no longer waits for and whose change retention has removed.
    pub(super) fn may_arrive(&self, device: usize, number: u64, outgoing: &Parcel) -> bool {
        let device = &self.devices[device];
        if device.awaits(number) {
            return true;
        }
        let Parcel::Device(outgoing) = outgoing else {
            return true;
        };
        let Some(sync_id) = &outgoing.sent.sync_id else {
            self.tell(|| format!("{} has given up request {number}", device.id));
            return false;
        };
        let book = self.shared.book();
        let mut removed = book.archive.records().iter().filter(|record| record.is_removed);
        !removed.any(|record| record.change.sync_id.as_ref().is_some_and(|id| id.as_str() == sync_id))
    }
}
