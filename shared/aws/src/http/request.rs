//! One request, its identity and path checked.

use super::etag::Tags;
use super::query::Query;
use super::{identity, percent, upload};
use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::json::Value;
use coinolio_core::log::{PortfolioKey, Version};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::fields::version_from_text;
use coinolio_core::{Code, Error};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::HeaderMap;
use lambda_http::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

/// A request that has a route and an identity; body, query and conditions are read when asked for.
#[derive(Debug)]
pub struct Request {
    /// Who asks.
    pub user: UserId,
    /// When the request came in, by the function's clock.
    pub received: Timestamp,
    portfolio: Option<PortfolioId>,
    device: Option<DeviceId>,
    /// The path's other parameters, decoded.
    numbers: Vec<(&'static str, String)>,
    query: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Request {
    /// The request of `event`, whose path has `parameters`: the portfolio's `id`, the `device_id`, and numbers; without its
    /// body. `dev_user` asks where no authorizer runs.
    ///
    /// # Errors
    /// Unauthenticated without an identity; malformed for an id that is none, and for a parameter that is not
    /// percent-encoded UTF-8.
    pub(crate) fn new(
        event: &mut ApiGatewayV2httpRequest,
        dev_user: Option<&UserId>,
        parameters: &[(&'static str, &str)],
        received: Timestamp,
    ) -> Result<Self, Error> {
        let user = identity::user(event, dev_user)?;
        let (mut portfolio, mut device) = (None, None);
        let mut numbers = Vec::new();
        for (name, encoded) in parameters {
            match *name {
                "id" => portfolio = Some(PortfolioId::parse(&percent::decode(encoded, "the portfolio id")?)?),
                "device_id" => device = Some(DeviceId::parse(&percent::decode(encoded, "the device id")?)?),
                _ => numbers.push((*name, percent::decode(encoded, name)?)),
            }
        }
        Ok(Self {
            user,
            received,
            portfolio,
            device,
            numbers,
            query: event.raw_query_string.take().unwrap_or_default(),
            headers: event.headers.clone(),
            body: None,
        })
    }

    /// The same request with its body's bytes as they were sent.
    pub(crate) fn with_body(self, body: Option<Vec<u8>>) -> Self {
        Self { body, ..self }
    }

    /// The portfolio that the path names, among the user's own.
    ///
    /// # Errors
    /// Not found where the route names none.
    pub fn key(&self) -> Result<PortfolioKey, Error> {
        let Some(portfolio) = &self.portfolio else {
            return Err(Error::new(Code::NotFound, "the path names no portfolio"));
        };
        Ok(PortfolioKey {
            user: self.user.clone(),
            portfolio: portfolio.clone(),
        })
    }

    /// The device that the path names, among the user's own.
    ///
    /// # Errors
    /// Not found where the route names none.
    pub fn device(&self) -> Result<&DeviceId, Error> {
        let named = self.device.as_ref();
        named.ok_or_else(|| Error::new(Code::NotFound, "the path names no device"))
    }

    /// A whole number in the path, from 0 to 2^53 − 1.
    ///
    /// # Errors
    /// Malformed where it is none; not found where the route has no such parameter.
    pub fn number(&self, name: &str) -> Result<u64, Error> {
        let found = self.numbers.iter().find(|(known, _)| *known == name);
        let (_, text) = found.ok_or_else(|| Error::new(Code::NotFound, format!("the path names no {name}")))?;
        version_from_text(name, text)
    }

    /// The query's parameters.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub fn query(&self) -> Result<Query, Error> {
        Query::parse(&self.query)
    }

    /// Takes the body, a JSON object.
    ///
    /// # Errors
    /// As [`upload::document`].
    pub fn document(&mut self) -> Result<Value, Error> {
        upload::document(&self.headers, self.body.take())
    }

    /// Takes the body, a JSON object, where there is one: no body at all is an object without members.
    ///
    /// # Errors
    /// As [`upload::document`].
    pub fn optional_document(&mut self) -> Result<Value, Error> {
        match self.body.take() {
            None => Ok(Value::empty_object()),
            body => upload::document(&self.headers, body),
        }
    }

    /// The versions that `If-Match` allows; `None` where it is absent or `*`, which any version is.
    ///
    /// # Errors
    /// Malformed where it is neither `*` nor a list of tags: to ignore it would overwrite what it guards.
    pub fn expected(&self) -> Result<Option<Vec<Version>>, Error> {
        let Some(value) = joined(&self.headers, &IF_MATCH) else {
            return Ok(None);
        };
        Ok(match Tags::parse(&value)? {
            Tags::Any => None,
            Tags::Versions(tags) => Some(tags.iter().filter(|tag| !tag.weak).map(|tag| tag.version).collect()),
        })
    }

    /// The versions that `If-None-Match` says the client has.
    pub fn known(&self) -> Vec<Version> {
        match known(&self.headers) {
            Some(Tags::Versions(tags)) => tags.iter().map(|tag| tag.version).collect(),
            _ => Vec::new(),
        }
    }
}

/// `If-None-Match`; one that is not understood is ignored, as the whole answer is never wrong.
pub(super) fn known(headers: &HeaderMap) -> Option<Tags> {
    joined(headers, &IF_NONE_MATCH).and_then(|value| Tags::parse(&value).ok())
}

/// A list header's lines as one (RFC 9110 section 5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

#[cfg(test)]
mod tests {
    use super::Request;
    use coinolio_core::time::Timestamp;
    use coinolio_core::{Code, Error};

    fn request(headers: &str, portfolio: Option<&str>) -> Result<Request, Error> {
        let parameters: Vec<_> = portfolio.map(|id| ("id", id)).into_iter().collect();
        request_with(headers, &parameters)
    }

    fn request_with(headers: &str, parameters: &[(&'static str, &str)]) -> Result<Request, Error> {
        let event = format!(
            r#"{{"headers":{headers},"requestContext":{{"authorizer":{{"jwt":{{"claims":{{"sub":"ada"}}}}}},"http":{{"method":"GET"}}}}}}"#
        );
        let mut event = serde_json::from_str(&event).unwrap();
        Request::new(&mut event, None, parameters, Timestamp::from_millis(0))
    }

    #[test]
    fn the_path_names_one_of_the_users_own_portfolios() {
        for path in ["p-1", "%70-1", "p%2d1"] {
            let key = request("{}", Some(path)).and_then(|request| request.key()).unwrap();
            assert_eq!((key.user.as_str(), key.portfolio.as_str()), ("ada", "p-1"), "{path}");
        }
        let none = request("{}", None).and_then(|request| request.key());
        assert_eq!(none.map_err(|e| e.code), Err(Code::NotFound));
    }

    #[test]
    fn an_id_that_is_none_is_malformed() {
        let long = "a".repeat(65);
        for path in [
            "a%23b", "a#b", "a%2Fb", "..%2Fb", "%2e%2e", "..", ".", "a%20b", "a+b", "%", "%ff", "%00", "é", &long,
        ] {
            let refusal = request("{}", Some(path)).map_err(|e| e.code).err();
            assert_eq!(refusal, Some(Code::Malformed), "{path}");
        }
    }

    #[test]
    fn a_number_in_the_path_is_a_whole_one() {
        let number = |text| request_with("{}", &[("version", text)]).and_then(|request| request.number("version"));
        for (text, read) in [("0", 0), ("12", 12), ("%312", 12), ("9007199254740991", (1 << 53) - 1)] {
            assert_eq!(number(text), Ok(read), "{text}");
        }
        for text in ["-1", "1.0", "+1", "x", "%", "%ff", "9007199254740992", "1e3", " 1", "٣"] {
            assert_eq!(number(text).map_err(|e| e.code), Err(Code::Malformed), "{text}");
        }
        let none = request("{}", None).and_then(|request| request.number("version"));
        assert_eq!(none.map_err(|e| e.code), Err(Code::NotFound));
    }

    #[test]
    fn if_match_allows_the_versions_that_it_names_strongly() {
        let expected = |value: &str| {
            request(&serde_json::json!({ "if-match": value }).to_string(), None).and_then(|r| r.expected())
        };
        assert_eq!(request("{}", None).and_then(|r| r.expected()), Ok(None));
        assert_eq!(expected("*"), Ok(None));
        assert_eq!(expected("\"3\", W/\"4\", \"x\", \"5\""), Ok(Some(vec![3, 5])));
        assert_eq!(expected("\"x\""), Ok(Some(Vec::new())));
        for garbage in ["3", "", "\"3", "é"] {
            assert_eq!(expected(garbage).map_err(|e| e.code), Err(Code::Malformed), "{garbage}");
        }
    }

    #[test]
    fn if_none_match_that_is_not_understood_is_ignored() {
        let known =
            |value: &str| request(&serde_json::json!({ "if-none-match": value }).to_string(), None).map(|r| r.known());
        assert_eq!(known("W/\"3\", \"4\""), Ok(vec![3, 4]));
        assert_eq!(known("4"), Ok(Vec::new()));
    }
}
