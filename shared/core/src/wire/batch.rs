//! Several portfolios synced by one request (design section 5).

use super::fields::Fields;
use super::v2::SyncRequest;
use crate::error::Error;
use crate::id::{DeviceId, PortfolioId};
use crate::json::Value;
use std::collections::HashSet;

/// The most portfolios of one request.
pub const MAX_PORTFOLIOS: usize = 25;

/// The body of `POST /api/v2/sync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRequest {
    /// The device that asks.
    pub device_id: DeviceId,
    /// The portfolios, in the request's order, each once.
    pub portfolios: Vec<Part>,
}

/// One portfolio of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What the request calls the portfolio, where that could be an id.
    pub named: Option<String>,
    /// The portfolio and its sync, or why it is refused without the others.
    pub sync: Result<(PortfolioId, SyncRequest), Error>,
}

impl BatchRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for members of a wrong type outside the portfolios; invalid for none, more than 25 or one twice. What is
    /// wrong with a single portfolio is no error of the request.
    pub fn from_json(body: &Value) -> Result<Self, Error> {
        let fields = Fields::of_body(body)?;
        let device_id = fields.device_id("device_id")?;
        let sent_at = fields.time("sent_at")?;
        let parts = fields.optional_list("portfolios")?;
        let parts = parts.ok_or_else(|| fields.wrong("portfolios", "is required"))?;
        if !(1..=MAX_PORTFOLIOS).contains(&parts.len()) {
            let count = parts.len();
            return Err(Error::invalid(format!(
                "portfolios must be 1 to {MAX_PORTFOLIOS} portfolios, not {count}"
            )));
        }
        let part = |(index, part): (usize, &Value)| {
            let place = format!("portfolios[{index}]");
            let sync = || {
                let fields = Fields::of(part, &place)?;
                let portfolio = fields.portfolio_id("portfolio_id")?;
                Ok((portfolio, SyncRequest::read(&fields, device_id.clone(), sent_at)?))
            };
            Part {
                named: named(part),
                sync: sync(),
            }
        };
        let portfolios: Vec<Part> = parts.iter().enumerate().map(part).collect();
        let mut seen = HashSet::new();
        for name in portfolios.iter().filter_map(|part| part.named.as_ref()) {
            if !seen.insert(name) {
                return Err(Error::invalid(format!("portfolios holds {name} twice")));
            }
        }
        Ok(Self { device_id, portfolios })
    }
}

/// The portfolio's id as it came, where it is one: nothing else of a request is echoed.
fn named(part: &Value) -> Option<String> {
    let id = part.as_object()?.get("portfolio_id")?.as_str()?;
    PortfolioId::parse(id).is_ok().then(|| id.to_owned())
}
