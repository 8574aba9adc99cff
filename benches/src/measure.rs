//! Comparisons measured side by side.

use std::fmt;
use std::time::{Duration, Instant};

/// The middle and the ends of repeated measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// The spread of `samples`; not a number where there are none.
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |index: usize| samples.get(index).copied().unwrap_or(f64::NAN);
        let last = samples.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            min: at(0),
            max: at(last),
        }
    }
}

/// `median (min–max)`, with as many decimals as the format asks for.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(1);
        write!(
            f,
            "{:.decimals$} ({:.decimals$}–{:.decimals$})",
            self.median, self.min, self.max
        )
    }
}

/// One of the things compared: does its work once.
pub type Contestant<'a> = Box<dyn FnMut() + 'a>;

/// A contestant that does `work`; dropping what that makes is part of it.
pub fn contestant<'a, T>(mut work: impl FnMut() -> T + 'a) -> Contestant<'a> {
    Box::new(move || {
        std::hint::black_box(work());
    })
}

/// How long and how often to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often each contestant gets its turn.
    pub rounds: usize,
    /// About how long a turn takes; a contestant that needs longer works once.
    pub turn: Duration,
    /// The most time for all rounds; at least three are done.
    pub budget: Duration,
}

/// Measures the contestants turn by turn (A B C, B C A, …), so that whatever else the machine does meets all
/// of them alike.
///
/// Returns each contestant's microseconds for working once.
pub fn side_by_side(contestants: &mut [Contestant<'_>], plan: Plan) -> Vec<Spread> {
    let times: Vec<u32> = contestants
        .iter_mut()
        .map(|work| repetitions(work, plan.turn))
        .collect();
    let mut samples = vec![Vec::new(); contestants.len()];
    let start = Instant::now();
    for round in 0..plan.rounds {
        if round >= 3 && start.elapsed() > plan.budget {
            break;
        }
        for turn in 0..contestants.len() {
            let which = (round + turn) % contestants.len();
            let took = repeat(&mut contestants[which], times[which]);
            samples[which].push(took.as_secs_f64() * 1e6 / f64::from(times[which]));
        }
    }
    samples.into_iter().map(Spread::of).collect()
}

/// How often the work fits into a turn; the two trials also warm it up.
fn repetitions(work: &mut Contestant<'_>, turn: Duration) -> u32 {
    repeat(work, 1);
    let once = repeat(work, 1).as_secs_f64().max(1e-9);
    // A saturating cast, within bounds.
    (turn.as_secs_f64() / once).clamp(1.0, 100_000.0) as u32
}

fn repeat(work: &mut Contestant<'_>, times: u32) -> Duration {
    let start = Instant::now();
    (0..times).for_each(|_| work());
    start.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_samples_is_the_mean_of_the_middle_two() {
        let spread = Spread::of(vec![4.0, 1.0, 2.0, 8.0]);
        assert_eq!((spread.median, spread.min, spread.max), (3.0, 1.0, 8.0));
        assert_eq!(format!("{spread:.0}"), "3 (1–8)");
    }

    #[test]
    fn every_contestant_gets_as_many_turns_as_any_other() {
        let plan = Plan {
            rounds: 5,
            turn: Duration::ZERO,
            budget: Duration::from_secs(60),
        };
        let (mut first, mut second) = (0, 0);
        {
            let mut contestants = [contestant(|| first += 1), contestant(|| second += 1)];
            assert_eq!(side_by_side(&mut contestants, plan).len(), 2);
        }
        // Two trials and five rounds each.
        assert_eq!((first, second), (7, 7));
    }
}
