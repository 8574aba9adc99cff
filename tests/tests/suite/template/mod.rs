//! Compares `template.yaml` with the code, the documents and the events. A difference is a bug in one of them.

mod metrics;
mod parameters;
mod permissions;
mod resources;
mod routes;
