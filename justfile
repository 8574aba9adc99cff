# The project's tasks; `just` lists them. `just` is optional: each task is a plain command.

# Lists the tasks.
default:
    @just --list

# Starts the API on 127.0.0.1:3000 and DynamoDB on 127.0.0.1:8000.
run *arguments:
    cargo run -- {{ arguments }}

# Runs a demo in which two devices sync with the handlers.
demo:
    cargo run -- demo

# Runs all tests.
test *arguments:
    cargo test --workspace {{ arguments }}

# Simulates devices, network, functions and store: `just simulate --seed 7`, `just simulate --for 1h`.
simulate *arguments:
    cargo run --profile soak --package coinolio-simulation -- {{ arguments }}

# Mutates the core, one change at a time, and lists the mutants that no test catches; needs cargo-mutants.
mutants *arguments:
    cargo mutants --package coinolio-core {{ arguments }}

# Formats the code.
fmt:
    cargo fmt --all

# Checks format, lints and documentation, as CI does.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Checks licences, duplicates and sources of the dependencies; needs cargo-deny.
deny:
    cargo deny check licenses bans sources

# Checks the dependencies against the RustSec database; needs cargo-deny and the network.
advisories:
    cargo deny check advisories

# Measures diff, merge and apply, compared with other crates.
bench-algebra:
    cargo bench -p coinolio-benches --bench algebra

# Measures the local server, compared with its bare store.
bench-server:
    cargo bench -p coinolio-benches --bench server

# Sends mixed traffic to the release build on 1, 8, 32 and 128 connections, one minute each.
load:
    cargo build --release --package coinolio-local
    cargo run --release --manifest-path benches/load/Cargo.toml --target-dir target/load

# Sends every event to the functions under cargo-lambda and compares the answers.
runtime:
    .ci/cargo-lambda

# Checks and builds the template with SAM; if a Docker engine is running, sends every event to sam local start-api.
sam:
    .ci/sam

# Runs schemathesis on docs/openapi.yaml against the local server; passes arguments to schemathesis.
openapi *arguments:
    .ci/openapi {{arguments}}

# Generates the TypeScript client and runs it against the local server.
client:
    .ci/client

# Runs everything that CI runs.
ci:
    .ci/run
