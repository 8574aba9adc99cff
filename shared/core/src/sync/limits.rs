//! The limits of a document: its size and its depth (docs/PROTOCOL.md).

use crate::error::{Code, Error};
use crate::json::{MAX_DEPTH, Value};

/// The largest document, in bytes of compact JSON: 6 MB, the limit of AsyncStorage on Android.
pub const MAX_DOCUMENT_BYTES: u64 = 6 * 1024 * 1024;

/// Refuses a document that nests too deep (422); `name` is the member of the request that contains it.
pub(crate) fn check_depth(document: &Value, name: &str) -> Result<(), Error> {
    if document.depth() > MAX_DEPTH {
        return Err(Error::invalid(format!("{name} nests deeper than {MAX_DEPTH} levels")));
    }
    Ok(())
}

/// Refuses a document of `bytes` bytes of compact JSON if they exceed the limit (413).
pub(crate) fn check_size(bytes: u64) -> Result<(), Error> {
    if bytes > MAX_DOCUMENT_BYTES {
        return Err(Error::new(
            Code::TooLarge,
            format!("the document would have {bytes} bytes of JSON; the limit is {MAX_DOCUMENT_BYTES}"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_depth, check_size};
    use crate::error::Code;
    use crate::json::read;

    #[test]
    fn a_document_may_have_6_mb_and_not_one_byte_more() {
        assert_eq!(check_size(6_291_456), Ok(()));
        let refused = check_size(6_291_457).unwrap_err();
        assert_eq!(refused.code, Code::TooLarge);
        assert!(refused.detail.contains("6291457") && refused.detail.contains("6291456"));
    }

    #[test]
    fn a_document_may_nest_64_levels_deep_and_no_deeper() {
        let nested = |depth: usize| read(("[".repeat(depth) + &"]".repeat(depth)).as_bytes()).unwrap();
        assert_eq!(check_depth(&nested(64), "data"), Ok(()));
        let refused = check_depth(&nested(65), "data").unwrap_err();
        assert_eq!(
            (refused.code, refused.detail.as_str()),
            (Code::Invalid, "data nests deeper than 64 levels")
        );
    }
}
