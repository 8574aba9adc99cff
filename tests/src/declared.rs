//! The parts of files that are generated from the declaration of the routes in `shared/aws/src/routes.rs` and from the
//! table of errors in `shared/core/src/error/action.rs`.
//!
//! Each part is between a line with `begin: <name>` and a line with `end: <name>`. The binary `write-routes`
//! updates the parts, and a test checks that they are up to date.

use coinolio_aws::routes::{Function, ROUTES};
use coinolio_core::Code;
use coinolio_core::error::{Action, GATEWAY_ERRORS};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The command that generates the parts.
pub const COMMAND: &str = "cargo run -p coinolio-tests --bin write-routes";

/// A generated part of a file.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// The file's path, relative to the repository's root.
    file: &'static str,
    /// The part's name in the lines that enclose it.
    name: &'static str,
    /// Generates the part's lines.
    text: fn() -> String,
}

const PARTS: [Part; 9] = [
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
    Part {
        file: "docs/PROTOCOL.md",
        name: "error codes",
        text: error_codes,
    },
    Part {
        file: "docs/PROTOCOL.md",
        name: "error actions",
        text: error_actions,
    },
    Part {
        file: "docs/PROTOCOL.md",
        name: "gateway errors",
        text: gateway_errors,
    },
    Part {
        file: "docs/openapi.yaml",
        name: "error codes",
        text: error_codes_of_openapi,
    },
    Part {
        file: "docs/openapi.yaml",
        name: "code enum",
        text: code_enum,
    },
    Part {
        file: "tests/client/example.ts",
        name: "error actions",
        text: actions_in_typescript,
    },
];

/// A file's current text, and the text that it should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The file's path.
    pub path: PathBuf,
    /// The current text.
    pub found: String,
    /// The text that [`COMMAND`] writes.
    pub wanted: String,
}

/// Reads every file that contains a generated part.
pub fn files() -> Vec<Declared> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files: BTreeMap<&str, Declared> = BTreeMap::new();
    for part in &PARTS {
        let file = files.entry(part.file).or_insert_with(|| {
            let path = root.join(part.file);
            let found = std::fs::read_to_string(&path).unwrap();
            let wanted = found.clone();
            Declared { path, found, wanted }
        });
        file.wanted = with_part(&file.wanted, part.name, &(part.text)());
    }
    files.into_values().collect()
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

/// Returns the router table of `cargo lambda watch`.
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

/// Returns the functions as a Markdown table.
fn functions() -> String {
    let mut text = String::from("| function | purpose |\n| --- | --- |\n");
    for function in Function::ALL {
        let _ = writeln!(text, "| `{}` | {} |", function.name(), function.purpose());
    }
    text
}

/// Returns the routes as a Markdown table.
fn routes() -> String {
    let mut text = String::from("| route | operation | purpose |\n| --- | --- | --- |\n");
    for (route, id) in ROUTES.iter().zip(operation_ids()) {
        let _ = writeln!(text, "| `{route}` | `{id}` | {} |", route.operation.purpose());
    }
    text
}

/// Returns the codes with their statuses and actions, as a Markdown table.
fn error_codes() -> String {
    let mut text =
        String::from("| status | `code` | meaning | action | for this code |\n| --- | --- | --- | --- | --- |\n");
    for code in by_status() {
        let (guide, status) = (code.guide(), code.status());
        let action = guide.action.as_str();
        let _ = writeln!(
            text,
            "| {status} | `{code}` | {} | `{action}` | {} |",
            guide.meaning, guide.note
        );
    }
    text.replace("|  |", "| |")
}

/// Returns the actions, as a Markdown table.
fn error_actions() -> String {
    let mut text = String::from("| action | the client |\n| --- | --- |\n");
    for action in Action::ALL {
        let _ = writeln!(text, "| `{}` | {} |", action.as_str(), action.instruction());
    }
    text
}

/// Returns the errors of API Gateway, as a Markdown table.
fn gateway_errors() -> String {
    let mut text = String::from("| status | meaning | action |\n| --- | --- | --- |\n");
    for error in GATEWAY_ERRORS {
        let action = Action::for_status(error.status).as_str();
        let _ = writeln!(text, "| {} | {} | `{action}` |", error.status, error.meaning);
    }
    text
}

/// Returns the table of codes inside the description of the API.
fn error_codes_of_openapi() -> String {
    let lines = error_codes();
    let lines = lines.lines().map(|line| format!("    {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the members of the schema `Code`: its values, and the action for each.
fn code_enum() -> String {
    let mut text = String::from("      enum:\n");
    for code in Code::ALL {
        let _ = writeln!(text, "        - {code}");
    }
    text.push_str("      x-actions:\n");
    for code in Code::ALL {
        let _ = writeln!(text, "        {code}: {}", code.guide().action.as_str());
    }
    text
}

/// Returns the actions in the example client.
fn actions_in_typescript() -> String {
    let names: Vec<String> = Action::ALL
        .iter()
        .map(|action| format!("\"{}\"", action.as_str()))
        .collect();
    let mut text = format!("type Action = {};\n\n", names.join(" | "));
    text.push_str("const ACTIONS: Record<Schemas[\"Code\"], Action> = {\n");
    for code in Code::ALL {
        let _ = writeln!(text, "  {code}: \"{}\",", code.guide().action.as_str());
    }
    text.push_str("};\n");
    text
}

/// Returns the codes in the order of their statuses.
fn by_status() -> Vec<Code> {
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.status());
    codes
}

/// Returns the names of the routes, in the order of [`ROUTES`]. A route has the name of its operation. If an
/// operation has a second route, the name of that route ends with `Alias`.
pub fn route_names() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for route in ROUTES {
        let name = route.operation.name().to_owned();
        let is_known = names.contains(&name);
        names.push(if is_known { name + "Alias" } else { name });
    }
    names
}

/// Returns the `operationId`s that the routes must have in `docs/openapi.yaml`, in the order of [`ROUTES`]: the
/// routes' names, beginning with a lower-case letter.
pub fn operation_ids() -> Vec<String> {
    let small = |name: String| name[..1].to_lowercase() + &name[1..];
    route_names().into_iter().map(small).collect()
}
