//! Tokens: issued for any local user, and verified as API Gateway's JWT authorizer does.
//!
//! Source of the checks: "Control access to HTTP APIs with JWT authorizers in API Gateway", AWS
//! documentation. The one difference is the algorithm: API Gateway takes RSA keys that an identity
//! provider publishes, this machine has one secret and so HMAC-SHA-256.

use crate::secret::Secret;
use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Who issues local tokens: the `iss` claim.
pub const ISSUER: &str = "https://coinolio.local";

/// Whom they are for: the `aud` claim.
pub const AUDIENCE: &str = "coinolio-sync";

/// How long a token is good for: a working week and the days around it, since nothing renews it.
pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A verified token's claims, every value as a string, as API Gateway hands them to a function.
pub type Claims = BTreeMap<String, String>;

/// Issues and verifies the tokens of one checkout.
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    rules: Validation,
}

impl Tokens {
    /// The tokens that `secret` signs.
    pub fn new(secret: &Secret) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = 0;
        // At the second of `exp` itself the token is over (RFC 7519 section 4.1.4).
        rules.reject_tokens_expiring_in_less_than = 1;
        rules.validate_nbf = true;
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss"]);
        // The audience is checked below: API Gateway lets `client_id` stand in for it.
        rules.validate_aud = false;
        Self {
            signing: EncodingKey::from_secret(secret.bytes()),
            verifying: DecodingKey::from_secret(secret.bytes()),
            rules,
        }
    }

    /// A token for `user`, good from now on for [`LIFETIME`].
    pub fn issue(&self, user: &str) -> Result<String, Error> {
        let now = seconds(SystemTime::now());
        self.sign(&serde_json::json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "iat": now,
            "nbf": now,
            "exp": now.saturating_add(LIFETIME.as_secs()),
        }))
    }

    /// A token with exactly these claims: whether it is any good is for [`Tokens::verify`] to say.
    pub fn sign(&self, claims: &Value) -> Result<String, Error> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.signing)
    }

    /// The claims of `token`, or `None` where the authorizer refuses it.
    ///
    /// Refused are: another algorithm than ours, `none` included; a wrong signature; an `exp` that has
    /// come or is missing; an `nbf` or `iat` to come; another `iss`; an `aud` that does not name us or,
    /// without `aud`, such a `client_id`. A missing `sub` is not the authorizer's business.
    pub fn verify(&self, token: &str) -> Option<Claims> {
        let claims: Map<String, Value> = jsonwebtoken::decode(token, &self.verifying, &self.rules).ok()?.claims;
        let issued_in_the_future = claims
            .get("iat")
            .is_some_and(|iat| iat.as_f64().is_none_or(|iat| iat > seconds(SystemTime::now()) as f64));
        let ours = match claims.get("aud") {
            Some(Value::Array(audiences)) => audiences.iter().any(|audience| audience == AUDIENCE),
            Some(audience) => audience == AUDIENCE,
            None => claims.get("client_id").is_some_and(|client| client == AUDIENCE),
        };
        (ours && !issued_in_the_future).then(|| claims.into_iter().map(|(name, value)| (name, text(&value))).collect())
    }
}

/// A claim's value as API Gateway writes it: a list stands in brackets, its members apart by a space.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(members) => {
            let members: Vec<String> = members.iter().map(text).collect();
            format!("[{}]", members.join(" "))
        }
        other => other.to_string(),
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::{AUDIENCE, ISSUER, Tokens, seconds};
    use crate::secret::Secret;
    use serde_json::{Value, json};
    use std::time::SystemTime;

    fn tokens() -> Tokens {
        let folder = tempfile::tempdir().unwrap();
        Tokens::new(&Secret::of(folder.path()).unwrap())
    }

    /// Good claims with `changes` laid over them; `null` takes a claim away.
    fn claims(changes: &Value) -> Value {
        let now = seconds(SystemTime::now());
        let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 60});
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        claims
    }

    #[test]
    fn an_issued_token_is_accepted_and_names_its_user() {
        let tokens = tokens();
        let claims = tokens.verify(&tokens.issue("ann").unwrap()).unwrap();
        assert_eq!(claims["sub"], "ann");
        assert_eq!(claims["aud"], AUDIENCE);
        let lifetime = claims["exp"].parse::<u64>().unwrap() - claims["iat"].parse::<u64>().unwrap();
        assert_eq!(lifetime, 7 * 24 * 3600);
    }

    #[test]
    fn what_the_authorizer_documents_as_refused_is_refused() {
        let now = seconds(SystemTime::now());
        let tokens = tokens();
        for changes in [
            json!({"exp": now - 1}),
            json!({"exp": now}),
            json!({"exp": null}),
            json!({"exp": "tomorrow"}),
            json!({"nbf": now + 60}),
            json!({"iat": now + 60}),
            json!({"iat": "now"}),
            json!({"iss": null}),
            json!({"iss": "https://elsewhere.example"}),
            json!({"aud": "another"}),
            json!({"aud": ["another", "third"]}),
            json!({"aud": []}),
            json!({"aud": null}),
            json!({"aud": null, "client_id": "another"}),
            json!({"aud": "another", "client_id": AUDIENCE}),
        ] {
            let token = tokens.sign(&claims(&changes)).unwrap();
            assert_eq!(tokens.verify(&token), None, "{changes}");
        }
    }

    #[test]
    fn what_the_authorizer_documents_as_accepted_is_accepted() {
        let tokens = tokens();
        for changes in [
            json!({}),
            json!({"aud": ["another", AUDIENCE]}),
            json!({"aud": null, "client_id": AUDIENCE}),
            json!({"iat": null}),
            json!({"sub": null}),
            json!({"nbf": 1}),
        ] {
            let token = tokens.sign(&claims(&changes)).unwrap();
            assert!(tokens.verify(&token).is_some(), "{changes}");
        }
    }

    #[test]
    fn a_token_of_another_secret_or_without_one_is_refused() {
        use base64::Engine;
        let (tokens, others) = (tokens(), self::tokens());
        assert_eq!(tokens.verify(&others.issue("ann").unwrap()), None);

        let encode = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
        let body = encode(&claims(&json!({})));
        for algorithm in ["none", "None", "NONE", "HS384", "RS256"] {
            let header = encode(&json!({"alg": algorithm, "typ": "JWT"}));
            assert_eq!(tokens.verify(&format!("{header}.{body}.")), None, "{algorithm}");
            assert_eq!(tokens.verify(&format!("{header}.{body}")), None, "{algorithm}");
        }
        let signature = tokens.issue("ann").unwrap();
        let signature = signature.rsplit('.').next().unwrap();
        let header = encode(&json!({"alg": "HS256", "typ": "JWT"}));
        assert_eq!(tokens.verify(&format!("{header}.{body}.{signature}")), None);
        for garbage in ["", ".", "..", "a.b.c", "\u{e9}"] {
            assert_eq!(tokens.verify(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn claims_become_strings_as_api_gateway_writes_them() {
        let tokens = tokens();
        let token = tokens
            .sign(&claims(
                &json!({"groups": ["a", "b"], "admin": true, "level": 3, "address": {"city": "Bonn"}}),
            ))
            .unwrap();
        let claims = tokens.verify(&token).unwrap();
        assert_eq!(claims["groups"], "[a b]");
        assert_eq!(claims["admin"], "true");
        assert_eq!(claims["level"], "3");
        assert_eq!(claims["address"], r#"{"city":"Bonn"}"#);
    }
}
