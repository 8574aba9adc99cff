//! Measures everything that a sync does with lists of 500, 5,000 and 50,000 elements, to see whether the time grows
//! in proportion to the number of elements.
//!
//! First the sizes take turns in one run. The table shows the time per element, and how many times longer ten times
//! the elements take. Then criterion measures each case by itself; its filters and options apply to that part.
//! Under `cargo test` every measurement is run once, to check that it works.
//!
//! If ten times the elements take much more than ten times as long, the extra time is spent waiting for memory and
//! not on work: according to `valgrind --tool=callgrind`, a list of 50,000 takes at most 10.1 times the
//! instructions of one of 5,000, in every row of keyed lists and string lists, and in the rows of object lists that
//! were counted: appended and shuffled (November 2026).
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use coinolio_benches::measure::{Contestant, Plan, contestant, side_by_side};
use coinolio_benches::table::Table;
use coinolio_core::algebra::{
    Authored, Authors, Op, Ranks, Stamp, apply, check_patch, diff, merge, merge_without_base,
};
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Object, Value};
use coinolio_core::time::Timestamp;
use criterion::{BenchmarkId, Criterion};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::time::Duration;

const SIZES: [usize; 3] = [500, 5_000, 50_000];

const FULL: Plan = Plan {
    rounds: 9,
    turn: Duration::from_millis(5),
    budget: Duration::from_millis(1_500),
};

const ONCE: Plan = Plan {
    rounds: 1,
    turn: Duration::ZERO,
    budget: Duration::ZERO,
};

fn main() {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    // One size is enough to check that it works.
    let sizes = if measuring { &SIZES[..] } else { &SIZES[..1] };
    compare(sizes, if measuring { FULL } else { ONCE });
    if measuring {
        let mut criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(300))
            .sample_size(10)
            .configure_from_args();
        for (kind, edit) in [(Kind::Keyed, Edit::Prepended), (Kind::Keyed, Edit::Shuffled)] {
            for size in SIZES {
                let case = Case::new(kind, edit, size);
                for (name, mut work) in case.works() {
                    let id = BenchmarkId::new(format!("{}, {}", kind.name(), edit.name()), size);
                    criterion
                        .benchmark_group(name)
                        .bench_function(id, |bencher| bencher.iter(&mut work));
                }
            }
        }
        criterion.final_summary();
    }
}

/// The kinds of lists, by the names of their elements.
#[derive(Clone, Copy)]
enum Kind {
    Keyed,
    StringList,
    ObjectList,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Keyed, Self::StringList, Self::ObjectList];

    const fn name(self) -> &'static str {
        match self {
            Self::Keyed => "keyed",
            Self::StringList => "string list",
            Self::ObjectList => "object list",
        }
    }

    fn element(self, number: usize, amount: &str) -> Value {
        let text = |text: String| Value::from(text.as_str());
        let object = |name: &str| {
            Value::Object(Object::from([
                (name.into(), text(format!("tx_{number}"))),
                ("amount".into(), Value::from(amount)),
                ("asset".into(), text(format!("coin{}", number % 40))),
            ]))
        };
        match self {
            Self::Keyed => object("id"),
            Self::StringList => text(format!("tx_{number}")),
            Self::ObjectList => object("name"),
        }
    }
}

/// A device's edit of the list.
#[derive(Clone, Copy)]
enum Edit {
    Appended,
    Prepended,
    Removed,
    Reversed,
    Shuffled,
    /// Edits the inside of a tenth of the elements.
    Inside,
}

impl Edit {
    const ALL: [Self; 6] = [
        Self::Appended,
        Self::Prepended,
        Self::Removed,
        Self::Reversed,
        Self::Shuffled,
        Self::Inside,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Appended => "a tenth appended",
            Self::Prepended => "a tenth in front",
            Self::Removed => "a tenth removed",
            Self::Reversed => "reversed",
            Self::Shuffled => "shuffled",
            Self::Inside => "a tenth edited",
        }
    }

    /// Returns the list of `size` elements after the edit. Another `seed` gives another device's edit.
    fn made(self, kind: Kind, size: usize, seed: usize) -> Vec<Value> {
        let mut list: Vec<Value> = (0..size).map(|number| kind.element(number, "1.0")).collect();
        let fresh = (0..size / 10).map(|number| kind.element(size * (seed + 1) + number, "1.0"));
        match self {
            Self::Appended => list.extend(fresh),
            Self::Prepended => list = fresh.chain(list).collect(),
            Self::Removed => {
                let mut number = 0;
                list.retain(|_| {
                    number += 1;
                    number % 10 != seed
                });
            }
            Self::Reversed => list.reverse(),
            Self::Shuffled => list.shuffle(&mut StdRng::seed_from_u64(seed as u64)),
            Self::Inside => {
                for (number, element) in list.iter_mut().enumerate().skip(seed).step_by(10) {
                    *element = kind.element(number, "2.0");
                }
            }
        }
        list
    }
}

/// A list, the edits of both sides, and the authors that a sync knows of.
struct Case {
    base: Value,
    server: Value,
    client: Value,
    server_authors: Authors,
    client_authors: Authors,
    ops: Vec<Op>,
    back: Vec<Op>,
    phone: DeviceId,
}

impl Case {
    fn new(kind: Kind, edit: Edit, size: usize) -> Self {
        let document = |list: Vec<Value>| Value::Object(Object::from([("list".into(), Value::List(list))]));
        let base = document((0..size).map(|number| kind.element(number, "1.0")).collect());
        let (server, client) = (document(edit.made(kind, size, 1)), document(edit.made(kind, size, 2)));
        let ops = diff(&base, &client);
        Self {
            server_authors: recorded(&base, &diff(&base, &server), 1_000),
            client_authors: recorded(&base, &ops, 2_000),
            back: diff(&client, &base),
            ops,
            phone: phone(),
            base,
            server,
            client,
        }
    }

    /// Returns everything that a sync does with such a list, with names.
    fn works(&self) -> Vec<(&'static str, Contestant<'_>)> {
        let (server, client) = (
            Authored {
                document: &self.server,
                authors: &self.server_authors,
            },
            Authored {
                document: &self.client,
                authors: &self.client_authors,
            },
        );
        let at = Timestamp::from_millis(2_000);
        let mut document = self.base.clone();
        vec![
            ("diff", contestant(|| diff(&self.base, &self.client))),
            (
                // A patch and then the reverse patch, so that nothing is copied inside the timing.
                "apply twice",
                contestant(move || [&self.ops, &self.back].map(|ops| apply(&mut document, ops))),
            ),
            ("check_patch", contestant(|| check_patch(&self.ops))),
            ("record", contestant(move || recorded(&self.base, &self.ops, 2_000))),
            (
                "merge",
                contestant(move || merge(&self.base, server, client, Some(&self.phone), &Ranks::new())),
            ),
            (
                "merge_without_base",
                contestant(move || {
                    let edits: Vec<(&Op, Timestamp)> = self.ops.iter().map(|op| (op, at)).collect();
                    merge_without_base(server, &edits, &self.phone, &Ranks::new())
                }),
            ),
        ]
    }
}

#[expect(clippy::unwrap_used, reason = "the name is a valid id")]
fn phone() -> DeviceId {
    DeviceId::parse("phone").unwrap()
}

fn recorded(base: &Value, ops: &[Op], at: i64) -> Authors {
    let at = Timestamp::from_millis(at);
    let mut authors = Authors::new(Stamp { device_id: None, at });
    authors.record(&mut base.clone(), None, ops.iter().map(|op| (op, at)));
    authors
}

/// Prints the table that compares the sizes.
fn compare(sizes: &[usize], plan: Plan) {
    let mut table = Table::new(["ns per element", "work", "500", "5,000", "50,000", "50,000 : 5,000"]);
    for kind in Kind::ALL {
        for edit in Edit::ALL {
            let cases: Vec<Case> = sizes.iter().map(|size| Case::new(kind, edit, *size)).collect();
            let works: Vec<_> = cases.iter().map(Case::works).collect();
            let mut works: Vec<_> = works.into_iter().map(Vec::into_iter).collect();
            while let Some(beside) = works.iter_mut().map(Iterator::next).collect::<Option<Vec<_>>>() {
                let name = beside.first().map_or("", |(name, _)| *name);
                let mut beside: Vec<_> = beside.into_iter().map(|(_, work)| work).collect();
                let spreads = side_by_side(&mut beside, plan);
                let each = |which: usize| spreads.get(which).map(|s| s.median * 1e3 / sizes[which] as f64);
                let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
                let ratio = spreads
                    .get(2)
                    .zip(spreads.get(1))
                    .map(|(large, small)| large.median / small.median);
                table.row([
                    format!("{}, {}", kind.name(), edit.name()),
                    name.to_owned(),
                    cell(each(0)),
                    cell(each(1)),
                    cell(each(2)),
                    cell(ratio),
                ]);
            }
        }
    }
    println!(
        "All sizes in turns; medians of up to {} rounds.\n\n{table}",
        plan.rounds
    );
}
