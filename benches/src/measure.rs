//! Comparisons measured side by side.

use std::fmt;
use std::time::{Duration, Instant};

/// The median and the extremes of repeated measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The minimum.
    pub min: f64,
    /// The maximum.
    pub max: f64,
}

impl Spread {
    /// Returns the spread of `samples`; without samples, all figures are NaN.
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

/// Formats as `median (min–max)`, with the number of decimals that the format asks for.
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

/// One of the compared pieces of work; a call does the work once.
pub type Contestant<'a> = Box<dyn FnMut() + 'a>;

/// Returns a contestant that does `work` and drops its result.
pub fn contestant<'a, T>(mut work: impl FnMut() -> T + 'a) -> Contestant<'a> {
    Box::new(move || {
        std::hint::black_box(work());
    })
}

/// The duration and number of the measurements.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Number of turns of each contestant.
    pub rounds: usize,
    /// Approximate duration of a turn; a contestant that needs longer does its work once.
    pub turn: Duration,
    /// Time limit for all rounds; at least three rounds are run regardless.
    pub budget: Duration,
}

/// Measures the contestants in turns (A B C, B C A, …), so that other load on the machine affects all of them
/// alike.
///
/// Returns the microseconds that each contestant needs to do its work once.
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

/// Returns how often the work fits into a turn. The two trial runs also warm it up.
fn repetitions(work: &mut Contestant<'_>, turn: Duration) -> u32 {
    repeat(work, 1);
    let once = repeat(work, 1).as_secs_f64().max(1e-9);
    // The cast saturates, and the value is within bounds.
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
    fn every_contestant_gets_the_same_number_of_turns() {
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
