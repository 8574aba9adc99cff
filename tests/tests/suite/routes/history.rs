//! `GET /api/v2/portfolios/{id}/history` and `…/compare`.

use coinolio_tests::service::{Call, Service};
use serde_json::{Value, json};

fn versions(page: &Value) -> Vec<u64> {
    let changes = page["changes"].as_array().unwrap();
    changes
        .iter()
        .map(|change| change["version"].as_u64().unwrap())
        .collect()
}

/// Starts a service whose portfolio has versions 1 to `versions`. Each but the first adds a member.
async fn long(versions: u64) -> Service {
    let service = Service::with_portfolio().await;
    for base in 1..versions {
        let name = format!("n{}", base + 1);
        let call = Call::of("v2-sync").with(|body| {
            body["base_version"] = json!(base);
            body["sync_id"] = json!(name);
            body["changes"] = json!([{"op": "set", "path": [name], "value": "secret"}]);
        });
        assert_eq!(service.call(call).await.status, 200);
    }
    service
}

#[tokio::test]
async fn a_history_is_read_page_by_page_from_the_newest_change_on() {
    let service = long(53).await;
    let first = service.call(Call::of("v2-history").query("")).await;
    assert_eq!((first.status, first.header("etag")), (200, None), "{}", first.text);
    assert!(
        !first.text.contains("secret"),
        "a summary contains no value: {}",
        first.text
    );
    let page = first.json();
    assert_eq!(versions(&page), (4..=53).rev().collect::<Vec<_>>());
    assert_eq!(page["next_before"], 4);
    assert_eq!(page["changes"][0]["summary"], "added n53");
    let last = service.call(Call::of("v2-history").query("before=4")).await.json();
    assert_eq!((versions(&last), &last["next_before"]), (vec![3, 2, 1], &json!(null)));
    assert_eq!(last["changes"][2]["summary"], "created the portfolio");
    let most = service.call(Call::of("v2-history").query("limit=100")).await.json();
    assert_eq!((versions(&most).len(), &most["next_before"]), (53, &json!(null)));
}

#[tokio::test]
async fn a_made_up_cursor_is_a_position_and_one_that_is_not_a_version_is_malformed() {
    let service = long(3).await;
    for (query, expected) in [
        ("before=0", vec![]),
        ("before=1", vec![]),
        ("before=3&limit=1", vec![2]),
        ("before=9007199254740991", vec![3, 2, 1]),
        ("limit=1", vec![3]),
    ] {
        let page = service.call(Call::of("v2-history").query(query)).await.json();
        assert_eq!(versions(&page), expected, "{query}");
    }
    for query in [
        "before=",
        "before=x",
        "before=-1",
        "before=1.5",
        "before=9007199254740992",
        "before=1&before=2",
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=65537",
        "limit=ten",
        "limit=",
    ] {
        service
            .assert_refused(Call::of("v2-history").query(query), 400, "malformed")
            .await;
    }
}

#[tokio::test]
async fn a_comparison_of_two_versions_is_a_patch() {
    let service = long(3).await;
    let compared = service.call(Call::of("v2-compare").query("from=1&to=3")).await;
    assert_eq!(compared.status, 200, "{}", compared.text);
    let set = |name: &str| json!({"op": "set", "path": [name], "value": "secret"});
    assert_eq!(
        compared.json(),
        json!({"portfolio_id": "main", "from": 1, "to": 3, "changes": [set("n2"), set("n3")]})
    );
    let back = service.call(Call::of("v2-compare").query("from=3&to=2")).await.json();
    assert_eq!(back["changes"], json!([{"op": "delete", "path": ["n3"]}]));
    let whole = service.call(Call::of("v2-compare").query("from=0&to=1")).await.json();
    assert_eq!(whole["changes"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_comparison_accepts_only_versions_that_the_portfolio_has() {
    let service = long(2).await;
    for query in ["from=1&to=3", "from=3&to=1", "from=0&to=9007199254740991"] {
        let refused = service
            .assert_refused(Call::of("v2-compare").query(query), 404, "not_found")
            .await;
        // A read of the version is refused in the same words if the portfolio never had it.
        let read = Call::of("v2-read").query(&format!(
            "version={}",
            if query.contains('3') { "3" } else { "9007199254740991" }
        ));
        let read = service.assert_refused(read, 404, "not_found").await;
        assert_eq!(refused.json()["detail"], read.json()["detail"], "{query}");
    }
    for query in [
        "",
        "from=1",
        "to=1",
        "from=&to=1",
        "from=x&to=1",
        "from=1&to=-1",
        "from=1&from=1&to=1",
    ] {
        service
            .assert_refused(Call::of("v2-compare").query(query), 400, "malformed")
            .await;
    }
}

#[tokio::test]
async fn a_history_shows_a_device_by_the_name_that_its_user_gave_it() {
    let service = Service::with_portfolio().await;
    let name = async || {
        let page = service.call(Call::of("v2-history").query("")).await.json();
        assert_eq!(page["changes"][0]["device_id"], "phone", "{page}");
        page["changes"][0]["device_name"].clone()
    };
    assert_eq!(name().await, Value::Null);
    assert_eq!(service.call(Call::of("v2-describe-device").by("eve")).await.status, 201);
    assert_eq!(name().await, Value::Null, "the name of another user's device");
    assert_eq!(service.call(Call::of("v2-describe-device")).await.status, 201);
    assert_eq!(name().await, "Ada's phone");
}
