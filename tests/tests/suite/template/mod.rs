//! Compares `template.yaml` with the code, the documents and the events. If they differ, one of them has a bug.

mod metrics;
mod parameters;
mod permissions;
mod resources;
mod routes;
