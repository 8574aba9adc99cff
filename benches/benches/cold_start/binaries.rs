//! Builds the binaries that are started, with cargo.

use crate::Failure;
use coinolio_aws::routes::Function;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A binary that the benchmark starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    /// The least that a function can be: every other binary is compared with it.
    HelloWorld,
    /// One of the service's functions.
    Function(Function),
}

impl Binary {
    /// All binaries, the one to compare with first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let functions = Function::ALL.iter().copied().map(Self::Function);
        std::iter::once(Self::HelloWorld).chain(functions)
    }

    /// The binary's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::HelloWorld => "hello-world",
            Self::Function(function) => function.name(),
        }
    }
}

/// A line of the output of `cargo build --message-format json` ("External tools", The Cargo Book).
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds only the functions, so that they have the features that they are deployed with. Returns their paths by
/// name.
///
/// If `is_release` is true, the profile is the deployed one; otherwise it is that of the tests, which have already
/// built most of the code.
pub(crate) fn build(is_release: bool) -> Result<HashMap<String, PathBuf>, Failure> {
    let cargo = std::env::var_os("CARGO")
        .ok_or_else(|| Failure::Build("the environment variable CARGO is not set".to_owned()))?;
    let mut command = Command::new(cargo);
    command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--quiet", "--locked", "--bins", "--message-format", "json"])
        .stderr(Stdio::inherit());
    if is_release {
        command.arg("--release");
        command.args(Binary::all().flat_map(|binary| ["--package", binary.name()]));
    } else {
        command.arg("--workspace");
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(Failure::Build(format!("cargo ended with {}", output.status)));
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let built: HashMap<_, _> = messages
        .filter_map(|message| Some((message.target?.name, message.executable?)))
        .collect();
    match Binary::all().find(|binary| !built.contains_key(binary.name())) {
        Some(binary) => Err(Failure::Build(format!("cargo did not build {}", binary.name()))),
        None => Ok(built),
    }
}
