//! The precondition of a request: the versions in its `If-Match` (RFC 9110 section 13.1.1).

use crate::error::{Code, Error};
use crate::log::{Change, Version};

/// Refuses the request (412) if it has `expected` versions and the head is none of them.
pub(super) fn check_expected(expected: Option<&[Version]>, head: &Change) -> Result<(), Error> {
    if expected.is_some_and(|expected| !expected.contains(&head.version)) {
        return Err(Error::new(
            Code::PreconditionFailed,
            format!("the portfolio is at version {}", head.version),
        ));
    }
    Ok(())
}
