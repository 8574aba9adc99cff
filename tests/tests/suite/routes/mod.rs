//! The routes: events of `events/` through the functions' handlers, on a DynamoDB API.

mod bad_input;
mod conditions;
mod devices;
mod encodings;
mod errors;
mod history;
mod lost_base;
mod observability;
mod portfolios;
mod scenario;
mod sync_all;
mod sync_status;
mod sync_v1;
mod sync_v2;
pub(crate) mod telemetry;
mod undo;

use coinolio_aws::routes::ROUTES;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn there_is_an_event_for_each_route_and_for_nothing_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let route_of = |path: &Path| {
        let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let context = &event["requestContext"];
        assert_eq!(event["routeKey"], context["routeKey"], "{}", path.display());
        assert_eq!(event["rawPath"], context["http"]["path"], "{}", path.display());
        event["routeKey"].as_str().unwrap().to_owned()
    };
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    // Below it are those of the function that has no route.
    let events: BTreeSet<String> = files
        .filter(|path| path.is_file())
        .map(|path| route_of(&path))
        .collect();
    let routes: BTreeSet<String> = ROUTES
        .iter()
        .map(|route| format!("{} {}", route.method, route.template))
        .collect();
    assert_eq!(events, routes);
}
