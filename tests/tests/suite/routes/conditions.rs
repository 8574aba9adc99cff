//! `ETag`, `If-None-Match` and `If-Match`.

use coinolio_tests::service::{Call, Service};

#[tokio::test]
async fn a_read_is_304_without_a_body_if_the_client_has_the_version() {
    let service = Service::with_portfolio().await;
    for event in ["v1-read", "v2-read", "v2-read-version"] {
        for tags in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
            let answered = service.call(Call::of(event).header("if-none-match", tags)).await;
            assert_eq!((answered.status, answered.text.as_str()), (304, ""), "{event} {tags}");
            assert_eq!(answered.header("etag"), Some("\"1\""), "{event} {tags}");
        }
        for tags in ["\"2\"", "1", "\"01\""] {
            let answered = service.call(Call::of(event).header("if-none-match", tags)).await;
            assert_eq!(answered.status, 200, "{event} {tags}");
        }
    }
}

#[tokio::test]
async fn a_put_that_expects_another_version_changes_nothing() {
    let service = Service::with_portfolio().await;
    for tags in ["\"2\"", "W/\"1\"", "\"x\"", "\"0\", \"2\""] {
        let call = Call::of("v1-replace").header("if-match", tags);
        service.assert_refused(call, 412, "precondition_failed").await;
    }
    for garbage in ["1", "", "\"1", "\"1\" \"2\""] {
        let call = Call::of("v1-replace").header("if-match", garbage);
        service.assert_refused(call, 400, "malformed").await;
    }
    let replaced = service
        .call(Call::of("v1-replace").header("if-match", "\"9\", \"1\""))
        .await;
    assert_eq!((replaced.status, replaced.header("etag")), (200, Some("\"2\"")));
    let any = service.call(Call::of("v1-replace").header("if-match", "*")).await;
    assert_eq!(any.status, 200, "{}", any.text);
}

#[tokio::test]
async fn a_restore_that_expects_another_version_changes_nothing() {
    let service = Service::with_portfolio().await;
    service.call(Call::of("v2-sync")).await;
    let restore = || Call::of("v2-restore").with(|body| body["version"] = 1.into());
    for tags in ["\"1\"", "W/\"2\"", "\"x\""] {
        service
            .assert_refused(restore().header("if-match", tags), 412, "precondition_failed")
            .await;
    }
    service
        .assert_refused(restore().header("if-match", "2"), 400, "malformed")
        .await;
    let restored = service.call(restore().header("if-match", "\"2\"")).await;
    assert_eq!((restored.status, restored.header("etag")), (200, Some("\"3\"")));
    // A repetition expects version 2, which is no longer the head.
    let again = restore().header("if-match", "\"2\"");
    service.assert_refused(again, 412, "precondition_failed").await;
}

#[tokio::test]
async fn every_answer_is_marked_no_store() {
    let service = Service::with_portfolio().await;
    for event in ["v1-read", "v2-read", "v2-list", "v1-sync-status", "v2-sync"] {
        let answered = service.call(Call::of(event)).await;
        assert_eq!(answered.header("cache-control"), Some("no-store"), "{event}");
    }
}
