//! Reading a portfolio with its document.

use super::response;
use crate::error::Error;
use crate::log::Version;
use crate::portfolio::{Portfolio, Window};
use crate::store::Store;
use crate::sync::report::{Answered, Report};
use crate::wire::v1::PortfolioResponse;
use crate::wire::v2::PortfolioRead;
use futures_util::future::try_join;
use std::sync::Arc;

/// The result of a v2 read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The client has this version already.
    Known(Version),
    /// The document.
    Document(Box<PortfolioRead>),
}

impl<S: Store> Portfolio<'_, S> {
    /// Reads the portfolio with its document, as v1 clients see it.
    ///
    /// # Errors
    /// Not found; deleted.
    pub async fn read_v1(self) -> Result<Answered<PortfolioResponse>, Error> {
        let (name, mut window) = try_join(self.name(), Window::read_newest(self, 1)).await?;
        let head = window.living_head()?.clone();
        let document = window.document_at(head.version).await?;
        let report = Report::of_read(&document);
        let answer = response(self.key, name, &head, document);
        Ok(Answered { answer, report })
    }

    /// Reads the portfolio's document at `version`, or the newest without one. Does not read a document if its
    /// version is among the `known` ones, which the client has.
    ///
    /// # Errors
    /// Not found, also for a version that the portfolio never had; deleted; base expired for a version that retention
    /// has removed.
    pub async fn read_v2(self, version: Option<Version>, known: &[Version]) -> Result<Answered<Reading>, Error> {
        let window = async {
            match version {
                Some(version) => Window::read_since(self, version).await,
                None => Window::read_newest(self, 1).await,
            }
        };
        let (name, mut window) = try_join(self.name(), window).await?;
        let head = window.living_head()?.clone();
        let change = match version {
            None => head,
            Some(version) => window.change_of(version).await?,
        };
        if known.contains(&change.version) {
            return Ok(Answered {
                answer: Reading::Known(change.version),
                report: Report::default(),
            });
        }
        let document = window.document_at(change.version).await?;
        let report = Report::of_read(&document);
        let answer = Reading::Document(Box::new(PortfolioRead {
            portfolio_id: self.key.portfolio.clone(),
            name,
            version: change.version,
            last_sync_at: change.last_sync_at,
            last_sync_device: change.device_id,
            document: Arc::unwrap_or_clone(document),
        }));
        Ok(Answered { answer, report })
    }
}
