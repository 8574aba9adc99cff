//! The dashboard and the alarms use only metrics that are emitted.

use coinolio_aws::telemetry::METRICS;
use coinolio_core::Code;
use coinolio_core::wire::Outcome;
use coinolio_tests::template::Template;
use serde_json::{Value, json};
use std::path::Path;

/// The metrics of AWS services that the template uses, with their dimensions (CloudWatch: "Viewing metrics for Lambda
/// functions"; "Available CloudWatch metrics for Amazon SQS"; "Working with CloudWatch metrics for HTTP APIs";
/// "DynamoDB metrics and dimensions").
const OF_AWS: [(&str, &str, &[&str]); 13] = [
    ("AWS/Lambda", "Errors", &["FunctionName"]),
    ("AWS/Lambda", "Throttles", &["FunctionName"]),
    ("AWS/Lambda", "Duration", &["FunctionName"]),
    ("AWS/Lambda", "ConcurrentExecutions", &["FunctionName"]),
    ("AWS/Lambda", "IteratorAge", &["FunctionName"]),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", &["QueueName"]),
    ("AWS/ApiGateway", "Count", &["ApiId"]),
    ("AWS/ApiGateway", "4xx", &["ApiId"]),
    ("AWS/ApiGateway", "5xx", &["ApiId"]),
    ("AWS/DynamoDB", "ReadThrottleEvents", &["TableName"]),
    ("AWS/DynamoDB", "WriteThrottleEvents", &["TableName"]),
    ("AWS/DynamoDB", "SuccessfulRequestLatency", &["TableName", "Operation"]),
    ("AWS/DynamoDB", "SystemErrors", &["TableName", "Operation"]),
];

/// Asserts that the metric is emitted with these dimensions. If it is one of ours, checks their values too.
fn assert_emitted(namespace: &str, name: &str, dimensions: &[(String, String)]) {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| name.as_str()).collect();
    if namespace != "${MetricsNamespace}" {
        let known = OF_AWS.iter().any(|known| *known == (namespace, name, &names[..]));
        assert!(known, "{namespace} {name} {names:?}");
        return;
    }
    let metric = METRICS
        .iter()
        .find(|metric| metric.name == name)
        .unwrap_or_else(|| panic!("{name} is not emitted"));
    assert_eq!(dimensions[0], ("Stage".to_owned(), "${Stage}".to_owned()), "{name}");
    match &dimensions[1..] {
        [] => {}
        [(by, value)] => {
            assert_eq!(metric.by, Some(by.as_str()), "{name}");
            let outcomes = [Outcome::Accepted, Outcome::Merged, Outcome::Pulled, Outcome::UpToDate];
            let known = match by.as_str() {
                "Code" => Code::ALL.iter().any(|code| code.as_str() == value),
                _ => outcomes.iter().any(|outcome| outcome.as_str() == value),
            };
            assert!(known, "{name} by {by} {value}");
        }
        more => panic!("{name} by {more:?}"),
    }
}

/// Returns a value in the form that it has inside a `Fn::Sub`.
fn substituted(value: &Value) -> String {
    match (value.as_str(), value["Ref"].as_str()) {
        (Some(text), _) => text.to_owned(),
        (_, Some(name)) => format!("${{{name}}}"),
        _ => "${…}".to_owned(),
    }
}

fn dimensions(value: &Value) -> Vec<(String, String)> {
    let all = value.as_array().unwrap().iter();
    all.map(|one| (substituted(&one["Name"]), substituted(&one["Value"])))
        .collect()
}

#[test]
fn every_alarm_watches_an_emitted_metric_and_says_what_to_do() {
    let template = Template::read();
    let operations =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATIONS.md")).unwrap();
    let mut alarms = 0;
    for (id, alarm) in template.resources("AWS::CloudWatch::Alarm") {
        alarms += 1;
        if let Some(name) = alarm["MetricName"].as_str() {
            assert_emitted(
                &substituted(&alarm["Namespace"]),
                name,
                &dimensions(&alarm["Dimensions"]),
            );
        }
        for query in alarm["Metrics"].as_array().into_iter().flatten() {
            let metric = &query["MetricStat"]["Metric"];
            if let Some(name) = metric["MetricName"].as_str() {
                assert_emitted(
                    &substituted(&metric["Namespace"]),
                    name,
                    &dimensions(&metric["Dimensions"]),
                );
            } else {
                assert!(query["Expression"].is_string(), "{id}: {query}");
            }
        }
        let description = alarm["AlarmDescription"].as_str().unwrap();
        assert!(
            description.len() > 80 && description.contains(&format!("\"Alarm: {id}\"")),
            "{id}"
        );
        assert!(
            operations.contains(&format!("Alarm: {id}\n")),
            "docs/OPERATIONS.md has no section for {id}"
        );
        assert_eq!(alarm["AlarmActions"]["Fn::If"][0], "HasAlarmTopic", "{id}");
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}");
    }
    assert!(alarms >= 10);
}

/// Returns the widgets, with every `${…}` left as it is.
fn widgets(template: &Template) -> Vec<Value> {
    let body = &template.0["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0];
    let body: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    body["widgets"].as_array().unwrap().clone()
}

#[test]
fn every_widget_shows_emitted_metrics() {
    let widgets = widgets(&Template::read());
    assert!(widgets.len() >= 12);
    for widget in &widgets {
        let metrics = widget["properties"]["metrics"].as_array().unwrap();
        let mut ids = Vec::new();
        for metric in metrics {
            let mut texts: Vec<String> = Vec::new();
            for part in metric.as_array().unwrap() {
                match part {
                    Value::String(text) => texts.push(text.clone()),
                    options => ids.extend(options["id"].as_str().map(str::to_owned)),
                }
            }
            if let [namespace, name, pairs @ ..] = &texts[..] {
                let pairs: Vec<_> = pairs.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
                assert_emitted(namespace, name, &pairs);
            } else {
                assert!(metric[0]["expression"].is_string(), "{metric}");
            }
        }
        for metric in metrics.iter().filter_map(|metric| metric[0]["expression"].as_str()) {
            for id in &ids {
                assert!(
                    metric.contains(id.as_str()),
                    "{id} is a metric that is not used in {metric}"
                );
            }
        }
    }
}

#[test]
fn widgets_never_overlap() {
    let widgets = widgets(&Template::read());
    let edges = |widget: &Value| {
        let at = |name: &str| widget[name].as_u64().unwrap();
        (at("x"), at("y"), at("x") + at("width"), at("y") + at("height"))
    };
    for (index, one) in widgets.iter().enumerate() {
        let (left, top, right, bottom) = edges(one);
        assert!(right <= 24, "{one}");
        for other in &widgets[index + 1..] {
            let (l, t, r, b) = edges(other);
            assert!(r <= left || right <= l || b <= top || bottom <= t, "{one} {other}");
        }
    }
}

#[test]
fn every_name_in_the_dashboard_is_defined_in_the_template() {
    let template = Template::read();
    let sub = &template.0["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
    for name in sub[0]
        .as_str()
        .unwrap()
        .split("${")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap())
    {
        let known = [&template.0["Parameters"], &template.0["Resources"], &sub[1]];
        let known = known.iter().any(|names| !names[name].is_null()) || name.starts_with("AWS::");
        assert!(known, "{name}");
    }
    assert_eq!(
        template.0["Globals"]["Function"]["Environment"]["Variables"]["METRICS_DIMENSIONS"],
        json!({"Fn::Sub": "Stage=${Stage}"})
    );
}
