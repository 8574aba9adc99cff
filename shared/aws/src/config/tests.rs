use super::{Config, ConfigError};
use std::collections::HashMap;

/// What Lambda sets, and a table.
const DEPLOYED: [(&str, &str); 9] = [
    ("TABLE_NAME", "coinolio"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "x"),
    ("AWS_SECRET_ACCESS_KEY", "x"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ("AWS_LAMBDA_FUNCTION_NAME", "sync"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
];

/// What cargo-lambda sets, a table and a DynamoDB on this machine.
const LOCAL: [(&str, &str); 6] = [
    ("TABLE_NAME", "coinolio"),
    ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000"),
    ("AWS_LAMBDA_FUNCTION_NAME", "sync"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4096"),
    ("AWS_LAMBDA_RUNTIME_API", "http://127.0.0.1:9000/sync"),
];

/// What the environment `base` says with `changed` instead; an empty value unsets.
fn read(base: &[(&str, &str)], changed: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<_, _> = base.iter().chain(changed).copied().collect();
    Config::from_lookup(|name| variables.get(name).map(|value| (*value).to_owned()))
}

fn refusal(base: &[(&str, &str)], changed: &[(&str, &str)]) -> String {
    match read(base, changed) {
        Ok(config) => panic!("{changed:?} gave {config:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn each_variable_that_a_function_needs_is_named_where_it_is_missing() {
    for name in DEPLOYED.map(|(name, _)| name) {
        if name == "AWS_LAMBDA_INITIALIZATION_TYPE" {
            continue;
        }
        let expected = format!("the environment variable {name} is not set");
        assert_eq!(refusal(&DEPLOYED, &[(name, "")]), expected);
    }
    let config = read(&DEPLOYED, &[]).unwrap();
    assert_eq!(
        (config.table.as_str(), config.store.region.as_str()),
        ("coinolio", "eu-central-1")
    );
    assert!(config.dev_user.is_none() && config.store.endpoint.is_none());
}

#[test]
fn the_credentials_are_those_of_the_environment_and_no_log_shows_them() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "hidden"),
        ("AWS_SESSION_TOKEN", "ticket"),
    ];
    let config = read(&DEPLOYED, &variables).unwrap();
    let found = config.store.credentials.as_ref().unwrap();
    assert_eq!(
        (found.access_key_id(), found.secret_access_key(), found.session_token()),
        ("key", "hidden", Some("ticket"))
    );
    let logged = format!("{config:?}");
    assert!(!logged.contains("hidden") && !logged.contains("ticket"), "{logged}");
    let config = read(&DEPLOYED, &[("AWS_SESSION_TOKEN", "")]).unwrap();
    assert_eq!(config.store.credentials.unwrap().session_token(), None);
}

#[test]
fn each_variable_with_a_value_that_cannot_be_used_is_named_in_one_line() {
    let long = "a".repeat(256);
    for (name, value) in [
        ("TABLE_NAME", "ab"),
        ("TABLE_NAME", &long),
        ("TABLE_NAME", "coinolio table"),
        ("TABLE_NAME", "coinolio\n"),
        ("TABLE_NAME", "cöinolio"),
        (
            "TABLE_NAME",
            "arn:aws:dynamodb:eu-central-1:123456789012:table/coinolio",
        ),
        ("AWS_REGION", "eu-central-1.example.com/"),
        ("AWS_REGION", "EU"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "localhost:8000"),
        ("AWS_ENDPOINT_URL", "//localhost"),
        ("AWS_CA_BUNDLE", "/dev/null"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much"),
        ("AWS_LAMBDA_RUNTIME_API", "a b"),
        ("DEV_USER", "ada"),
    ] {
        let refusal = refusal(&DEPLOYED, &[(name, value)]);
        let expected = format!("the environment variable {name} ");
        assert!(refusal.starts_with(&expected), "{name}={value}: {refusal}");
        assert!(!refusal.contains('\n') && !refusal.contains("is not set"), "{refusal}");
    }
}

#[test]
fn a_local_dynamodb_needs_neither_region_nor_credentials() {
    let config = read(&LOCAL, &[]).unwrap();
    assert_eq!(config.store.region, "us-east-1");
    assert!(config.store.credentials.is_none());
    let config = read(&LOCAL, &[("AWS_DEFAULT_REGION", "eu-west-1")]).unwrap();
    assert_eq!(config.store.region, "eu-west-1");
    let elsewhere = [("AWS_ENDPOINT_URL_DYNAMODB", "http://10.0.0.1:8000")];
    assert_eq!(
        refusal(&LOCAL, &elsewhere),
        "the environment variable AWS_REGION is not set"
    );
}

#[test]
fn the_services_own_endpoint_comes_before_that_of_all_services() {
    let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let url = |changed: &[(&str, &str)]| {
        let endpoint = read(&LOCAL, changed).unwrap().store.endpoint;
        endpoint.map(|endpoint| endpoint.url().to_owned())
    };
    assert_eq!(url(&[all]).as_deref(), Some("http://127.0.0.1:8000"));
    assert_eq!(
        url(&[all, ("AWS_ENDPOINT_URL_DYNAMODB", "")]).as_deref(),
        Some("http://127.0.0.1:1")
    );
}

#[test]
fn a_development_identity_needs_a_dynamodb_on_this_machine() {
    let dev_user = |changed: &[(&str, &str)]| {
        let user = read(&LOCAL, changed).unwrap().dev_user;
        user.map(|user| user.to_string())
    };
    assert_eq!(dev_user(&[]), None);
    assert_eq!(dev_user(&[("DEV_USER", "")]), None);
    assert_eq!(dev_user(&[("DEV_USER", "ada")]).as_deref(), Some("ada"));
    let container = ("AWS_ENDPOINT_URL_DYNAMODB", "http://host.docker.internal:8000");
    let sam = [
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_SAM_LOCAL", "true"),
    ];
    assert_eq!(
        dev_user(&[("DEV_USER", "ada"), container, sam[0], sam[1]]).as_deref(),
        Some("ada")
    );

    let elsewhere = [
        ("DEV_USER", "ada"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://10.0.0.1:8000"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ];
    let refused = refusal(&LOCAL, &elsewhere);
    assert!(
        refused.starts_with("the environment variable DEV_USER is set without a local DynamoDB"),
        "{refused}"
    );
}

#[test]
fn a_deployed_function_has_no_development_identity_whatever_its_endpoint() {
    let local = ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000");
    for changed in [
        &[("DEV_USER", "ada"), local][..],
        &[("DEV_USER", "ada")],
        &[("DEV_USER", "#"), local],
    ] {
        let refused = refusal(&DEPLOYED, changed);
        assert!(
            refused.starts_with("the environment variable DEV_USER is set in Lambda"),
            "{refused}"
        );
    }
}

#[test]
fn a_development_identity_is_checked_as_any_users_is() {
    let long = "a".repeat(256);
    for user in ["a#b", "a\u{7}b", &long] {
        let refused = refusal(&LOCAL, &[("DEV_USER", user)]);
        assert!(
            refused.starts_with("the environment variable DEV_USER cannot name a user"),
            "{refused}"
        );
    }
}

#[test]
fn the_retention_is_what_the_variables_say_and_bounded() {
    let retention = |days, versions| {
        let changed = [("RETENTION_DAYS", days), ("RETENTION_VERSIONS", versions)];
        read(&DEPLOYED, &changed).unwrap().retention
    };
    assert_eq!(retention("", ""), super::DEFAULT_RETENTION);
    let day = std::time::Duration::from_secs(86_400);
    assert_eq!(retention("90", "1000"), super::DEFAULT_RETENTION);
    let other = retention("7", "10");
    assert_eq!((other.age, other.versions), (7 * day, 10));
    for (name, values) in [
        ("RETENTION_DAYS", ["0", "-1", "3651", "1.5", "a week"]),
        ("RETENTION_VERSIONS", ["0", "9", "-10", "1000001", "all"]),
    ] {
        for value in values {
            let line = refusal(&DEPLOYED, &[(name, value)]);
            assert!(line.contains(name) && line.lines().count() == 1, "{line}");
        }
    }
}
