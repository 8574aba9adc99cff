//! Percent-encoding, read strictly (RFC 3986 section 2.1).

use coinolio_core::Error;

/// The text that `encoded` stands for; `name` says in a refusal what it is.
///
/// Refused as malformed: a `%` without two hexadecimal digits, and bytes that are not UTF-8.
pub(super) fn decode(encoded: &str, name: &str) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = (rest.next().and_then(hex), rest.next().and_then(hex));
        let (Some(high), Some(low)) = digits else {
            return Err(refusal(name));
        };
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|_| refusal(name))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn refusal(name: &str) -> Error {
    Error::malformed(format!("{name} is not percent-encoded UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::decode;
    use coinolio_core::Code;

    #[test]
    fn encoded_and_plain_characters_are_the_same_text() {
        assert_eq!(decode("p%2D1%c3%A9é", "id"), Ok("p-1éé".into()));
        assert_eq!(decode("", "id"), Ok(String::new()));
    }

    #[test]
    fn half_an_escape_and_broken_utf8_are_malformed() {
        for text in ["%", "%4", "%zz", "a%+1", "%ff", "%c3"] {
            assert_eq!(decode(text, "id").map_err(|e| e.code), Err(Code::Malformed), "{text}");
        }
    }
}
