//! Syncs of several portfolios in one request (docs/PROTOCOL.md).

use super::fields::Fields;
use super::v2::SyncRequest;
use crate::error::Error;
use crate::id::{DeviceId, PortfolioId};
use crate::json::Value;
use std::collections::HashSet;

/// How many portfolios one request may sync.
pub const MAX_PORTFOLIOS: usize = 25;

/// The body of `POST /api/v2/sync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRequest {
    /// The device that syncs.
    pub device_id: DeviceId,
    /// The portfolios, each at most once, in the order of the request.
    pub portfolios: Vec<Part>,
}

/// One portfolio of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The portfolio's id as the request gives it, if it is a valid id.
    pub named: Option<String>,
    /// The portfolio and its sync, or the error for which only this portfolio is refused.
    pub sync: Result<(PortfolioId, SyncRequest), Error>,
}

impl BatchRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for a missing member outside the portfolios or one of the wrong type; invalid (422) for no portfolios,
    /// more than 25, or the same one twice. An error in a single portfolio refuses only that portfolio.
    pub fn from_json(body: &Value) -> Result<Self, Error> {
        let fields = Fields::of_body(body)?;
        let device_id = fields.device_id("device_id")?;
        let sent_at = fields.time("sent_at")?;
        let parts = fields.optional_list("portfolios")?;
        let parts = parts.ok_or_else(|| fields.wrong("portfolios", "is required"))?;
        if !(1..=MAX_PORTFOLIOS).contains(&parts.len()) {
            let count = parts.len();
            return Err(Error::invalid(format!(
                "portfolios must contain 1 to {MAX_PORTFOLIOS} portfolios, not {count}"
            )));
        }
        let part = |(index, part): (usize, &Value)| {
            let path = format!("portfolios[{index}]");
            let sync = || {
                let fields = Fields::at_path(part, &path)?;
                let portfolio = fields.portfolio_id("portfolio_id")?;
                Ok((portfolio, SyncRequest::read(&fields, device_id.clone(), sent_at)?))
            };
            Part {
                named: valid_id(part),
                sync: sync(),
            }
        };
        let portfolios: Vec<Part> = parts.iter().enumerate().map(part).collect();
        let mut seen = HashSet::new();
        for name in portfolios.iter().filter_map(|part| part.named.as_ref()) {
            if !seen.insert(name) {
                return Err(Error::invalid(format!("portfolios contains {name} twice")));
            }
        }
        Ok(Self { device_id, portfolios })
    }
}

/// Returns the portfolio's id as sent, if it is valid: the answer echoes nothing else of the request.
fn valid_id(part: &Value) -> Option<String> {
    let id = part.as_object()?.get("portfolio_id")?.as_str()?;
    PortfolioId::parse(id).is_ok().then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{BatchRequest, MAX_PORTFOLIOS};
    use crate::error::{Code, Error};
    use crate::json::read;

    fn batch(portfolios: &str) -> Result<BatchRequest, Error> {
        let body = format!(r#"{{"device_id":"phone","sent_at":"2026-01-31T12:00:00.000Z","portfolios":{portfolios}}}"#);
        BatchRequest::from_json(&read(body.as_bytes()).unwrap())
    }

    fn part(id: &str) -> String {
        format!(r#"{{"portfolio_id":"{id}","sync_id":"s","base_version":0,"changes":[]}}"#)
    }

    fn parts(count: usize) -> String {
        let parts: Vec<String> = (0..count).map(|number| part(&format!("p{number}"))).collect();
        format!("[{}]", parts.join(","))
    }

    fn refused(portfolios: &str) -> (Code, String) {
        let error = batch(portfolios).unwrap_err();
        (error.code, error.detail)
    }

    #[test]
    fn each_portfolio_of_a_batch_has_a_base_of_its_own_or_rejoins() {
        let portfolios = r#"[{"portfolio_id":"a","sync_id":"s","base_version":3,"base_at":"2026-01-31T11:00:00.000Z"},
            {"portfolio_id":"b","sync_id":"s","rejoin":true,"document":{"x":1}},
            {"portfolio_id":"c","sync_id":"s","base_version":3,"rejoin":true,"document":{}}]"#;
        let [a, b, c] = &batch(portfolios).unwrap().portfolios[..] else {
            panic!("three portfolios");
        };
        let (_, a) = a.sync.as_ref().unwrap();
        assert_eq!(a.base_at.unwrap().to_string(), "2026-01-31T11:00:00.000Z");
        let (_, b) = b.sync.as_ref().unwrap();
        assert!(b.rejoin.is_some() && b.base_at.is_none());
        let refused = c.sync.as_ref().unwrap_err();
        assert_eq!(
            refused.detail,
            "portfolios[2].base_version cannot be combined with rejoin"
        );
    }

    #[test]
    fn a_batch_has_1_to_25_portfolios_in_the_order_of_the_request() {
        for count in [1, 2, MAX_PORTFOLIOS] {
            let batch = batch(&parts(count)).unwrap();
            assert_eq!(batch.device_id.as_str(), "phone");
            let names = batch.portfolios.iter().map(|part| part.named.as_deref().unwrap());
            assert!(names.eq((0..count).map(|number| format!("p{number}"))));
            for part in batch.portfolios {
                let (portfolio, sync) = part.sync.unwrap();
                assert_eq!(part.named.as_deref(), Some(portfolio.as_str()));
                assert_eq!(sync.device_id.as_str(), "phone");
            }
        }
        for (portfolios, count) in [("[]".to_owned(), 0), (parts(26), 26)] {
            let detail = format!("portfolios must contain 1 to 25 portfolios, not {count}");
            assert_eq!(refused(&portfolios), (Code::Invalid, detail));
        }
        assert_eq!(refused("null"), (Code::Malformed, "portfolios is required".to_owned()));
        assert_eq!(refused("{}"), (Code::Malformed, "portfolios must be a list".to_owned()));
    }

    #[test]
    fn a_portfolio_that_occurs_twice_refuses_the_whole_request() {
        let twice = format!("[{},{},{}]", part("a"), part("b"), part("a"));
        assert_eq!(
            refused(&twice),
            (Code::Invalid, "portfolios contains a twice".to_owned())
        );
    }

    #[test]
    fn an_error_in_one_portfolio_does_not_refuse_the_others() {
        let mixed = format!(
            r#"[{},7,{},{{"portfolio_id":"c"}},{}]"#,
            part("a"),
            part("x#y"),
            part("x#y")
        );
        let parts = batch(&mixed).unwrap().portfolios;
        let named: Vec<_> = parts.iter().map(|part| part.named.as_deref()).collect();
        assert_eq!(named, [Some("a"), None, None, Some("c"), None]);
        let errors: Vec<_> = parts.into_iter().filter_map(|part| part.sync.err()).collect();
        assert_eq!(errors[0].detail, "portfolios[1] must be an object");
        assert!(
            errors[1]
                .detail
                .starts_with("portfolios[2].portfolio_id: a portfolio id must be")
        );
        assert_eq!(errors[2].detail, "portfolios[3].sync_id is required");
        assert_eq!(errors.len(), 4);
    }
}
