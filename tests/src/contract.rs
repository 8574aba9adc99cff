//! Checks answers against `docs/openapi.yaml`.

use crate::answered::Answered;
use crate::yaml;
use coinolio_aws::routes::{Match, route};
use jsonschema::Validator;
use lambda_http::http::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The OpenAPI document, read once per process.
pub static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);

/// The OpenAPI document, and a validator for each schema used so far.
#[derive(Debug)]
pub struct Contract {
    /// The document as it is in the file.
    pub document: Value,
    /// The document with undocumented object members forbidden: this version of the service answers with documented
    /// members only. The file itself allows others, because clients must expect the members of later versions.
    closed: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    fn read() -> Self {
        let document = yaml::file("docs/openapi.yaml");
        let mut closed = document.clone();
        close(&mut closed);
        Self {
            document,
            closed,
            validators: Mutex::default(),
        }
    }

    /// Asserts that the document describes this answer to a request of `method` and `path`: its status, headers, media
    /// type and body. An undocumented header or member fails the assertion too.
    pub fn assert_documents(&self, method: &Method, path: &str, answered: &Answered) {
        let what = format!("{method} {path} answered {} {}", answered.status, answered.text);
        let (place, response) = self.response(method, path, answered.status);
        let response = response.unwrap_or_else(|| panic!("{what}: {place} is not documented"));
        self.assert_headers(&place, response, answered, &what);
        let Some(content) = response.get("content") else {
            assert_eq!(answered.text, "", "{what}: has a body, but none is documented");
            return;
        };
        let media_type = answered.header("content-type").unwrap_or_default();
        assert!(
            content.get(media_type).is_some(),
            "{what}: {media_type:?} is not documented"
        );
        let schema = format!("{place}/content/{}/schema", escaped(media_type));
        let errors = self.errors(&schema, &answered.json());
        assert!(errors.is_empty(), "{what}: {errors:?}");
    }

    fn assert_headers(&self, place: &str, response: &Value, answered: &Answered, what: &str) {
        let none = json!({});
        let documented = response.get("headers").unwrap_or(&none).as_object().unwrap();
        for name in answered.headers.keys().filter(|name| *name != "content-type") {
            let is_known = documented.keys().any(|known| known.eq_ignore_ascii_case(name.as_str()));
            assert!(is_known, "{what}: the header {name} is not documented");
        }
        for (name, header) in documented {
            let (header_place, header) = self.resolved(&format!("{place}/headers/{}", escaped(name)), header);
            match answered.header(&name.to_lowercase()) {
                Some(value) => {
                    let errors = self.errors(&format!("{header_place}/schema"), &json!(value));
                    assert!(errors.is_empty(), "{what}: {name}: {errors:?}");
                }
                None => assert_ne!(header["required"], true, "{what}: header {name} is missing"),
            }
        }
    }

    /// Finds the description of an answer. Returns its JSON pointer, and its node if the document has one.
    fn response(&self, method: &Method, path: &str, status: u16) -> (String, Option<&Value>) {
        let place = match route(method, path) {
            Match::Route(route, _) => {
                let method = route.method.as_str().to_lowercase();
                format!("/paths/{}/{method}/responses/{status}", escaped(route.template))
            }
            // These two answers belong to paths and methods that the document does not have.
            Match::MethodNotAllowed(_) if status == 405 => "/components/responses/MethodNotAllowed".to_owned(),
            Match::NotFound if status == 404 => "/components/responses/NotFound".to_owned(),
            _ => return (format!("{status} without a route"), None),
        };
        match self.document.pointer(&place) {
            Some(response) => {
                let (place, response) = self.resolved(&place, response);
                (place, Some(response))
            }
            None => (place, None),
        }
    }

    /// Follows the `$ref` of the node at `place`, if it has one. Returns the pointer of the result and the result.
    pub fn resolved<'d>(&'d self, place: &str, node: &'d Value) -> (String, &'d Value) {
        match node.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let place = reference.trim_start_matches('#').to_owned();
                let node = self
                    .document
                    .pointer(&place)
                    .unwrap_or_else(|| panic!("{reference} points to nothing"));
                (place, node)
            }
            None => (place.to_owned(), node),
        }
    }

    /// Validates a `value` of an answer against the schema at `place`, a JSON pointer into the document. Returns one
    /// text for each error; an undocumented member is an error.
    pub fn errors(&self, place: &str, value: &Value) -> Vec<String> {
        self.errors_by(&self.closed, "closed", place, value)
    }

    /// Validates a `value` of a request as [`Self::errors`] does, but allows undocumented members.
    pub fn errors_of_request(&self, place: &str, value: &Value) -> Vec<String> {
        self.errors_by(&self.document, "open", place, value)
    }

    fn errors_by(&self, document: &Value, kind: &str, place: &str, value: &Value) -> Vec<String> {
        let validator = {
            let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = validators.entry(format!("{kind} {place}"));
            Arc::clone(entry.or_insert_with(|| Arc::new(validator(document, place))))
        };
        let errors = validator.iter_errors(value);
        errors
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect()
    }
}

fn validator(document: &Value, place: &str) -> Validator {
    let schema = json!({
        "$ref": format!("#{}", place.replace('{', "%7B").replace('}', "%7D")),
        "components": document["components"],
        "paths": document["paths"],
    });
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap_or_else(|error| panic!("{place}: {error}"))
}

/// Escapes `name` as a token of a JSON pointer (RFC 6901 section 3).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Forbids undocumented members in each object schema that names members and has no `additionalProperties`.
fn close(node: &mut Value) {
    match node {
        Value::Object(members) => {
            let names_members = members.contains_key("properties") && members.get("type") == Some(&json!("object"));
            if names_members && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(elements) => elements.iter_mut().for_each(close),
        _ => {}
    }
}
