//! Strict percent-decoding (RFC 3986 section 2.1).

use coinolio_core::Error;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Decodes `encoded`. `name` describes the text in the error message.
///
/// # Errors
/// Returns a malformed error if two hexadecimal digits do not follow a `%`, or if the bytes are not UTF-8.
pub(super) fn decode(encoded: &str, name: &str) -> Result<String, Error> {
    // The crate would leave an invalid escape unchanged.
    if !encoded.split('%').skip(1).all(begins_with_two_digits) {
        return Err(refusal(name));
    }
    let decoded = percent_decode_str(encoded).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| refusal(name))
}

fn begins_with_two_digits(escape: &str) -> bool {
    let digits = escape.as_bytes().get(..2);
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

fn refusal(name: &str) -> Error {
    Error::malformed(format!("{name} is not percent-encoded UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::decode;
    use coinolio_core::Code;

    #[test]
    fn encoded_and_plain_characters_decode_to_the_same_text() {
        assert_eq!(decode("p%2D1%c3%A9é", "id"), Ok("p-1éé".into()));
        assert_eq!(decode("", "id"), Ok(String::new()));
    }

    #[test]
    fn an_incomplete_escape_and_invalid_utf8_are_malformed() {
        for text in ["%", "%4", "%zz", "a%+1", "%ff", "%c3"] {
            assert_eq!(decode(text, "id").map_err(|e| e.code), Err(Code::Malformed), "{text}");
        }
    }
}
