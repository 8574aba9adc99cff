//! `template.yaml` against the code, the documents and the events: where they differ, one of them is a bug.

mod metrics;
mod parameters;
mod permissions;
mod resources;
mod routes;
