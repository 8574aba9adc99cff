//! The table, the functions' environment, the API and the logs.

use coinolio_aws::routes::ROUTES;
use coinolio_tests::template::{Template, UNKNOWN};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_functions_get_exactly_the_variables_that_the_code_reads() {
    let template = Template::read();
    let variables = &template.0["Globals"]["Function"]["Environment"]["Variables"];
    let no_value = json!({ "Ref": "AWS::NoValue" });
    let all = variables.as_object().unwrap().iter();
    let (mut unset, mut set) = all.partition::<Vec<_>, _>(|(_, value)| **value == no_value);
    set.sort_by_key(|(name, _)| *name);
    let set: Vec<&String> = set.into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        set,
        ["METRICS_DIMENSIONS", "METRICS_NAMESPACE", "RUST_LOG", "TABLE_NAME"]
    );
    // Declared without a value, because `sam local` sets only declared variables.
    unset.sort_by_key(|(name, _)| *name);
    let unset: Vec<&String> = unset.into_iter().map(|(name, _)| name).collect();
    assert_eq!(unset, ["AWS_ENDPOINT_URL_DYNAMODB", "DEV_USER"]);
    for (id, function) in template.resources("AWS::Serverless::Function") {
        let own = function.get("Environment");
        if id == "ChangeStreamFunction" {
            let retention =
                json!({"RETENTION_DAYS": {"Ref": "RetentionDays"}, "RETENTION_VERSIONS": {"Ref": "RetentionVersions"}});
            assert_eq!(own, Some(&json!({ "Variables": retention })));
        } else {
            assert_eq!(own, None, "{id} has variables of its own");
        }
    }
    // The development user is for machines without an authorizer, so no deployment may set it.
    assert_eq!(template.0.to_string().matches("DEV_USER").count(), 1);
}

#[test]
fn sam_local_has_the_environment_of_cargo_lambda() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../local");
    let json = std::fs::read_to_string(folder.join("functions.json")).unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    let lines = std::fs::read_to_string(folder.join("functions.env")).unwrap();
    let mut variables: Map<String, Value> = lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    // Inside a container this machine has another name.
    let endpoint = &mut variables["AWS_ENDPOINT_URL_DYNAMODB"];
    *endpoint = endpoint
        .as_str()
        .unwrap()
        .replace("127.0.0.1", "host.docker.internal")
        .into();
    // `sam local` sets these to its own values.
    for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        assert!(variables.remove(name).is_some(), "{name}");
    }
    assert_eq!(json, json!({ "Parameters": variables }));
    let template = Template::read();
    for name in variables.keys() {
        let named = &template.0["Globals"]["Function"]["Environment"]["Variables"][name];
        assert!(!named.is_null(), "sam local drops {name}");
    }
}

#[tokio::test]
async fn the_table_is_created_like_the_local_one_and_outlives_the_stack() {
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

    let local = coinolio_tests::dynamodb::Dynamo::start().await;
    let made = local
        .client
        .describe_table()
        .table_name(coinolio_tests::dynamodb::TABLE)
        .send()
        .await
        .unwrap();
    let made = made.table.unwrap();
    let stream = made.stream_specification.unwrap();
    assert!(stream.stream_enabled);
    assert_eq!(
        properties["StreamSpecification"]["StreamViewType"].as_str(),
        stream.stream_view_type.as_ref().map(|kind| kind.as_str())
    );
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
fn the_stream_function_receives_inserted_changes_and_its_failures_end_in_a_queue() {
    let template = Template::read();
    let events = &template.0["Resources"]["ChangeStreamFunction"]["Properties"]["Events"];
    let source = &events["Changes"]["Properties"];
    let stream =
        json!({"Fn::If": ["FollowsAnotherTable", {"Ref": "ServingTableStreamArn"}, {"Fn::GetAtt": "Table.StreamArn"}]});
    assert_eq!(source["Stream"], stream);
    let filter = source["FilterCriteria"]["Filters"][0]["Pattern"].as_str().unwrap();
    let filter: Value = serde_json::from_str(filter).unwrap();
    assert_eq!(
        filter,
        json!({"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "CHANGE#"}]}}}})
    );
    assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!(source["BisectBatchOnFunctionError"], true);
    for bound in ["MaximumRetryAttempts", "MaximumRecordAgeInSeconds"] {
        assert!(source[bound].as_u64() > Some(0), "{bound}");
    }
    let queue = json!({"Type": "SQS", "Destination": {"Fn::GetAtt": "CompactionFailures.Arn"}});
    assert_eq!(source["DestinationConfig"]["OnFailure"], queue);
    let queue = &template.0["Resources"]["CompactionFailures"];
    assert_eq!(
        (&queue["Type"], &queue["Properties"]["SqsManagedSseEnabled"]),
        (&json!("AWS::SQS::Queue"), &json!(true))
    );
}

#[test]
fn every_route_requires_a_token() {
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
fn a_preflight_needs_no_token_and_an_unknown_path_needs_one() {
    let template = Template::read();
    let mut unknown = BTreeSet::new();
    for (id, function) in template.resources("AWS::Serverless::Function") {
        let events = function["Events"].as_object().unwrap().iter();
        for (name, event) in events.filter(|(_, event)| event["Type"] == "HttpApi") {
            // If a route has no path and no method, or the method ANY, it receives OPTIONS instead of API Gateway.
            let method = event["Properties"]["Method"].as_str().unwrap();
            assert!(!["ANY", "OPTIONS"].contains(&method), "{id}'s {name}");
            if event["Properties"]["Path"] == UNKNOWN {
                unknown.insert(method);
            }
        }
    }
    let all = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"];
    assert_eq!(unknown, BTreeSet::from(all));
}

#[test]
fn cors_is_either_off_or_complete() {
    let template = Template::read();
    let cors = &template.0["Resources"]["Api"]["Properties"]["CorsConfiguration"]["Fn::If"];
    assert_eq!(cors[0], "HasCors");
    assert_eq!(cors[2], json!({ "Ref": "AWS::NoValue" }));
    // SAM renames these everywhere inside the `If`, even in the name of a parameter.
    for member in [
        "AllowOrigins",
        "AllowHeaders",
        "AllowMethods",
        "ExposeHeaders",
        "MaxAge",
    ] {
        assert!(!cors[1][member].is_null(), "{member}");
        assert_eq!(cors.to_string().matches(member).count(), 1, "{member}");
    }
    let mut methods: Vec<String> = ROUTES.iter().map(|route| route.method.to_string()).collect();
    methods.sort();
    methods.dedup();
    let mut allowed: Vec<&str> = cors[1]["AllowMethods"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    allowed.sort_unstable();
    assert_eq!(allowed, methods);
}

#[test]
fn every_log_has_a_group_whose_entries_expire() {
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
fn the_access_log_is_json_without_paths_queries_or_tokens() {
    let template = Template::read();
    let format = template.0["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"]
        .as_str()
        .unwrap();
    assert_eq!(format.lines().count(), 1);
    // The format itself must be JSON, so every variable is quoted: API Gateway writes a dash for a missing number.
    let line: Value = serde_json::from_str(format).unwrap();
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
