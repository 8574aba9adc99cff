//! Deployment parameters that cannot work are refused before anything is created.

use coinolio_tests::template::Template;
use regex::Regex;
use serde_json::Value;

/// Returns whether CloudFormation accepts the value. It matches a pattern against the whole value.
fn accepts(parameter: &Value, value: &str) -> bool {
    // Rust's regular expressions have no look-ahead, so the only one is replaced by a check of its own.
    let pattern = parameter["AllowedPattern"].as_str().unwrap().replace("(?!AWS/)", "");
    let excluded = parameter["AllowedPattern"].as_str().unwrap().contains("(?!AWS/)") && value.starts_with("AWS/");
    let longest = parameter["MaxLength"].as_u64().unwrap_or(4096);
    let matches = Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(value);
    matches && !excluded && value.len() as u64 <= longest
}

#[test]
fn every_parameter_has_a_description_and_a_bound() {
    let template = Template::read();
    for (name, parameter) in template.0["Parameters"].as_object().unwrap() {
        assert!(
            parameter["Description"].as_str().is_some_and(|text| text.len() > 20),
            "{name}"
        );
        let bounds = ["AllowedPattern", "AllowedValues", "MaxValue"];
        assert!(
            bounds.iter().any(|bound| !parameter[*bound].is_null()),
            "{name} accepts anything"
        );
        if !parameter["AllowedPattern"].is_null() {
            assert!(parameter["ConstraintDescription"].is_string(), "{name}");
            if let Some(default) = parameter["Default"].as_str() {
                assert!(accepts(parameter, default), "{name}'s default");
            }
        }
    }
}

#[test]
fn every_parameter_is_in_a_group_and_used() {
    let template = Template::read();
    let groups = &template.0["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let mut asked: Vec<&str> = groups
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["Parameters"].as_array().unwrap())
        .map(|name| name.as_str().unwrap())
        .collect();
    asked.sort_unstable();
    let parameters = template.0["Parameters"].as_object().unwrap();
    let mut names: Vec<&str> = parameters.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(asked, names);
    let rest = format!(
        "{}{}{}",
        template.0["Resources"], template.0["Conditions"], template.0["Globals"]
    );
    for name in names {
        let used = rest.contains(&format!(r#"{{"Ref":"{name}"}}"#)) || rest.contains(&format!("${{{name}}}"));
        assert!(used, "{name}");
    }
}

#[test]
fn patterns_accept_values_that_work_and_refuse_values_that_cannot() {
    let template = Template::read();
    let cases: [(&str, &[&str], &[&str]); 9] = [
        (
            "JwtIssuer",
            &[
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example",
                "https://example.eu.auth0.com/",
                "https://login.example.com:8443/realms/coinolio",
                "https://securetoken.google.com/my-project",
            ],
            &[
                "",
                " ",
                "http://example.com",
                "https://",
                "example.com",
                "https://example.com ",
                " https://example.com",
                "https://example.com/a b",
                "https://example.com?x=1",
                "https://example.com/#x",
                "ftp://example.com",
                "https:///x",
            ],
        ),
        (
            "JwtAudience",
            &["app", "a,b", "3n4b5urk1ft4fl3mg5e62d9ado"],
            &["", " ", "a b", "a,", ",a", "a,,b", "a, b"],
        ),
        (
            "CorsOrigins",
            &["", "https://app.example.com", "http://localhost:8081,https://b.example"],
            &[
                "*",
                "app.example.com",
                "https://a/path",
                "https://a, https://b",
                "https://a,",
            ],
        ),
        (
            "Stage",
            &["prod", "staging-2", "p"],
            &["", "Prod", "2nd", "a_b", "a b", "seventeen-letters"],
        ),
        (
            "ServingTable",
            &["", "coinolio-restored"],
            &["ab", "a b", "arn:aws:dynamodb:x"],
        ),
        (
            "MetricsNamespace",
            &["Coinolio/Sync", "a"],
            &["", "AWS/Lambda", "a b", "a:b"],
        ),
        (
            "AlarmTopicArn",
            &[
                "",
                "arn:aws:sns:eu-central-1:123456789012:alarms",
                "arn:aws-us-gov:sns:us-gov-west-1:123456789012:alarms",
            ],
            &[
                "alarms",
                "arn:aws:sqs:eu-central-1:123456789012:alarms",
                "arn:aws:sns:eu-central-1:1:alarms",
            ],
        ),
        ("AlarmTopicArn", &[], &[" "]),
        (
            "ServingTableStreamArn",
            &[
                "",
                "arn:aws:dynamodb:eu-central-1:123456789012:table/coinolio-restored/stream/2026-11-24T22:05:12.413",
            ],
            &[
                " ",
                "coinolio-restored",
                "arn:aws:dynamodb:eu-central-1:123456789012:table/coinolio-restored",
            ],
        ),
    ];
    for (name, good, bad) in cases {
        let parameter = &template.0["Parameters"][name];
        for value in good {
            assert!(accepts(parameter, value), "{name} refuses {value:?}");
        }
        for value in bad {
            assert!(!accepts(parameter, value), "{name} accepts {value:?}");
        }
    }
}
