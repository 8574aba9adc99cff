//! The routes: the events of `events/`, sent to the functions' handlers on a DynamoDB API.

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
fn each_route_has_an_event_and_each_event_has_a_route() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let route_of = |path: &Path| {
        let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let context = &event["requestContext"];
        assert_eq!(event["routeKey"], context["routeKey"], "{}", path.display());
        assert_eq!(event["rawPath"], context["http"]["path"], "{}", path.display());
        event["routeKey"].as_str().unwrap().to_owned()
    };
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    // The subfolder contains the events of the function without routes.
    let events: BTreeSet<String> = files
        .filter(|path| path.is_file())
        .map(|path| route_of(&path))
        .collect();
    let routes: BTreeSet<String> = ROUTES.iter().map(ToString::to_string).collect();
    assert_eq!(events, routes);
}
