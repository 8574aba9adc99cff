//! Starts one function once and measures it.

use crate::Failure;
use crate::binaries::Binary;
use crate::traffic::Traffic;
use coinolio_tests::lambda::{Process, Told};
use std::path::Path;
use std::time::{Duration, Instant};

/// Number of answers after which an environment is no longer cold.
const ANSWERS: usize = 10;

/// The measurements of a start: times in milliseconds, memory in MiB. A figure is NaN if the system does not
/// provide it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// From exec to the first poll for an event.
    pub(crate) poll: f64,
    /// CPU time within that period, so without the time spent waiting.
    pub(crate) cpu: f64,
    /// From exec to the first answer; its event is already there at the first poll.
    pub(crate) first_answer: f64,
    /// From the first event to its answer.
    pub(crate) first: f64,
    /// From the tenth event to its answer.
    pub(crate) tenth: f64,
    /// Resident memory after the first answer.
    pub(crate) resident: f64,
}

/// Starts `binary` from `path` and has it answer ten events.
pub(crate) async fn measure(
    path: &Path,
    binary: Binary,
    environment: &[(&str, &str)],
    traffic: &mut Traffic,
) -> Result<Start, Failure> {
    let mut process = Process::start(path, environment).await;
    let polled = polled(&mut process, binary).await?;
    let cpu = cpu(&process);
    let mut times = [f64::NAN; ANSWERS];
    let mut first_answer = f64::NAN;
    let mut resident = f64::NAN;
    for (index, time) in times.iter_mut().enumerate() {
        let event = traffic.next(binary)?;
        let given = Instant::now();
        process.api.give(&event);
        let answered = match process.api.told().await {
            Some((at, Told::Answered(answer))) => {
                traffic.answered(binary, &answer)?;
                at
            }
            told => return Err(Failure::Answer(format!("{}: {told:?}", binary.name()))),
        };
        *time = milliseconds(answered - given);
        // Once it polls again it has done with the event.
        self::polled(&mut process, binary).await?;
        if index == 0 {
            first_answer = milliseconds(polled - process.started) + *time;
            resident = resident_mebibytes(&process);
        }
    }
    let start = Start {
        poll: milliseconds(polled - process.started),
        cpu,
        first_answer,
        first: times[0],
        tenth: times[ANSWERS - 1],
        resident,
    };
    process.stop().await;
    Ok(start)
}

/// Starts `binary` from `path` and has it answer one event.
pub(crate) async fn once(
    path: &Path,
    binary: Binary,
    environment: &[(&str, &str)],
    event: &str,
    traffic: &mut Traffic,
) -> Result<(), Failure> {
    let mut process = Process::start(path, environment).await;
    match process.invoke(event).await {
        Told::Answered(answer) => traffic.answered(binary, &answer),
        told => Err(Failure::Answer(format!("{}: {told:?}", binary.name()))),
    }
}

async fn polled(process: &mut Process, binary: Binary) -> Result<Instant, Failure> {
    match process.api.told().await {
        Some((at, Told::Polled)) => Ok(at),
        told => Err(Failure::Answer(format!("{}: {told:?}", binary.name()))),
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Returns the CPU time of all threads in milliseconds: the first number of each thread's `schedstat`, in
/// nanoseconds (Linux, "Scheduler Statistics").
fn cpu(process: &Process) -> f64 {
    let nanoseconds = process.id().and_then(|id| {
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).ok()?;
        let mut sum = 0.0;
        for thread in threads {
            let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            sum += stat.split_whitespace().next()?.parse::<f64>().ok()?;
        }
        Some(sum)
    });
    nanoseconds.map_or(f64::NAN, |nanoseconds| nanoseconds / 1e6)
}

/// Returns `VmRSS` of `/proc/<id>/status` (Linux, proc(5)).
fn resident_mebibytes(process: &Process) -> f64 {
    let kibibytes = process.id().and_then(|id| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    });
    kibibytes.map_or(f64::NAN, |kibibytes| kibibytes / 1024.0)
}
