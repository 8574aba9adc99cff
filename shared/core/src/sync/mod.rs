//! The engine: the effect of each request on a portfolio's log.
//!
//! Requests are methods of [`Portfolio`](crate::portfolio::Portfolio), one file or folder for each. Requests that
//! concern all of a user's portfolios are functions of [`portfolios`]. Every write goes through one function,
//! `append`.
//!
//! ```
//! use coinolio_core::id::{DeviceId, PortfolioId, UserId};
//! use coinolio_core::json::read;
//! use coinolio_core::log::PortfolioKey;
//! use coinolio_core::portfolio::Portfolio;
//! use coinolio_core::store::MemoryStore;
//! use coinolio_core::sync::Backoff;
//! use coinolio_core::time::Timestamp;
//! use coinolio_core::wire::v2::SyncRequest;
//!
//! /// Gives up after the first beaten append.
//! struct Once;
//!
//! impl Backoff for Once {
//!     async fn wait(&mut self) -> bool {
//!         false
//!     }
//! }
//!
//! let store = MemoryStore::new();
//! let key = PortfolioKey { user: UserId::parse("ada")?, portfolio: PortfolioId::parse("main")? };
//! let portfolio = Portfolio::new(&store, &key);
//! let noon = Timestamp::parse("2026-01-01T12:00:00.000Z")?;
//!
//! // The phone creates the portfolio with its first edit.
//! let request = SyncRequest::from_json(&read(br#"{"device_id": "phone", "sync_id": "s1", "base_version": 0,
//!     "sent_at": "2026-01-01T12:00:00.000Z", "changes": [{"op": "set", "path": ["btc"], "value": "1.0"}]}"#)?)?;
//! let answered = pollster::block_on(portfolio.sync_v2(&mut Once, &request, noon))?;
//! assert_eq!(answered.answer.version, 1);
//!
//! // The answer does not arrive, so the phone sends the same request again. The portfolio stays at version 1.
//! let again = pollster::block_on(portfolio.sync_v2(&mut Once, &request, noon))?;
//! assert_eq!((again.answer.version, again.report.repeated), (1, true));
//! # Ok::<(), coinolio_core::Error>(())
//! ```

mod append;
mod compaction;
mod delta;
mod history;
mod limits;
pub mod portfolios;
mod precondition;
mod ranked;
mod report;
mod status;
mod v1;
mod v2;
mod wipe;

pub use append::Backoff;
pub use compaction::{Compacted, Retention};
pub use history::{ConflictId, DeviceNames};
pub use limits::MAX_DOCUMENT_BYTES;
pub use report::{Answered, Report};
pub use status::{SyncStatus, SyncStatusQuery};
