//! Applying operations.

use super::patch::Op;
use crate::json::Value;

/// Applies `ops` to `document`, in order.
pub fn apply<'a>(document: &mut Value, ops: impl IntoIterator<Item = &'a Op>) {
    let _ = (document, ops.into_iter().count());
    unimplemented!()
}
