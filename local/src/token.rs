//! Tokens: issued for any local user, and verified as API Gateway's JWT authorizer does.
//!
//! Source of the checks: "Control access to HTTP APIs with JWT authorizers in API Gateway", AWS
//! documentation. Only the algorithm differs: API Gateway uses RSA keys that an identity provider publishes;
//! local servers share one secret and use HMAC-SHA-256.

use crate::secret::Secret;
use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Issuer of local tokens: their `iss` claim.
pub const ISSUER: &str = "https://coinolio.local";

/// Audience of local tokens: their `aud` claim.
pub const AUDIENCE: &str = "coinolio-sync";

/// How long a token is valid: a week, because nothing renews it.
pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The claims of a verified token. Every value is a string, as API Gateway passes them to a function.
pub type Claims = BTreeMap<String, String>;

/// Issues and verifies the tokens of one checkout.
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    rules: Validation,
}

impl Tokens {
    /// Creates the issuer and verifier of the tokens that `secret` signs.
    pub fn new(secret: &Secret) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = 0;
        // In the second that `exp` names, the token has already expired (RFC 7519 section 4.1.4).
        rules.reject_tokens_expiring_in_less_than = 1;
        rules.validate_nbf = true;
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss"]);
        // `verify` checks the audience itself, because API Gateway accepts `client_id` in its place.
        rules.validate_aud = false;
        Self {
            signing: EncodingKey::from_secret(secret.bytes()),
            verifying: DecodingKey::from_secret(secret.bytes()),
            rules,
        }
    }

    /// Issues a token for `user`, valid from now on for [`LIFETIME`].
    ///
    /// # Errors
    /// Fails if the token cannot be signed.
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

    /// Signs a token with exactly these claims, whether or not [`Tokens::verify`] accepts them.
    ///
    /// # Errors
    /// Fails if the token cannot be signed.
    pub fn sign(&self, claims: &Value) -> Result<String, Error> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.signing)
    }

    /// Returns the claims of `token`, or `None` if the authorizer refuses it.
    ///
    /// It refuses a token if
    /// - the algorithm is not HS256 (`none` included) or the signature is wrong;
    /// - `exp` is missing or has passed;
    /// - `nbf` or `iat` is in the future;
    /// - `iss` is missing or names another issuer;
    /// - `aud` does not name this service or, if there is no `aud`, `client_id` does not.
    ///
    /// It accepts a token without `sub`: the functions refuse that.
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

/// Formats a claim's value as API Gateway does: a list in brackets, its members separated by spaces.
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

    /// Returns valid claims, changed by `changes`; `null` removes a claim.
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
    fn the_verifier_refuses_claims_that_api_gateway_documents_as_refused() {
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
    fn the_verifier_accepts_claims_that_api_gateway_documents_as_accepted() {
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
    fn a_token_that_is_unsigned_or_signed_with_another_secret_is_refused() {
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
