//! The scenario, sent to the handlers. `runtime-events` sends the same events to the functions under a Lambda runtime.

use coinolio_tests::scenario::{self, Times, steps};
use coinolio_tests::service::{Call, Service};
use std::collections::BTreeSet;
use std::path::Path;

#[tokio::test]
async fn the_events_in_order_get_the_answers_of_the_scenario() {
    let service = Service::start().await;
    let mut times = Times::default();
    for step in steps() {
        let answered = service.call(Call::of(&step.event)).await;
        let differences = times.differences(&step, &answered);
        assert!(differences.is_empty(), "{}\n{differences}", step.event);
    }
}

#[test]
fn every_event_is_in_the_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let events: BTreeSet<String> = files
        .filter(|path| path.is_file())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(scenario::events(), events);
}
