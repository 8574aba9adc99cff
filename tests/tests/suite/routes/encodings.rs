//! gzip, for requests and for answers.

use coinolio_tests::service::{Call, Service};
use serde_json::json;

async fn with_a_long_note() -> Service {
    let service = Service::with_portfolio().await;
    let call = Call::of("v2-sync").with(|body| {
        body["changes"] = json!([{"op": "set", "path": ["note"], "value": "long ".repeat(1000)}]);
    });
    assert_eq!(service.call(call).await.status, 200);
    service
}

#[tokio::test]
async fn a_large_answer_is_compressed_for_clients_that_accept_it() {
    let service = with_a_long_note().await;
    let plain = service
        .call(Call::of("v2-read").without_header("accept-encoding"))
        .await;
    assert_eq!(plain.header("content-encoding"), None);
    for accept in ["gzip", "br, gzip;q=0.5", "*"] {
        let packed = service
            .call(Call::of("v2-read").header("accept-encoding", accept))
            .await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{accept}");
        assert_eq!(packed.header("vary"), Some("accept-encoding"), "{accept}");
        assert_eq!(packed.text, plain.text, "{accept}");
    }
    for accept in ["identity", "gzip;q=0", "br"] {
        let answered = service
            .call(Call::of("v2-read").header("accept-encoding", accept))
            .await;
        assert_eq!(answered.header("content-encoding"), None, "{accept}");
        assert_eq!(answered.text, plain.text, "{accept}");
    }
}

#[tokio::test]
async fn a_small_answer_is_not_compressed() {
    let service = Service::with_portfolio().await;
    let answered = service.call(Call::of("v2-sync-status")).await;
    assert_eq!(answered.header("content-encoding"), None);
}

#[tokio::test]
async fn a_compressed_body_has_the_effect_of_the_plain_one() {
    let (plain, packed) = (Service::with_portfolio().await, Service::with_portfolio().await);
    let plain = plain.call(Call::of("v2-sync")).await.json();
    let packed = packed.call(Call::of("v2-sync-gzip")).await.json();
    for member in ["version", "outcome", "changes", "conflicts"] {
        assert_eq!(packed[member], plain[member], "{member}");
    }
}
