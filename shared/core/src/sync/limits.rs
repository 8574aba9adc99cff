//! How large and how deep a document may be (design sections 4 and 5).

use super::MAX_DOCUMENT_BYTES;
use crate::error::{Code, Error};
use crate::json::{MAX_DEPTH, Value};

/// Refuses a document that nests too deep (422); `name` is the request's member that holds it.
pub(crate) fn check_depth(document: &Value, name: &str) -> Result<(), Error> {
    if document.depth() > MAX_DEPTH {
        return Err(Error::invalid(format!("{name} is nested deeper than {MAX_DEPTH}")));
    }
    Ok(())
}

/// Refuses a document of `bytes` bytes of compact JSON over the limit (413).
pub(crate) fn check_size(bytes: u64) -> Result<(), Error> {
    if bytes > MAX_DOCUMENT_BYTES {
        return Err(Error::new(
            Code::TooLarge,
            format!("the document would take {bytes} bytes of JSON; the limit is {MAX_DOCUMENT_BYTES}"),
        ));
    }
    Ok(())
}
