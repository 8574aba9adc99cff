//! Measures `diff`, `merge` and `apply` on generated portfolios, side by side with other crates in the same run, and
//! `squash` beside parsing the same operations.
//!
//! First comes the comparison: the contestants take turns, and the ratios are those of their medians. Then
//! criterion measures each one by itself; its filters and options apply to that part. Under `cargo test` every
//! measurement is run once, to check that it works.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use coinolio_benches::differ::{NAMES, Pair};
use coinolio_benches::measure::{Contestant, Plan, Spread, contestant, side_by_side};
use coinolio_benches::table::Table;
use coinolio_core::algebra::{Authored, Authors, Op, Ranks, Stamp, apply, diff, merge, squash};
use coinolio_core::error::Error;
use coinolio_core::json::{ReadError, Value, read};
use coinolio_core::time::Timestamp;
use coinolio_tests::portfolio::{Edit, Portfolio, Size};
use criterion::{BenchmarkId, Criterion};
use std::time::Duration;

/// Selects the entries that the measured edit changes.
const CLIENT: u64 = 7;
/// Selects the entries that another device has changed in the meantime.
const SERVER: u64 = 8;

fn main() -> Result<(), ReadError> {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let cases = cases()?;
    let plan = if measuring { FULL } else { ONCE };
    compare(&cases, plan);
    squashing(plan);
    if measuring {
        let mut criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_secs(1))
            .sample_size(20)
            .configure_from_args();
        cases.iter().for_each(|case| case.bench(&mut criterion));
        criterion.final_summary();
    }
    Ok(())
}

const FULL: Plan = Plan {
    rounds: 21,
    turn: Duration::from_millis(10),
    budget: Duration::from_secs(6),
};

const ONCE: Plan = Plan {
    rounds: 1,
    turn: Duration::ZERO,
    budget: Duration::ZERO,
};

/// A document and an edit of it.
struct Case {
    size: Size,
    edit: Edit,
    pair: Pair,
    merging: Merging,
}

fn cases() -> Result<Vec<Case>, ReadError> {
    let all = Size::ALL
        .into_iter()
        .flat_map(|size| Edit::ALL.map(|edit| (size, edit)));
    all.map(|(size, edit)| Case::new(size, edit)).collect()
}

impl Case {
    fn new(size: Size, edit: Edit) -> Result<Self, ReadError> {
        let before = Portfolio::of_size(size);
        let client = before.edited(edit, CLIENT);
        let server = before.edited(edit, SERVER).to_core()?;
        let pair = Pair::new(before.document(), client.document())?;
        let (base, client) = pair.ours.clone();
        Ok(Self {
            size,
            edit,
            pair,
            merging: Merging::new(base, server, client),
        })
    }

    fn name(&self) -> String {
        format!("{}, {}", self.size.as_str(), self.edit.as_str())
    }

    /// Returns our `apply` and that of json-patch. Each applies a patch and then the reverse patch, so it ends with
    /// the document that it started with and nothing is copied inside the timing.
    fn applies(&self) -> [Contestant<'_>; 2] {
        let (mut ours, edited) = self.pair.ours.clone();
        let our_patches = [diff(&ours, &edited), diff(&edited, &ours)];
        let (mut theirs, edited) = self.pair.theirs.clone();
        let their_patches = [json_patch::diff(&theirs, &edited), json_patch::diff(&edited, &theirs)];
        [
            contestant(move || our_patches.iter().for_each(|patch| apply(&mut ours, patch))),
            contestant(move || {
                let mut patches = their_patches.iter();
                // Without json-patch's undo stack; our `apply` needs none, because it cannot fail.
                patches.try_for_each(|patch| json_patch::patch_unsafe(&mut theirs, patch))
            }),
        ]
    }

    fn bench(&self, criterion: &mut Criterion) {
        let mut measure = |group: &str, name: &str, mut work: Contestant<'_>| {
            criterion
                .benchmark_group(group)
                .bench_function(BenchmarkId::new(name, self.name()), |bencher| bencher.iter(&mut work));
        };
        for (name, work) in NAMES.into_iter().zip(self.pair.diffs()) {
            measure("diff", name, work);
        }
        for (name, work) in NAMES.into_iter().zip(self.applies()) {
            measure("apply", name, work);
        }
        measure("merge", NAMES[0], contestant(|| self.merging.run()));
    }
}

/// A three-way merge, with the authors of both sides as a sync knows them.
struct Merging {
    base: Value,
    server: Value,
    client: Value,
    server_authors: Authors,
    client_authors: Authors,
    ranks: Ranks,
}

impl Merging {
    fn new(base: Value, server: Value, client: Value) -> Self {
        let server_authors = authors(&base, &server, Timestamp::from_millis(1_000));
        let client_authors = authors(&base, &client, Timestamp::from_millis(2_000));
        Self {
            base,
            server,
            client,
            server_authors,
            client_authors,
            ranks: Ranks::new(),
        }
    }

    fn run(&self) -> coinolio_core::algebra::Merged {
        let server = Authored {
            document: &self.server,
            authors: &self.server_authors,
        };
        let client = Authored {
            document: &self.client,
            authors: &self.client_authors,
        };
        merge(&self.base, server, client, None, &self.ranks)
    }
}

fn authors(base: &Value, side: &Value, at: Timestamp) -> Authors {
    let mut authors = Authors::new(Stamp { device_id: None, at });
    let ops = diff(base, side);
    authors.record(&mut base.clone(), None, ops.iter().map(|op| (op, at)));
    authors
}

/// Prints the tables of the comparison.
fn compare(cases: &[Case], plan: Plan) {
    println!(
        "All contestants in turns; times in µs: median (min–max) of up to {} rounds.\n",
        plan.rounds
    );

    let mut times = Table::new(["diff, µs"].into_iter().chain(NAMES));
    let mut sizes = Table::new(["patch, bytes"].into_iter().chain(NAMES));
    let mut ratios = Table::new(["diff, times ours"].into_iter().chain(NAMES));
    let mut figures = Vec::new();
    for case in cases {
        let spreads = side_by_side(&mut case.pair.diffs(), plan);
        let bytes = case.pair.patch_bytes();
        let cells = |cell: &dyn Fn(usize) -> String| {
            let mut row = vec![case.name()];
            row.extend((0..NAMES.len()).map(cell));
            row
        };
        times.row(cells(&|which| format!("{:.1}", spreads[which])));
        sizes.row(cells(&|which| bytes[which].to_string()));
        ratios.row(cells(&|which| {
            format!("{:.2}", spreads[which].median / spreads[0].median)
        }));
        figures.extend(figure(case, &spreads, bytes[0]));
    }
    println!("{times}\n{sizes}");
    println!("treediff and json_diff_ng have no patch format: their results are counted as operations of RFC 6902.\n");
    println!("{}", other_times(cases, plan));
    println!("{ratios}");
    figures.iter().for_each(|line| println!("{line}"));
}

/// Measures `apply` side by side with json-patch's, each with its own patch and the reverse, and `merge`, which the
/// other crates do not have.
fn other_times(cases: &[Case], plan: Plan) -> Table {
    let mut table = Table::new([
        "µs",
        "apply twice: ours",
        "apply twice: json-patch",
        "times ours",
        "merge: ours",
    ]);
    for case in cases {
        let applies = side_by_side(&mut case.applies(), plan);
        let merges = side_by_side(&mut [contestant(|| case.merging.run())], plan);
        table.row([
            case.name(),
            format!("{:.1}", applies[0]),
            format!("{:.1}", applies[1]),
            format!("{:.2}", applies[1].median / applies[0].median),
            format!("{:.1}", merges[0]),
        ]);
    }
    table
}

/// Returns the verdict on the two cases with a target: ours must be faster than every other crate, with a patch of
/// less than 200 bytes or 120 KB.
fn figure(case: &Case, spreads: &[Spread], patch_bytes: usize) -> Option<String> {
    let limit = match (case.size, case.edit) {
        (Size::Large, Edit::OneField) => 200,
        (Size::Huge, Edit::TenPercent) => 120 * 1024,
        _ => return None,
    };
    let (ours, others) = spreads.split_first()?;
    let next = others.iter().map(|spread| spread.median).fold(f64::INFINITY, f64::min);
    let verdict = if ours.median < next && patch_bytes < limit {
        "reached"
    } else {
        "MISSED"
    };
    Some(format!(
        "{}: {:.2} times as fast as the fastest other crate, patch of {patch_bytes} bytes (limit {limit}): {verdict}",
        case.name(),
        next / ours.median,
    ))
}

/// The number of changes in a squashed run.
const CHANGES: usize = 1_000;
/// The number of operations in each of these changes.
const OPERATIONS: usize = 200;

/// Measures `squash` beside parsing the changes that it squashes, and prints the table and the verdict.
fn squashing(plan: Plan) {
    let refresh = |change: usize, n: usize| {
        format!(r#"{{"op":"set","path":["assets",{{"id":"asset-{n}"}},"price"],"value":"{change}.{n}"}}"#)
    };
    let import = |change: usize, n: usize| {
        let id = format!("tx_{change}_{n}");
        format!(
            r#"{{"op":"set","path":["transactions",{{"id":"{id}"}}],"value":{{"id":"{id}","n":{n}}},"after":null}}"#
        )
    };
    let members = |change: usize, n: usize| format!(r#"{{"op":"set","path":["prices","asset-{n}"],"value":{change}}}"#);
    let mut table = Table::new([
        "µs",
        "parse",
        "parse and squash",
        "squash, times parse",
        "operations left",
    ]);
    let mut slowest = f64::NAN;
    let cases: [(&str, &dyn Fn(usize, usize) -> String); 3] = [
        ("the same 200 prices, 1,000 times", &refresh),
        ("200,000 new transactions", &import),
        ("the same 200 members, 1,000 times", &members),
    ];
    for (name, operation) in cases {
        let changes: Vec<String> = (0..CHANGES)
            .map(|change| {
                let operations: Vec<_> = (0..OPERATIONS).map(|n| operation(change, n)).collect();
                format!("[{}]", operations.join(","))
            })
            .collect();
        let left = parsed(&changes).map(squash).map_or(0, |squashed| squashed.len());
        let spreads = side_by_side(
            &mut [
                contestant(|| parsed(&changes)),
                contestant(|| parsed(&changes).map(squash)),
            ],
            plan,
        );
        let times = spreads[1].median / spreads[0].median - 1.0;
        slowest = times.max(slowest);
        table.row([
            name.into(),
            format!("{:.0}", spreads[0]),
            format!("{:.0}", spreads[1]),
            format!("{times:.2}"),
            left.to_string(),
        ]);
    }
    let verdict = if slowest <= 3.0 { "reached" } else { "MISSED" };
    println!("{table}");
    println!(
        "squash of {CHANGES} changes of {OPERATIONS} operations: {slowest:.2} times parsing (limit 3): {verdict}\n"
    );
}

fn parsed(changes: &[String]) -> Result<Vec<Op>, Error> {
    let mut run = Vec::new();
    for change in changes {
        if let Ok(Value::List(operations)) = read(change.as_bytes()) {
            for operation in &operations {
                run.push(Op::from_json(operation)?);
            }
        }
    }
    Ok(run)
}
