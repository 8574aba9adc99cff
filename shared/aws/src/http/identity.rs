//! Who asks.

use coinolio_core::id::UserId;
use coinolio_core::{Code, Error};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;

/// The user that API Gateway's JWT authorizer vouches for: `requestContext.authorizer.jwt.claims.sub`, and
/// nothing else (design section 5). No header, no other claim and no other kind of authorizer counts.
///
/// Where no JWT authorizer has seen the event, under cargo-lambda and `sam local`, it is `dev_user`, the
/// development identity that a deployed function never has. Claims that name nobody stay claims.
///
/// Refused as unauthenticated where there is no such claim or no key can be built from it.
pub fn user(event: &ApiGatewayV2httpRequest, dev_user: Option<&UserId>) -> Result<UserId, Error> {
    let authorizer = event.request_context.authorizer.as_ref();
    match (authorizer.and_then(|authorizer| authorizer.jwt.as_ref()), dev_user) {
        (None, Some(user)) => Ok(user.clone()),
        (jwt, _) => jwt
            .and_then(|jwt| jwt.claims.get("sub"))
            .ok_or_else(|| Error::new(Code::Unauthenticated, "the request carries no verified token"))
            .and_then(|sub| UserId::parse(sub)),
    }
}

#[cfg(test)]
mod tests {
    use super::user;
    use coinolio_core::Code;
    use coinolio_core::id::UserId;
    use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;

    fn event(authorizer: &str) -> ApiGatewayV2httpRequest {
        let text = format!(
            r#"{{"version":"2.0","headers":{{"authorization":"Bearer x","x-user":"ada"}},
                "requestContext":{{"authorizer":{authorizer},"http":{{"method":"GET"}}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_sub_claim_names_the_user() {
        let user = user(
            &event(r#"{"jwt":{"claims":{"sub":"ada","aud":"x"},"scopes":null}}"#),
            None,
        );
        assert_eq!(user.map(|u| u.to_string()), Ok("ada".into()));
    }

    #[test]
    fn without_a_usable_sub_claim_of_the_jwt_authorizer_nobody_asks() {
        for authorizer in [
            "null",
            "{}",
            r#"{"jwt":{"claims":{}}}"#,
            r#"{"jwt":{"claims":{"username":"ada"}}}"#,
            r#"{"jwt":{"claims":{"sub":""}}}"#,
            r#"{"jwt":{"claims":{"sub":"a#PORTFOLIO#b"}}}"#,
            r#"{"lambda":{"sub":"ada"}}"#,
            r#"{"iam":{"userId":"ada"}}"#,
        ] {
            let refusal = user(&event(authorizer), None).map_err(|e| e.code);
            assert_eq!(refusal, Err(Code::Unauthenticated), "{authorizer}");
        }
    }

    #[test]
    fn the_development_identity_asks_only_where_no_authorizer_has_seen_the_event() {
        let dev_user = UserId::parse("dev").unwrap();
        let asks = |authorizer: &str| user(&event(authorizer), Some(&dev_user)).map_err(|e| e.code);
        for authorizer in ["null", "{}", r#"{"iam":{"userId":"ada"}}"#] {
            assert_eq!(asks(authorizer), Ok(dev_user.clone()), "{authorizer}");
        }
        let ada = asks(r#"{"jwt":{"claims":{"sub":"ada"}}}"#);
        assert_eq!(ada.map(|user| user.to_string()), Ok("ada".into()));
        for authorizer in [r#"{"jwt":{"claims":{}}}"#, r##"{"jwt":{"claims":{"sub":"#"}}}"##] {
            assert_eq!(asks(authorizer), Err(Code::Unauthenticated), "{authorizer}");
        }
    }
}
