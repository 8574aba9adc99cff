//! A route and a function are declared once, in `shared/aws/src/routes.rs`: every other list of them agrees.

use coinolio_aws::routes::{Function, ROUTES};
use coinolio_tests::declared::{self, operation_ids, route_names};
use coinolio_tests::template::Template;
use coinolio_tests::yaml;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_written_lists_agree_with_the_declaration() {
    for file in declared::files() {
        assert!(
            file.found == file.wanted,
            "{} does not list the declared routes or functions: run `{}`",
            file.path.display(),
            declared::COMMAND
        );
    }
}

#[test]
fn the_template_has_the_declared_routes_by_their_names() {
    let declared = ROUTES.iter().zip(route_names()).map(|(route, name)| {
        let function = route.operation.function();
        (format!("{function:?}Function"), name, route.to_string())
    });
    assert_eq!(declared.collect::<BTreeSet<_>>(), Template::read().routes());
}

#[test]
fn the_openapi_document_has_the_declared_routes_by_their_names() {
    let document = yaml::file("docs/openapi.yaml");
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if ["get", "put", "post", "delete", "patch", "head", "options", "trace"].contains(&method.as_str()) {
                let id = operation["operationId"].as_str().unwrap().to_owned();
                documented.insert((id, format!("{} {path}", method.to_uppercase())));
            }
        }
    }
    let declared = operation_ids().into_iter().zip(ROUTES.iter().map(ToString::to_string));
    assert_eq!(declared.collect::<BTreeSet<_>>(), documented);
}

#[test]
fn the_events_have_the_declared_routes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let events = files.filter(|path| path.is_file()).map(|path| {
        let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        event["routeKey"].as_str().unwrap().to_owned()
    });
    let declared = ROUTES.iter().map(ToString::to_string);
    assert_eq!(events.collect::<BTreeSet<_>>(), declared.collect());
}

#[test]
fn the_functions_are_crates_of_the_workspace_and_resources_of_the_template() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let crates = entries.filter(|entry| entry.path().join("Cargo.toml").is_file());
    let crates: BTreeSet<String> = crates.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let declared = Function::ALL.iter().map(|function| function.name().to_owned());
    assert_eq!(declared.collect::<BTreeSet<_>>(), crates);

    let template = Template::read();
    let resources = template.resources("AWS::Serverless::Function");
    let resources: BTreeSet<_> = resources.map(|(id, _)| (id.to_owned(), template.binary(id))).collect();
    let declared = Function::ALL
        .iter()
        .map(|function| (format!("{function:?}Function"), function.name().to_owned()));
    assert_eq!(declared.collect::<BTreeSet<_>>(), resources);
}
