//! The merge algebra: paths and operations, and how two devices' changes become one document.
//!
//! [`diff`] finds the operations that turn one document into another, [`apply`] runs them, and [`merge`] combines two
//! documents that were made from the same base ([`merge_without_base`] if the base has expired). All of it is pure: a
//! result depends on nothing but the arguments. `docs/MERGE.md` states the rules and the laws.
//!
//! # Example
//!
//! The phone and the tablet both edit a portfolio while they are offline. Both set `btc`, which is a conflict; only the
//! tablet sets `eth`.
//!
//! ```
//! use coinolio_core::algebra::{Authored, Authors, Ranks, Rule, Stamp, Winner, apply, diff, merge};
//! use coinolio_core::id::DeviceId;
//! use coinolio_core::json::read;
//! use coinolio_core::time::Timestamp;
//!
//! let base = read(br#"{"btc": "1.0", "eth": "10"}"#)?;
//! let by_phone = read(br#"{"btc": "1.5", "eth": "10"}"#)?;
//! let by_tablet = read(br#"{"btc": "2.0", "eth": "12"}"#)?;
//!
//! // Records which values of the base an edit altered, by whom and when.
//! let authors_of = |device: &DeviceId, edited, at| {
//!     let ops = diff(&base, edited);
//!     let unknown = Stamp { device_id: None, at: Timestamp::from_millis(0) };
//!     let (mut document, mut authors) = (base.clone(), Authors::new(unknown));
//!     authors.record(&mut document, Some(device), ops.iter().map(|op| (op, at)));
//!     assert_eq!(document, *edited);
//!     authors
//! };
//! let (phone, tablet) = (DeviceId::parse("phone")?, DeviceId::parse("tablet")?);
//! let phone_authors = authors_of(&phone, &by_phone, Timestamp::from_millis(1_000));
//! let tablet_authors = authors_of(&tablet, &by_tablet, Timestamp::from_millis(2_000));
//!
//! // The phone has synced first, so the server has its document. Now the tablet syncs.
//! let server = Authored { document: &by_phone, authors: &phone_authors };
//! let client = Authored { document: &by_tablet, authors: &tablet_authors };
//! let merged = merge(&base, server, client, Some(&tablet), &Ranks::new());
//!
//! assert_eq!(merged.document, by_tablet);
//! let [conflict] = &merged.conflicts[..] else { panic!("one conflict") };
//! assert_eq!(conflict.path.dotted(), "btc");
//! assert_eq!((conflict.winner, conflict.rule), (Winner::Client, Rule::Newest));
//! assert_eq!(conflict.server.value, Some("1.5".into()));
//!
//! // The patch brings the phone up to date.
//! let mut on_phone = by_phone.clone();
//! apply(&mut on_phone, &diff(&by_phone, &merged.document));
//! assert_eq!(on_phone, merged.document);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alignment;
mod apply;
mod authors;
mod conflict;
mod diff;
mod document_index;
mod list_kind;
mod merge;
mod name_form;
mod names;
mod patch;
mod path;
mod squash;
mod without_base;

pub use apply::apply;
pub(crate) use apply::{Observer, apply_observed};
pub use authors::{Authored, Authors, Stamp};
pub use conflict::{Conflict, Ranks, Rule, Side, Winner};
pub use diff::diff;
pub(crate) use document_index::DocumentIndex;
pub use list_kind::ListKind;
pub use merge::{Merged, merge};
pub use patch::{Op, Position, check_patch};
pub use path::{IdentityField, Path, Token};
pub use squash::squash;
pub use without_base::{MergedWithoutBase, merge_without_base};
