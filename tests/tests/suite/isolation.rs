//! No user reads, changes, lists, restores or learns of another user's data. Another user calls every route of
//! `template.yaml` with the ids of a user who has data behind each of them.
//!
//! Any difference would give that user away, so each answer is compared with that of a table without the data.

use coinolio_aws::routes::ROUTES;
use coinolio_tests::answered::Answered;
use coinolio_tests::scenario::{Step, Times, events, steps};
use coinolio_tests::service::{Call, Service};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// The `sub` of the events in `events/`: Ada, the user who has data.
const ADA: &str = "5f0c6a1e-8f0b-4c57-9d5e-2b7f0f6b7a11";

/// Starts a service on which Ada has run the whole scenario. She has a portfolio with conflicts and a history, which
/// was deleted and restored, a portfolio from a batch, and devices.
async fn with_ada() -> Service {
    let service = Service::start().await;
    for step in steps() {
        service.call(Call::of(&step.event)).await;
    }
    // The scenario forgets the described device, so describe it again.
    service.call(Call::of("v2-describe-device")).await;
    service
}

/// Returns the items that the table stores for a user.
async fn items_of(service: &Service, user: &str) -> Vec<HashMap<String, aws_sdk_dynamodb::types::AttributeValue>> {
    let directory = format!("USER#{user}");
    let portfolios = format!("USER#{user}#");
    let mut items = service.items().await;
    items.retain(|item| {
        let partition = item["pk"].as_s().unwrap();
        *partition == directory || partition.starts_with(&portfolios)
    });
    items
}

/// Returns the step with another user's id in place of Ada's in the expected answer.
fn by(step: &Step, user: &str) -> Step {
    let renamed = |body: &Value| {
        let text = body.to_string();
        serde_json::from_str(&text.replace(&json!(ADA).to_string(), &json!(user).to_string())).unwrap()
    };
    Step {
        body: step.body.as_ref().map(renamed),
        ..step.clone()
    }
}

/// Runs the whole scenario as `user`, and asserts that every answer is that of an empty table.
async fn assert_alone(service: &Service, user: &str) {
    let mut times = Times::default();
    for step in steps() {
        let answered = service.call(Call::of(&step.event).by(user)).await;
        let differences = times.differences(&by(&step, user), &answered);
        assert!(differences.is_empty(), "{user:?}, {}\n{differences}", step.event);
    }
}

/// Returns the status, the headers and the body of an answer, with its times masked.
fn said(answered: &Answered) -> (u16, Vec<(String, String)>, String) {
    static TIME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").unwrap());
    let mut headers: Vec<_> = answered
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (
        answered.status,
        headers,
        TIME.replace_all(&answered.text, "<time>").into_owned(),
    )
}

#[test]
fn the_scenario_takes_every_declared_route() {
    let taken: BTreeSet<String> = events().iter().map(|event| Call::of(event).route_key()).collect();
    let routes: BTreeSet<String> = ROUTES.iter().map(ToString::to_string).collect();
    assert_eq!(taken, routes);
}

#[tokio::test]
async fn another_user_can_use_the_same_ids_as_if_nobody_had_them() {
    let service = with_ada().await;
    let hers = items_of(&service, ADA).await;
    assert!(hers.len() > 10, "{}", hers.len());
    assert_alone(&service, "eve").await;
    assert!(items_of(&service, ADA).await == hers, "Ada's items were changed");
}

#[tokio::test]
async fn a_route_answers_a_user_without_data_as_if_no_user_had_data() {
    let (with_ada, without) = (with_ada().await, Service::start().await);
    let hers = items_of(&with_ada, ADA).await;
    let batch = |body: &mut Value| {
        body["portfolios"][0]["portfolio_id"] = json!("main");
        body["portfolios"][1]["portfolio_id"] = json!("trading");
    };
    let mut calls: Vec<Call> = events().iter().map(|event| Call::of(event)).collect();
    calls.push(Call::of("v2-sync-all").with(batch));
    calls.push(Call::of("v2-sync").with(|body| body["base_version"] = json!(9)));
    calls.push(Call::of("v2-sync").with(|body| body["base_lost"] = json!(true)));
    calls.push(Call::of("v1-sync").with(|body| body["client_version"] = json!(9)));
    calls.push(Call::of("v2-read").header("if-none-match", "\"9\""));
    calls.push(Call::of("v1-replace").header("if-match", "\"9\""));
    for (index, call) in calls.into_iter().enumerate() {
        // A new user for each call, so that no earlier call has left data.
        let call = call.by(&format!("eve-{index}"));
        let seen = said(&with_ada.call(call.clone()).await);
        assert_eq!(seen, said(&without.call(call).await));
    }
    assert!(items_of(&with_ada, ADA).await == hers, "Ada's items were changed");
}

#[tokio::test]
async fn users_with_similar_ids_share_nothing() {
    let service = Service::start().await;
    // Each differs only a little from another: a prefix, a continuation, another case, another Unicode form, or an id
    // that would give the same key if the parts of a key were joined by the separator in it.
    let users = [
        "ada",
        "ad",
        "ada1",
        "ADA",
        "ada ",
        "ada/main",
        "ada%23PORTFOLIO%23main",
        "zo\u{eb}",
        "zoe\u{308}",
    ];
    for user in users {
        assert_alone(&service, user).await;
    }
    for user in users {
        let list = service.call(Call::of("v2-list").by(user)).await.json();
        let ids: Vec<_> = list["portfolios"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| &entry["id"])
            .collect();
        assert_eq!(ids, ["main", "trading"], "{user}");
    }
}

#[tokio::test]
async fn an_id_with_a_key_separator_is_refused_everywhere() {
    let service = with_ada().await;
    let list = Call::of("v2-list").by("eve");
    let before = said(&service.call(list.clone()).await);
    for separator in ["#", "~", "/", "\\", "|", ":", " ", "%", "\u{0}", "\n", "*", "\u{ff03}"] {
        let id = format!("main{separator}CHANGE");
        let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        // The id in a path.
        for event in events() {
            let call = Call::of(&event).by("eve");
            let path = call.path();
            if !path.contains("/main") && !path.contains("/phone") {
                continue;
            }
            let path = path
                .replace("/main", &format!("/{encoded}"))
                .replace("/phone", &format!("/{encoded}"));
            let method = call.method();
            let answered = service.call(call.to(method, &path)).await;
            assert_eq!(
                (answered.status, &answered.json()["code"]),
                (400, &json!("malformed")),
                "{event} {path:?}: {}",
                answered.text
            );
        }
        // The id in a body or a query.
        for call in [
            Call::of("v1-create").with(|body| body["id"] = json!(id)),
            Call::of("v1-create").with(|body| body["device_id"] = json!(id)),
            Call::of("v1-sync").with(|body| body["device_id"] = json!(id)),
            Call::of("v2-sync").with(|body| body["device_id"] = json!(id)),
            Call::of("v2-sync").with(|body| body["sync_id"] = json!(id)),
            Call::of("v2-sync-all").with(|body| body["device_id"] = json!(id)),
            Call::of("v2-restore").with(|body| body["device_id"] = json!(id)),
            Call::of("v2-keep-mine").with(|body| body["device_id"] = json!(id)),
            Call::of("v2-sync-status").query(&format!("base_version=1&device_id={encoded}")),
        ] {
            service.assert_refused(call.by("eve"), 400, "malformed").await;
        }
        let call = Call::of("v2-sync-all").by("eve").with(|body| {
            body["portfolios"].as_array_mut().unwrap().truncate(1);
            body["portfolios"][0]["portfolio_id"] = json!(id);
        });
        let answered = service.call(call).await;
        let refused = answered.status == 400 || answered.json()["results"][0]["status"] == 400;
        assert!(refused, "{}", answered.text);
    }
    assert_eq!(said(&service.call(list).await), before);
}

#[tokio::test]
async fn every_route_refuses_a_request_without_the_claims_of_a_jwt_authorizer() {
    let service = with_ada().await;
    let before = service.items().await;
    let claims = |claims: Value| json!({ "jwt": { "claims": claims, "scopes": null } });
    let forged = [
        json!({}),
        json!({ "lambda": { "sub": ADA, "claims": { "sub": ADA } } }),
        json!({ "iam": { "userId": ADA, "callerId": ADA } }),
        claims(json!({})),
        claims(json!({ "sub": "" })),
        claims(json!({ "Sub": ADA, "user_id": ADA, "username": ADA, "cognito:username": ADA })),
        claims(json!({ "sub": format!("{ADA}#PORTFOLIO#main") })),
        claims(json!({ "sub": format!("{ADA}\u{0}") })),
        claims(json!({ "sub": "x".repeat(256) })),
    ];
    for event in events() {
        for authorizer in &forged {
            let call = Call::of(&event)
                .authorized_by(authorizer)
                // A token with {"alg":"none"} and Ada's sub.
                .header(
                    "authorization",
                    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiI1ZjBjNmExZS04ZjBiLTRjNTctOWQ1ZS0yYjdmMGY2YjdhMTEifQ.",
                )
                .header("x-user-id", ADA)
                .header("x-amzn-oidc-identity", ADA)
                .header("cookie", "sub=5f0c6a1e-8f0b-4c57-9d5e-2b7f0f6b7a11");
            let answered = service.call(call).await;
            assert_eq!(
                (answered.status, &answered.json()["code"]),
                (401, &json!("unauthenticated")),
                "{event} {authorizer}: {}",
                answered.text
            );
        }
    }
    assert!(service.items().await == before, "a forged request changed the table");
}

#[tokio::test]
async fn a_user_id_in_a_body_or_a_query_is_ignored() {
    let service = with_ada().await;
    let hers = items_of(&service, ADA).await;
    let naming = |body: &mut Value| {
        for name in ["user", "user_id", "userId", "sub", "owner"] {
            body[name] = json!(ADA);
        }
    };
    let created = service.call(Call::of("v1-create").by("eve").with(naming)).await;
    assert_eq!(
        (created.status, &created.json()["user_id"]),
        (201, &json!("eve")),
        "{}",
        created.text
    );
    let synced = Call::of("v2-sync")
        .by("eve")
        .with(naming)
        .query(&format!("user_id={ADA}&sub={ADA}"));
    assert_eq!(service.call(synced).await.json()["version"], 2);
    let replaced = service
        .call(Call::of("v1-replace").by("eve").without_header("if-match").with(naming))
        .await;
    assert_eq!(
        (replaced.status, &replaced.json()["user_id"]),
        (200, &json!("eve")),
        "{}",
        replaced.text
    );
    assert!(items_of(&service, ADA).await == hers, "Ada's items were changed");
}
