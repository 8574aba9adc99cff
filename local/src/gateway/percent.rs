//! Percent-decoding (RFC 3986 section 2.1). Bytes that are not UTF-8 become U+FFFD.

/// Decodes `text`. A `%` without two hexadecimal digits after it stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(digit(*high) << 4 | digit(*low));
                rest = after;
            }
            (byte, after) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Decodes one name or value of a query string, in which a `+` is a space.
pub(super) fn decode_query(text: &str) -> String {
    decode(&text.replace('+', " "))
}

fn digit(hexadecimal: u8) -> u8 {
    match hexadecimal {
        b'0'..=b'9' => hexadecimal - b'0',
        letter => (letter | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_query};

    #[test]
    fn escapes_are_decoded_and_all_other_text_stays() {
        for (text, decoded) in [
            ("", ""),
            ("plain", "plain"),
            ("a%2Fb%2fc", "a/b/c"),
            ("%C3%BC", "ü"),
            ("100%", "100%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%ff", "\u{fffd}"),
            ("%25%32%35", "%25"),
        ] {
            assert_eq!(decode(text), decoded, "{text}");
        }
        assert_eq!(decode("a+b"), "a+b");
        assert_eq!(decode_query("a+b%2B"), "a b+");
    }
}
