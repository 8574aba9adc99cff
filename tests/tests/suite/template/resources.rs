//! The table, the functions' environment, the API and the logs.

use coinolio_tests::template::Template;
use serde_json::{Value, json};

#[test]
fn the_functions_are_told_what_the_code_reads_and_nothing_else() {
    let template = Template::read();
    let mut variables: Vec<&String> = template.0["Globals"]["Function"]["Environment"]["Variables"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    variables.sort();
    assert_eq!(
        variables,
        ["METRICS_DIMENSIONS", "METRICS_NAMESPACE", "RUST_LOG", "TABLE_NAME"]
    );
    for (id, function) in template.resources("AWS::Serverless::Function") {
        assert!(function.get("Environment").is_none(), "{id} has variables of its own");
    }
    // The development user is for machines where no authorizer runs.
    assert!(!template.0.to_string().contains("DEV_USER"));
}

#[tokio::test]
async fn the_table_is_made_as_the_local_one_is_and_outlives_the_stack() {
    let template = Template::read();
    let table = &template.0["Resources"]["Table"];
    assert_eq!(
        (&table["DeletionPolicy"], &table["UpdateReplacePolicy"]),
        (&json!("Retain"), &json!("Retain"))
    );
    let properties = &table["Properties"];
    assert_eq!(
        properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
        true
    );
    assert_eq!(properties["SSESpecification"]["SSEEnabled"], true);
    assert!(!properties["StreamSpecification"]["StreamViewType"].is_null());

    let local = coinolio_tests::dynamodb::Dynamo::start().await;
    let made = local
        .client
        .describe_table()
        .table_name(coinolio_tests::dynamodb::TABLE)
        .send()
        .await
        .unwrap();
    let made = made.table.unwrap();
    let keys: Vec<Value> = made
        .key_schema
        .unwrap()
        .iter()
        .map(|key| json!({ "AttributeName": key.attribute_name, "KeyType": key.key_type.as_str() }))
        .collect();
    assert_eq!(properties["KeySchema"], json!(keys));
    let attributes: Vec<Value> = made
        .attribute_definitions
        .unwrap()
        .iter()
        .map(|attribute| json!({ "AttributeName": attribute.attribute_name, "AttributeType": attribute.attribute_type.as_str() }))
        .collect();
    assert_eq!(properties["AttributeDefinitions"], json!(attributes));
    let expiry = local
        .client
        .describe_time_to_live()
        .table_name(coinolio_tests::dynamodb::TABLE)
        .send()
        .await
        .unwrap();
    let expiry = expiry.time_to_live_description.unwrap().attribute_name;
    assert_eq!(
        properties["TimeToLiveSpecification"]["AttributeName"].as_str(),
        expiry.as_deref()
    );
    assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST");
}

#[test]
fn every_route_asks_for_a_token() {
    let template = Template::read();
    let auth = &template.0["Resources"]["Api"]["Properties"]["Auth"];
    let authorizer = auth["DefaultAuthorizer"].as_str().unwrap();
    let jwt = &auth["Authorizers"][authorizer]["JwtConfiguration"];
    assert_eq!(jwt["issuer"]["Ref"], "JwtIssuer");
    assert_eq!(jwt["audience"]["Fn::Split"][1]["Ref"], "JwtAudience");
    for (id, function) in template.resources("AWS::Serverless::Function") {
        for (name, event) in function["Events"].as_object().unwrap() {
            assert!(
                event["Properties"].get("Auth").is_none(),
                "{id}'s {name} has an authorizer of its own"
            );
        }
    }
}

#[test]
fn every_log_is_reserved_and_ends_with_its_retention() {
    let template = Template::read();
    let mut logged = Vec::new();
    for (id, group) in template.resources("AWS::Logs::LogGroup") {
        assert_eq!(group["RetentionInDays"]["Ref"], "LogRetentionDays", "{id}");
        logged.push(id);
    }
    for (id, function) in template.resources("AWS::Serverless::Function") {
        assert!(
            logged.contains(&function["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap()),
            "{id}"
        );
    }
    let access = &template.0["Resources"]["Api"]["Properties"]["AccessLogSettings"];
    let group = access["DestinationArn"]["Fn::GetAtt"].as_str().unwrap();
    assert!(logged.contains(&group.strip_suffix(".Arn").unwrap()));
}

#[test]
fn the_access_log_is_json_without_paths_queries_and_tokens() {
    let template = Template::read();
    let format = template.0["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"]
        .as_str()
        .unwrap();
    let numbers = ["$context.status", "$context.responseLength", "$context.responseLatency"];
    let line = numbers
        .iter()
        .fold(format.to_owned(), |line, name| line.replace(&format!(":{name}"), ":1"));
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["routeKey"], "$context.routeKey");
    for secret in [
        "$context.path",
        "$context.http.path",
        "authorizer.claims",
        "authorizer.jwt",
        "querystring",
        "sourceIp",
    ] {
        assert!(!format.contains(secret), "{secret}");
    }
}
