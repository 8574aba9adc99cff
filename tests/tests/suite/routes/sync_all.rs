//! `POST /api/v2/sync`: several portfolios at once.

use coinolio_tests::faults::Fault;
use coinolio_tests::service::{Call, Service};
use serde_json::{Value, json};

fn part(portfolio: &str, base: u64, changes: &Value) -> Value {
    json!({"portfolio_id": portfolio, "sync_id": format!("{portfolio}-{base}"), "base_version": base, "changes": changes})
}

fn set(value: impl Into<Value>) -> Value {
    json!([{"op": "set", "path": ["v"], "value": value.into()}])
}

fn batch(parts: Vec<Value>) -> Call {
    Call::of("v2-sync-all").with(move |body| body["portfolios"] = Value::Array(parts))
}

async fn results(service: &Service, call: Call) -> Vec<Value> {
    let answered = service.call(call).await;
    assert_eq!(answered.status, 200, "{}", answered.text);
    answered.json()["results"].as_array().unwrap().clone()
}

fn statuses(results: &[Value]) -> Vec<u64> {
    results
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_batch_creates_edits_and_pulls_25_portfolios_in_the_requests_order() {
    let service = Service::start().await;
    let ids: Vec<String> = (0..25).rev().map(|n| format!("p{n}")).collect();
    for (base, changes) in [(0, set(1)), (1, set(2)), (2, json!([]))] {
        let all = ids.iter().map(|id| part(id, base, &changes)).collect();
        let found = results(&service, batch(all)).await;
        let version = if base < 2 { base + 1 } else { base };
        for (id, result) in ids.iter().zip(&found) {
            assert_eq!((&result["portfolio_id"], &result["status"]), (&json!(id), &json!(200)));
            assert_eq!(result["body"]["version"], json!(version), "{result}");
            assert_eq!(&result["body"]["portfolio_id"], id);
        }
        assert_eq!(found.len(), 25);
    }
    let device = service.call(Call::of("v2-device")).await.json();
    assert_eq!(
        device["acknowledged"],
        json!({}),
        "base 0 acknowledges nothing, and the next registration is due in 15 minutes"
    );
}

#[tokio::test]
async fn a_portfolio_that_fails_does_not_affect_the_others() {
    let service = Service::with_portfolio().await;
    service
        .call(Call::of("v1-create").with(|body| body["id"] = json!("gone")))
        .await;
    service.call(Call::of("v1-delete").about("gone")).await;
    let parts = vec![
        part("none", 3, &json!([])),
        json!(7),
        part("main", 1, &set(1)),
        json!({"portfolio_id": "a/b", "sync_id": "s", "base_version": 0}),
        json!({"portfolio_id": "typed", "sync_id": "s", "base_version": "0"}),
        part("gone", 1, &set(1)),
        json!({"portfolio_id": 5}),
        json!({"portfolio_id": "form", "sync_id": "s", "base_version": 0,
               "changes": [{"op": "set", "path": ["a"], "value": 1}, {"op": "delete", "path": ["a"]}]}),
        part("new", 0, &set(1)),
    ];
    let found = results(&service, batch(parts)).await;
    assert_eq!(statuses(&found), [404, 400, 200, 400, 400, 410, 400, 422, 200]);
    let names: Vec<_> = found.iter().map(|result| result["portfolio_id"].clone()).collect();
    assert_eq!(
        json!(names),
        json!(["none", null, "main", null, "typed", "gone", null, "form", "new"])
    );
    let details: Vec<_> = [1, 3, 4, 7]
        .map(|at: usize| found[at]["problem"]["detail"].as_str().unwrap().to_owned())
        .into();
    for (detail, begin) in details.iter().zip([
        "portfolios[1] must be an object",
        "portfolios[3].portfolio_id: ",
        "portfolios[4].base_version must be",
        "portfolios[7].changes: ",
    ]) {
        assert!(detail.starts_with(begin), "{detail}");
    }
    for result in &found {
        let is_problem = result.get("problem").is_some();
        assert_eq!(
            (result["status"] != 200, is_problem),
            (is_problem, result.get("body").is_none()),
            "{result}"
        );
    }
    assert_eq!(service.call(Call::of("v2-read")).await.json()["document"]["v"], 1);
}

#[tokio::test]
async fn a_batch_that_is_wrong_as_a_whole_changes_nothing() {
    let service = Service::with_portfolio().await;
    let twice = vec![
        part("main", 1, &set(1)),
        part("x", 0, &set(1)),
        part("main", 1, &set(2)),
    ];
    let many = (0..26).map(|n| part(&format!("p{n}"), 0, &set(1))).collect();
    for parts in [twice, many, Vec::new()] {
        service.assert_refused(batch(parts), 422, "invalid").await;
    }
    let good = || vec![part("main", 1, &set(1))];
    for (member, value) in [
        ("portfolios", json!(null)),
        ("portfolios", json!({})),
        ("portfolios", json!("main")),
        ("device_id", json!(null)),
        ("device_id", json!("a b")),
        ("sent_at", json!("yesterday")),
        ("sent_at", json!(5)),
    ] {
        let call = batch(good()).with(|body| body[member] = value);
        service.assert_refused(call, 400, "malformed").await;
    }
    for text in ["", "[]", "7", "{"] {
        service
            .assert_refused(Call::of("v2-sync-all").text(text), 400, "malformed")
            .await;
    }
    service
        .assert_refused(batch(good()).by_nobody(), 401, "unauthenticated")
        .await;
}

#[tokio::test]
async fn a_repeated_batch_is_answered_portfolio_by_portfolio_from_the_log() {
    let service = Service::with_portfolio().await;
    let parts = || {
        vec![
            part("main", 1, &set(1)),
            part("new", 0, &set(1)),
            part("none", 4, &json!([])),
        ]
    };
    let first = results(&service, batch(parts())).await;
    let before = service.items().await;
    assert_eq!(results(&service, batch(parts())).await, first);
    // The same sync outside a batch is a repetition too.
    let alone = Call::of("v2-sync").with(|body| {
        body["sync_id"] = json!("main-1");
        body["changes"] = set(1);
    });
    assert_eq!(service.call(alone).await.json(), first[0]["body"]);
    assert!(service.items().await == before, "the repetition wrote something");
}

#[tokio::test]
async fn a_result_without_room_in_the_answer_can_be_fetched_alone() {
    let service = Service::start().await;
    let (big, small) = (set("x".repeat(2_500_000)), set(1));
    for id in ["a", "b"] {
        let created = batch(vec![part(id, 0, &big)]);
        assert_eq!(statuses(&results(&service, created).await), [200]);
    }
    let mut parts: Vec<_> = ["a", "b"]
        .map(|id| json!({"portfolio_id": id, "sync_id": "pull", "base_version": 0, "changes": small, "name": "n"}))
        .into();
    parts.push(part("c", 0, &small));
    let found = results(&service, batch(parts)).await;
    let sizes: Vec<_> = found.iter().map(|result| result["body"].to_string().len()).collect();
    assert_eq!(statuses(&found), [200, 200, 200], "{sizes:?}");
    let pulls = ["a", "b", "c"].map(|id| json!({"portfolio_id": id, "sync_id": "pull-2", "base_version": 0}));
    let answered = service.call(batch(pulls.to_vec())).await;
    let found = answered.json()["results"].as_array().unwrap().clone();
    // If a result does not fit into the rest of the answer, a smaller one behind it still does.
    assert_eq!(statuses(&found), [200, 413, 200]);
    assert_eq!(found[1]["problem"]["code"], "too_large");
    assert!(found[1]["problem"]["detail"].as_str().unwrap().contains("carried out"));
    let alone = Call::of("v2-sync").about("b").with(|body| {
        body["sync_id"] = json!("pull-2");
        body["base_version"] = json!(0);
        body["changes"] = json!([]);
    });
    let alone = service.call(alone).await;
    assert_eq!(alone.status, 200);
    assert!(alone.text.len() > 2_500_000);
}

#[tokio::test]
async fn a_store_failure_for_one_portfolio_fails_that_one_only() {
    let service = Service::with_portfolio().await;
    let log = service.dynamo.failing_log(|operation, seen| match (operation, seen) {
        ("PutItem", 0) => Fault::Answer(400, "AccessDeniedException"),
        _ => Fault::Serve,
    });
    let failing = service.on(log.await);
    let created = failing
        .call(Call::of("v1-create").with(|body| body["id"] = json!("second")))
        .await;
    assert_eq!(created.status, 201, "{}", created.text);
    let found = results(
        &failing,
        batch(vec![part("main", 1, &set(1)), part("second", 1, &set(1))]),
    )
    .await;
    let mut sorted = statuses(&found);
    sorted.sort_unstable();
    assert_eq!(sorted, [200, 500]);
}
