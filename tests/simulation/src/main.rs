//! The simulation's command line: runs many seeds, runs seeds for a given time, or replays one seed with its trace.

use clap::Parser;
use coinolio_simulation::{Mutant, Plan, Seeds, Tally, run, run_all, shrink};
use std::io::{self, Write};
use std::num::NonZero;
use std::ops::Range;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Maximum number of failing runs listed.
const LISTED: usize = 20;

/// Simulates devices, network, functions and store, and checks every result against the laws
#[derive(Debug, Parser)]
#[command(name = "coinolio-simulation")]
struct Options {
    /// Range of seeds to run, such as 0..2000
    #[arg(long, default_value = "0..2000", value_parser = range)]
    seeds: Range<u64>,
    /// Replays one seed and prints its trace, line by line
    #[arg(long, conflicts_with_all = ["seeds", "soak"])]
    seed: Option<u64>,
    /// Runs seeds, starting with the first of --seeds, until this much time has passed: 90s, 20m, 1h
    #[arg(long = "for", id = "soak", value_name = "TIME", value_parser = duration)]
    soak: Option<Duration>,
    /// Runs with a deliberate defect, given by its name, which the oracle must catch
    #[arg(long)]
    mutant: Option<Mutant>,
    /// Number of threads; by default one for each processor
    #[arg(long)]
    jobs: Option<usize>,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("{text} is not a range such as 0..2000");
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let (from, to) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
    if from < to { Ok(from..to) } else { Err(wrong()) }
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is not a duration such as 90s, 20m or 1h");
    let (count, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let count: u64 = count.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(wrong()),
    };
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

fn main() -> io::Result<ExitCode> {
    let options = Options::parse();
    let mut out = io::stdout().lock();
    if let Some(seed) = options.seed {
        return replay(&mut out, &Plan::new(seed), options.mutant);
    }
    let started = Instant::now();
    let seeds = Seeds {
        from: options.seeds.start,
        to: if options.soak.is_some() {
            u64::MAX
        } else {
            options.seeds.end
        },
        until: options.soak.map(|soak| started + soak),
    };
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let tally = run_all(seeds, options.mutant, options.jobs.unwrap_or(processors));
    let seconds = started.elapsed().as_secs_f64();
    let met = tally
        .met
        .iter()
        .map(|(situation, count)| format!("{count} {situation}"));
    writeln!(out, "covered: {}", met.collect::<Vec<_>>().join(", "))?;
    writeln!(
        out,
        "simulation: {} seeds from {} in {seconds:.1} s, {} violations",
        tally.seeds,
        seeds.from,
        tally.violations.len()
    )?;
    report(&mut out, &tally, options.mutant)
}

/// Lists the failing runs, then shrinks and replays the first of them.
fn report(out: &mut impl Write, tally: &Tally, mutant: Option<Mutant>) -> io::Result<ExitCode> {
    for (seed, violation) in tally.violations.iter().take(LISTED) {
        writeln!(out, "seed {seed} breaks {violation}")?;
    }
    let Some((seed, violation)) = tally.violations.first() else {
        return Ok(ExitCode::SUCCESS);
    };
    let shortest = shrink(&Plan::new(*seed), mutant, violation.law);
    writeln!(
        out,
        "shortest run of seed {seed} that still breaks {:?}, with {} steps:",
        violation.law,
        shortest.steps()
    )?;
    replay(out, &shortest, mutant)
}

fn replay(out: &mut impl Write, plan: &Plan, mutant: Option<Mutant>) -> io::Result<ExitCode> {
    let ran = run(plan, mutant, true);
    for line in plan.shown().iter().chain(&ran.trace) {
        writeln!(out, "{line}")?;
    }
    match ran.violation {
        None => {
            writeln!(out, "seed {} breaks no law", plan.seed())?;
            Ok(ExitCode::SUCCESS)
        }
        Some(violation) => {
            writeln!(out, "seed {} breaks {violation}", plan.seed())?;
            Ok(ExitCode::FAILURE)
        }
    }
}
