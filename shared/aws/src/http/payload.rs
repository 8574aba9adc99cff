//! The payload of an invocation, which may or may not be an event of the HTTP API.

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The payload of an invocation, as Lambda passes it.
///
/// Deserializing it never fails. If it did, the runtime library would end the invocation with an unhelpful message.
#[derive(Debug)]
pub struct Payload(Option<Box<RawValue>>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(deserializer).ok()))
    }
}

impl Payload {
    /// Returns the payload's JSON, or `None` if the payload is not JSON.
    pub fn json(&self) -> Option<&str> {
        self.0.as_ref().map(|json| json.get())
    }

    /// Parses the payload as an event of an HTTP API, payload format 2.0.
    ///
    /// Returns `None` for every other payload. The events of REST APIs and load balancers look similar, but their
    /// senders do not understand an answer in the format of HTTP APIs. Consumes the payload to free its memory,
    /// which can be 6 MB.
    pub fn http_event(self) -> Option<ApiGatewayV2httpRequest> {
        // Serde would also read the struct from a JSON array.
        let json = self.json().filter(|json| json.starts_with('{'))?;
        let event: ApiGatewayV2httpRequest = serde_json::from_str(json).ok()?;
        (event.version.as_deref() == Some("2.0")).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::Payload;

    fn is_http_event(payload: &str) -> bool {
        let payload: Payload = serde_json::from_str(payload).unwrap();
        payload.http_event().is_some()
    }

    #[test]
    fn only_format_2_of_the_http_api_is_an_event() {
        let context = r#""requestContext":{"http":{"method":"GET"}}"#;
        assert!(is_http_event(&format!(r#"{{"version":"2.0",{context}}}"#)));
        for other in [
            format!(r#"{{"version":"1.0",{context}}}"#),
            format!("{{{context}}}"),
            format!(r#"["2.0",{{{context}}}]"#),
            "null".to_owned(),
            "{}".to_owned(),
        ] {
            assert!(!is_http_event(&other), "{other}");
        }
    }
}
