//! Observing the changes that operations make.

use crate::algebra::path::Token;
use crate::json::Value;

/// Is told of each value that an operation alters.
pub(crate) trait Observer {
    /// Whether it does anything. If it does not, what only it needs is not computed.
    const IS_ACTIVE: bool = true;

    /// The operation with the number `op` turns `before`, the value at `path`, into `after`; `None` means absent.
    fn altered(&mut self, path: &[&Token], op: usize, before: Option<&Value>, after: Option<&Value>);

    /// The operation with the number `op` changes the order of the elements of the list at `path`.
    fn reordered(&mut self, path: &[&Token], op: usize);
}

/// Ignores every change.
pub(super) struct Unobserved;

impl Observer for Unobserved {
    const IS_ACTIVE: bool = false;

    fn altered(&mut self, _: &[&Token], _: usize, _: Option<&Value>, _: Option<&Value>) {}

    fn reordered(&mut self, _: &[&Token], _: usize) {}
}
