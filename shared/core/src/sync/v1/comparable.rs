//! Making a v1 client's document comparable with the one that it was made from.

use super::{metadata, rounding};
use crate::json::Value;

/// Gives `sent` the numbers of `original` that JavaScript rounded, and the members that the client never saw.
///
/// After that, a difference between the two is an edit.
pub(in crate::sync) fn make_comparable(sent: &mut Value, original: &Value) {
    rounding::restore(sent, original);
    metadata::restore_service_members(sent, original);
}
