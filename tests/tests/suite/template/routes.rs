//! Every list of routes in the repository agrees with `template.yaml`.

use coinolio_aws::routes::ROUTES;
use coinolio_tests::template::{Template, binary};
use coinolio_tests::yaml;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn all() -> BTreeSet<String> {
    Template::read().routes().into_values().flatten().collect()
}

#[test]
fn the_table_of_routes_in_code_has_the_templates_routes() {
    let mut table: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for route in &ROUTES {
        let routes = table.entry(binary(route.function).to_owned()).or_default();
        routes.insert(format!("{} {}", route.method, route.template));
    }
    assert_eq!(table, Template::read().routes());
}

#[test]
fn the_openapi_document_has_the_templates_routes() {
    let document = yaml::file("docs/openapi.yaml");
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            if ["get", "put", "post", "delete", "patch", "head", "options", "trace"].contains(&method.as_str()) {
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    assert_eq!(routes, all());
}

#[test]
fn the_events_have_the_templates_routes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let events = files.filter(|path| path.is_file()).map(|path| {
        let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        event["routeKey"].as_str().unwrap().to_owned()
    });
    assert_eq!(events.collect::<BTreeSet<_>>(), all());
}

#[test]
fn the_router_of_cargo_lambda_has_the_templates_routes() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
    let manifest: Value = toml::from_str(&manifest).unwrap();
    let router = manifest["workspace"]["metadata"]["lambda"]["watch"]["router"]
        .as_object()
        .unwrap();
    let mut table: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, targets) in router {
        for target in targets.as_array().unwrap() {
            let routes = table
                .entry(target["function"].as_str().unwrap().to_owned())
                .or_default();
            routes.insert(format!("{} {path}", target["method"].as_str().unwrap()));
        }
    }
    assert_eq!(table, Template::read().routes());
}

#[test]
fn every_function_is_a_crate_of_the_workspace() {
    let binaries = Template::read().binaries();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let crates = std::fs::read_dir(folder).unwrap();
    let crates = crates.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(binaries, crates.collect());
}
