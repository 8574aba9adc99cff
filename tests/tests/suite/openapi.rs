//! Checks the examples, the codes and the limits of `docs/openapi.yaml`. `Service::call` checks that it documents every
//! answer in the route tests.

use coinolio_aws::routes::ROUTES;
use coinolio_core::Code;
use coinolio_core::id::MAX_ID_LENGTH;
use coinolio_core::log::MAX_VERSION;
use coinolio_core::wire::fields::MAX_NAME_LENGTH;
use coinolio_tests::contract::{CONTRACT, escaped};
use coinolio_tests::service::{Call, Service};
use lambda_http::http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Returns every node of the document with its JSON pointer.
fn nodes() -> Vec<(String, &'static Value)> {
    fn walk(place: &str, node: &'static Value, found: &mut Vec<(String, &'static Value)>) {
        found.push((place.to_owned(), node));
        match node {
            Value::Object(members) => {
                for (name, member) in members {
                    walk(&format!("{place}/{}", escaped(name)), member, found);
                }
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    walk(&format!("{place}/{index}"), element, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", &CONTRACT.document, &mut found);
    found
}

/// Returns the values of an `examples` map, with references followed.
fn values(examples: &'static Value) -> impl Iterator<Item = &'static Value> {
    let examples = examples.as_object().unwrap().values();
    examples.map(|example| &CONTRACT.resolved("", example).1["value"])
}

fn operation(method: &Method, template: &str) -> &'static Value {
    &CONTRACT.document["paths"][template][method.as_str().to_lowercase()]
}

/// Returns the names and the example values of an operation's parameters in `location`.
fn parameters(operation: &'static Value, location: &str) -> Vec<(&'static str, String)> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let resolved = parameters.map(|parameter| CONTRACT.resolved("", parameter).1);
    let found = resolved.filter(|parameter| parameter["in"] == location);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    found
        .map(|parameter| (parameter["name"].as_str().unwrap(), text(&parameter["example"])))
        .collect()
}

#[test]
fn every_example_matches_its_schema() {
    let mut checked = 0;
    for (place, node) in nodes() {
        let mut examples: Vec<(String, &Value)> = Vec::new();
        if node.get("schema").is_some() {
            let schema = format!("{place}/schema");
            examples.extend(node.get("example").map(|example| (schema.clone(), example)));
            let named = node.get("examples").into_iter().flat_map(values);
            examples.extend(named.map(|example| (schema.clone(), example)));
        } else if let Some(Value::Array(own)) = node.get("examples") {
            examples.extend(own.iter().map(|example| (place.clone(), example)));
        }
        for (schema, example) in examples {
            assert!(!example.is_null(), "{place} has an example without a value");
            let errors = CONTRACT.errors(&schema, example);
            assert!(errors.is_empty(), "{place}: {example}: {errors:?}");
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked} examples");
}

#[test]
fn every_request_and_every_answer_with_a_body_has_an_example() {
    for (place, node) in nodes() {
        if let Some(content) = node.get("content").and_then(Value::as_object) {
            for (media_type, described) in content {
                let examples = described["examples"].as_object().map_or(0, serde_json::Map::len);
                assert!(examples > 0, "{place} {media_type}");
            }
        }
    }
}

#[tokio::test]
async fn every_documented_request_is_accepted() {
    let service = Service::start().await;
    let order = ["createPortfolio", "syncChanges", "syncDocument", "replacePortfolio"];
    let find = |id: &str| {
        let row = ROUTES
            .iter()
            .find(|row| operation(&row.method, row.template)["operationId"] == id);
        row.unwrap_or_else(|| panic!("{id}"))
    };
    let mut with_body: Vec<_> = order.iter().map(|id| find(id)).collect();
    let others = ROUTES.iter().filter(|row| !with_body.contains(row));
    // Deletions come last.
    let (last, others): (Vec<_>, Vec<_>) = others.partition(|row| row.method == Method::DELETE);
    with_body.extend(others.into_iter().chain(last));
    for row in with_body {
        let described = operation(&row.method, row.template);
        let query = parameters(described, "query");
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut path = row.template.replace("{id}", "main");
        if path.contains("{version}") {
            // The version in the example belongs to another portfolio, so this one must record a conflict first.
            let first = Call::of("v2-sync").with(|body| body["sync_id"] = json!("first"));
            assert_eq!(service.call(first).await.status, 200);
            let conflicts = service.call(Call::of("v2-sync-tablet")).await.json()["conflicts"].take();
            let recorded = conflicts.as_array().and_then(|conflicts| conflicts.last()).unwrap();
            path = path.replace("{version}", &recorded["version"].to_string());
        }
        for (name, value) in parameters(described, "path") {
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        let call = Call::of("v2-read")
            .to(row.method.clone(), &path)
            .query(&query.join("&"));
        let body = &described["requestBody"]["content"]["application/json"];
        let calls = match body.get("examples") {
            Some(examples) => values(examples)
                .map(|body| call.clone().text(body.to_string()))
                .collect(),
            None => vec![call],
        };
        for call in calls {
            let answered = service.call(call).await;
            assert!(
                (200..300).contains(&answered.status),
                "{} {}: {}",
                row.method,
                row.template,
                answered.text
            );
        }
    }
}

#[test]
fn the_documented_codes_are_those_of_the_service_each_with_its_status() {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let schemas = CONTRACT.document["components"]["schemas"].as_object().unwrap();
    assert_eq!(schemas["Code"]["enum"], json!(codes));
    let mut described = BTreeSet::new();
    for (name, schema) in schemas
        .iter()
        .filter(|(name, _)| name.len() > 7 && name.ends_with("Problem"))
    {
        let own = &schema["allOf"][1]["properties"];
        for code in own["code"]["enum"].as_array().unwrap() {
            let known = Code::ALL.iter().find(|known| code == known.as_str()).unwrap();
            assert_eq!(own["status"]["const"], known.status(), "{name}");
            described.insert(known.as_str());
        }
    }
    assert_eq!(described, codes.into_iter().collect());
}

#[test]
fn each_status_names_the_codes_of_that_status() {
    for row in ROUTES {
        let responses = operation(&row.method, row.template)["responses"].as_object().unwrap();
        for (status, response) in responses {
            let (_, response) = CONTRACT.resolved("", response);
            let schema = &response["content"]["application/problem+json"]["schema"];
            if let Some(Value::String(reference)) = schema.get("$ref") {
                let problem = CONTRACT.document.pointer(reference.trim_start_matches('#')).unwrap();
                let named = &problem["allOf"][1]["properties"]["status"]["const"];
                assert_eq!(&named.to_string(), status, "{} {}", row.method, row.template);
            }
        }
    }
}

#[test]
fn the_documented_limits_are_those_of_the_service() {
    let schemas = &CONTRACT.document["components"]["schemas"];
    assert_eq!(schemas["Id"]["maxLength"], MAX_ID_LENGTH);
    assert_eq!(schemas["Name"]["maxLength"], MAX_NAME_LENGTH);
    assert_eq!(schemas["Version"]["maximum"], MAX_VERSION);
}

#[test]
fn every_link_leads_to_an_operation() {
    let mut ids = BTreeSet::new();
    for row in ROUTES {
        let id = operation(&row.method, row.template)["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} occurs twice");
    }
    let mut links = 0;
    for (place, node) in nodes() {
        for (name, link) in node.get("links").and_then(Value::as_object).into_iter().flatten() {
            assert!(ids.contains(link["operationId"].as_str().unwrap()), "{place}: {name}");
            links += 1;
        }
    }
    assert!(links > 0);
}
