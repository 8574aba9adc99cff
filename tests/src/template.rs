//! `template.yaml`, the source of truth for the deployment.

use crate::yaml;
use serde_json::Value;
use std::collections::BTreeSet;

/// The path of the catch-all routes, which receive every request that matches no other route.
pub const UNKNOWN: &str = "/{proxy+}";

/// The template.
#[derive(Debug)]
pub struct Template(pub Value);

impl Template {
    /// Reads `template.yaml`.
    pub fn read() -> Self {
        Self(yaml::file("template.yaml"))
    }

    /// Returns the logical id and the properties of every resource of a type.
    pub fn resources<'t>(&'t self, kind: &'t str) -> impl Iterator<Item = (&'t str, &'t Value)> {
        let resources = self.0["Resources"].as_object().unwrap().iter();
        resources
            .filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
    }

    /// Every route, without those of [`UNKNOWN`]: the function's logical id, the event's name, and the route's key, as
    /// `METHOD /path`.
    pub fn routes(&self) -> BTreeSet<(String, String, String)> {
        let mut found = BTreeSet::new();
        for (id, function) in self.resources("AWS::Serverless::Function") {
            for (name, event) in function["Events"].as_object().unwrap() {
                if event["Type"] != "HttpApi" {
                    assert_eq!(event["Type"], "DynamoDB", "{id}");
                    continue;
                }
                let event = &event["Properties"];
                assert_eq!(event["ApiId"]["Ref"], "Api", "{id}");
                let (method, path) = (event["Method"].as_str().unwrap(), event["Path"].as_str().unwrap());
                if path != UNKNOWN {
                    found.insert((id.to_owned(), name.to_owned(), format!("{method} {path}")));
                }
            }
        }
        found
    }

    /// Returns the binary of the function with this logical id.
    pub fn binary(&self, function: &str) -> String {
        let metadata = &self.0["Resources"][function]["Metadata"];
        metadata["BuildProperties"]["Binary"].as_str().unwrap().to_owned()
    }

    /// Returns the policy statements in the role of the function with this binary.
    pub fn statements(&self, binary: &str) -> &Vec<Value> {
        let mut functions = self.resources("AWS::Serverless::Function");
        let (_, function) = functions.find(|(id, _)| self.binary(id) == binary).unwrap();
        let role = function["Role"]["Fn::GetAtt"]
            .as_str()
            .unwrap()
            .strip_suffix(".Arn")
            .unwrap();
        let policies = self.0["Resources"][role]["Properties"]["Policies"].as_array().unwrap();
        assert_eq!(policies.len(), 1, "{role}");
        policies[0]["PolicyDocument"]["Statement"].as_array().unwrap()
    }

    /// Returns the actions that a function's role allows on the table. Actions on its stream are left out, because
    /// Lambda uses them, not the function.
    pub fn table_actions(&self, binary: &str) -> BTreeSet<String> {
        let statements = self.statements(binary).iter();
        let table = statements.filter(|statement| statement["Sid"] == "Table");
        table.flat_map(actions).collect()
    }
}

/// Returns the actions of a statement.
pub fn actions(statement: &Value) -> Vec<String> {
    let action = &statement["Action"];
    let texts = action.as_array().cloned().unwrap_or_else(|| vec![action.clone()]);
    texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}
