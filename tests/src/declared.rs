//! The parts of files that are written from the declaration of the routes in `shared/aws/src/routes.rs`.
//!
//! Each part stands between a line with `begin: <name>` and a line with `end: <name>`. The binary `write-routes`
//! writes the parts, and a test compares them.

use coinolio_aws::routes::{Function, ROUTES};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The command that writes the parts.
pub const COMMAND: &str = "cargo run -p coinolio-tests --bin write-routes";

/// A file with a part that is written.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// The file, from the repository's root.
    file: &'static str,
    /// The part's name in its first and last line.
    name: &'static str,
    /// The part's lines.
    text: fn() -> String,
}

const PARTS: [Part; 3] = [
    Part {
        file: "Cargo.toml",
        name: "router",
        text: router,
    },
    Part {
        file: "docs/ARCHITECTURE.md",
        name: "functions",
        text: functions,
    },
    Part {
        file: "docs/PROTOCOL.md",
        name: "routes",
        text: routes,
    },
];

/// A file as it is and as the declaration wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The file's path.
    pub path: PathBuf,
    /// The file's text.
    pub found: String,
    /// The text that [`COMMAND`] writes.
    pub wanted: String,
}

/// Reads every file with a part that is written from the declaration.
pub fn files() -> Vec<Declared> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |part: &Part| {
        let path = root.join(part.file);
        let found = std::fs::read_to_string(&path).unwrap();
        let wanted = with_part(&found, part.name, &(part.text)());
        Declared { path, found, wanted }
    };
    PARTS.iter().map(read).collect()
}

/// Replaces the lines between `begin: <name>` and `end: <name>` in `text`.
fn with_part(text: &str, name: &str, part: &str) -> String {
    let line_of = |mark: &str| {
        let mark = format!("{mark}: {name}");
        let line = text.lines().position(|line| line.contains(&mark));
        line.unwrap_or_else(|| panic!("no line with `{mark}`"))
    };
    let lines: Vec<&str> = text.lines().collect();
    let (before, after) = (&lines[..=line_of("begin")], &lines[line_of("end")..]);
    let part: Vec<&str> = part.lines().collect();
    [before, &part, after].concat().join("\n") + "\n"
}

/// The router table of `cargo lambda watch`.
fn router() -> String {
    let mut templates: Vec<&str> = Vec::new();
    for route in ROUTES {
        if !templates.contains(&route.template) {
            templates.push(route.template);
        }
    }
    let mut text = String::from("[workspace.metadata.lambda.watch.router]\n");
    for template in templates {
        let _ = writeln!(text, "\"{template}\" = [");
        for route in ROUTES.iter().filter(|route| route.template == template) {
            let function = route.operation.function().name();
            let _ = writeln!(
                text,
                "    {{ method = \"{}\", function = \"{function}\" }},",
                route.method
            );
        }
        text.push_str("]\n");
    }
    text
}

/// The functions, as a Markdown table.
fn functions() -> String {
    let mut text = String::from("| function | purpose |\n| --- | --- |\n");
    for function in Function::ALL {
        let _ = writeln!(text, "| `{}` | {} |", function.name(), function.purpose());
    }
    text
}

/// The routes, as a Markdown table.
fn routes() -> String {
    let mut text = String::from("| route | operation | purpose |\n| --- | --- | --- |\n");
    for (route, id) in ROUTES.iter().zip(operation_ids()) {
        let _ = writeln!(text, "| `{route}` | `{id}` | {} |", route.operation.purpose());
    }
    text
}

/// The names of the routes, in the order of [`ROUTES`]: their operation's, with `Alias` for its second route.
pub fn route_names() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for route in ROUTES {
        let name = route.operation.name().to_owned();
        let is_known = names.contains(&name);
        names.push(if is_known { name + "Alias" } else { name });
    }
    names
}

/// The `operationId`s of the routes in `docs/openapi.yaml`, in the order of [`ROUTES`]: their names, whose first letter
/// is small there.
pub fn operation_ids() -> Vec<String> {
    let small = |name: String| name[..1].to_lowercase() + &name[1..];
    route_names().into_iter().map(small).collect()
}
