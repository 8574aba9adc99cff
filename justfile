# The tasks of the project; `just` lists them. Every one is a plain cargo command, so `just` itself is optional.

# Lists the tasks.
default:
    @just --list

# Starts the API on 127.0.0.1:3000 and DynamoDB on 127.0.0.1:8000.
run *arguments:
    cargo run -- {{ arguments }}

# Plays two devices against the handlers.
demo:
    cargo run -- demo

# Runs all tests.
test *arguments:
    cargo test --workspace {{ arguments }}

# Simulates devices, network, functions and store: `just simulate --seed 7`, `just simulate --for 1h`.
simulate *arguments:
    cargo run --profile soak --package coinolio-simulation -- {{ arguments }}

# Changes the core, one place at a time, and tells which changes no test notices; needs cargo-mutants.
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

# Measures diff, merge and apply beside other crates.
bench-algebra:
    cargo bench -p coinolio-benches --bench algebra

# Measures the local server beside its bare store.
bench-server:
    cargo bench -p coinolio-benches --bench server

# Drives 1, 8, 32 and 128 connections of mixed traffic against the release build, a minute each.
load:
    cargo build --release --package coinolio-local
    cargo run --release --manifest-path benches/load/Cargo.toml --target-dir target/load

# Sends every event to the functions under cargo-lambda and compares the answers.
runtime:
    .ci/cargo-lambda

# Checks and builds the template with SAM; where a Docker engine is, sends every event to sam local start-api.
sam:
    .ci/sam

# schemathesis against the local server by docs/openapi.yaml; arguments go to schemathesis
openapi *arguments:
    .ci/openapi {{arguments}}

# The generated TypeScript client against the local server
client:
    .ci/client

# Runs everything that CI runs.
ci:
    .ci/run
