//! The merge algebra (design section 4): what a place in a document is, what changes there, and how
//! two devices' changes become one document.
//!
//! All of it is pure: the outcome depends on nothing but the arguments.

mod apply;
mod authors;
mod diff;
mod line;
mod list;
mod lost;
mod merge;
mod patch;
mod path;
mod places;

pub use apply::apply;
pub(crate) use apply::{Observer, apply_observed};
pub use authors::{Authors, Stamp};
pub use diff::diff;
pub use list::ListKind;
pub use lost::{Settled, settle};
pub use merge::{Conflict, Device, Merged, Ranks, Rule, Side, Winner, merge};
pub use patch::{Op, Place, check_patch};
pub use path::{IdentityField, Path, Token};
pub(crate) use places::Places;
