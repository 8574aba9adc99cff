//! Numbers as decimal values.

use std::fmt;
use std::hash::{Hash, Hasher};

/// A JSON number, stored as the text that was read.
///
/// Two numbers are equal if their decimal values are equal: `1`, `1.0` and `10e-1` are one value, and
/// `9007199254740993` differs from `9007199254740992` although binary64 cannot tell them apart.
#[derive(Clone)]
pub struct Number(Box<str>);

/// A number's value as `0.d₁d₂… × 10^exponent`.
///
/// The digits neither begin nor end with a zero; zero has no digits.
struct Decimal<'a> {
    negative: bool,
    /// The text from the first to the last significant digit; it may contain the decimal point.
    digits: &'a [u8],
    exponent: i64,
}

impl Decimal<'_> {
    /// Returns the significant digits, in ASCII.
    fn digits(&self) -> impl Iterator<Item = u8> {
        self.digits.iter().copied().filter(|b| *b != b'.')
    }
}

impl Number {
    /// Reads the text of a JSON number (RFC 8259 section 6).
    ///
    /// Returns `None` for a text that is not a JSON number, a number beyond the range of binary64, and an exponent that
    /// does not fit 32 bits. A JavaScript client would read `1e400` as infinity and write it back as `null`.
    pub fn parse(text: &str) -> Option<Self> {
        if !is_json_number(text.as_bytes()) || !text.parse::<f64>().ok()?.is_finite() {
            return None;
        }
        exponent_of(text.as_bytes())?;
        Some(Self(text.into()))
    }

    /// Returns the text that was read.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the nearest binary64, which is how a JavaScript client reads the number.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// Returns the value of a whole number, in whatever notation, or `None` if it has a fraction or does not fit.
    pub fn to_i64(&self) -> Option<i64> {
        if let Ok(plain) = self.0.parse() {
            return Some(plain);
        }
        let decimal = self.decimal();
        let whole = usize::try_from(decimal.exponent).ok()?;
        let count = decimal.digits().count();
        if whole > 19 || count > whole {
            return None;
        }
        let digits = decimal.digits().chain(std::iter::repeat_n(b'0', whole - count));
        let magnitude = digits.fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        i64::try_from(if decimal.negative { -magnitude } else { magnitude }).ok()
    }

    /// Returns true for `exact` itself and for the number that a JavaScript client sends back in its place: the shortest
    /// decimal of the nearest binary64 (ECMA-262 `Number::toString`).
    pub fn is_rounding_of(&self, exact: &Self) -> bool {
        let rounded = exact.to_f64();
        if rounded != self.to_f64() {
            return false;
        }
        self == exact || Self::parse(&format!("{rounded:e}")).is_some_and(|shortest| *self == shortest)
    }

    /// Returns true if a JavaScript client, which reads numbers as binary64, sends the value back unchanged.
    pub fn survives_binary64(&self) -> bool {
        // Every decimal of up to 15 digits survives (`DBL_DIG` in C), so most numbers need no parsing.
        self.0.len() <= 15 && !self.0.contains(['e', 'E'])
            || Self::parse(&format!("{:e}", self.to_f64())).is_some_and(|shortest| *self == shortest)
    }

    fn decimal(&self) -> Decimal<'_> {
        let text = self.0.as_bytes();
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let mantissa_length = unsigned
            .iter()
            .position(|b| matches!(b, b'e' | b'E'))
            .unwrap_or(unsigned.len());
        let mantissa = &unsigned[..mantissa_length];
        let is_significant = |b: &u8| matches!(b, b'1'..=b'9');
        let (Some(first), Some(last)) = (
            mantissa.iter().position(is_significant),
            mantissa.iter().rposition(is_significant),
        ) else {
            return Decimal {
                negative: false,
                digits: &[],
                exponent: 0,
            };
        };
        let point = mantissa.iter().position(|b| *b == b'.').unwrap_or(mantissa.len());
        let distance = |from: usize, to: usize| i64::try_from(to - from).unwrap_or(i64::MAX);
        let shift = if first < point {
            distance(first, point)
        } else {
            -distance(point + 1, first)
        };
        Decimal {
            negative,
            digits: &mantissa[first..=last],
            exponent: exponent_of(text).unwrap_or(0).saturating_add(shift),
        }
    }
}

/// Returns the value of the exponent part (0 without one), or `None` if it does not fit 32 bits.
fn exponent_of(text: &[u8]) -> Option<i64> {
    let Some(at) = text.iter().position(|b| matches!(b, b'e' | b'E')) else {
        return Some(0);
    };
    let exponent: i32 = std::str::from_utf8(&text[at + 1..]).ok()?.parse().ok()?;
    Some(i64::from(exponent))
}

/// Checks `text` against the grammar of RFC 8259 section 6.
fn is_json_number(text: &[u8]) -> bool {
    /// Splits off the leading digits, and returns their number and the rest.
    fn digits(text: &[u8]) -> (usize, &[u8]) {
        let count = text.iter().take_while(|b| b.is_ascii_digit()).count();
        (count, &text[count..])
    }
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, mut rest) = digits(unsigned);
    if whole == 0 || (whole > 1 && unsigned[0] == b'0') {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let (count, after) = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = after;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let unsigned = match exponent {
            [b'+' | b'-', tail @ ..] => tail,
            _ => exponent,
        };
        let (count, after) = digits(unsigned);
        if count == 0 {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        if self.0 == other.0 {
            return true;
        }
        let (a, b) = (self.decimal(), other.decimal());
        a.negative == b.negative && a.exponent == b.exponent && a.digits().eq(b.digits())
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let decimal = self.decimal();
        decimal.negative.hash(state);
        decimal.exponent.hash(state);
        decimal.digits().for_each(|digit| state.write_u8(digit));
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(value.to_string().into())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Number {
    /// Writes the text that was read, through serde_json's raw value.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // An integer's text is canonical except for `-0`, and writing it directly is faster.
        if let Ok(whole) = self.0.parse::<i64>()
            && &*self.0 != "-0"
        {
            return serializer.serialize_i64(whole);
        }
        serde_json::value::RawValue::from_string(self.0.clone().into())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::Number;
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
    }

    #[test]
    fn numbers_are_equal_if_their_decimal_values_are_equal() {
        for (a, b) in [
            ("1", "1.0"),
            ("1", "10e-1"),
            ("100", "1E+2"),
            ("0", "-0.00e7"),
            ("0.5", "5e-1"),
            ("-12.50", "-1.25e1"),
            ("1000", "1e3"),
            ("0.001", "1e-3"),
            ("102", "1.02e2"),
        ] {
            assert_eq!(number(a), number(b), "{a} and {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.1000000000000000055511151231257827"),
            ("12", "1.02e2"),
            ("1", "10"),
            ("0.01", "0.1"),
        ] {
            assert_ne!(number(a), number(b), "{a} and {b}");
        }
    }

    #[test]
    fn numbers_out_of_range_and_texts_that_are_not_json_numbers_are_refused() {
        for text in [
            "1e400",
            "-1e309",
            "1e99999999999",
            "0e99999999999",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "",
            "NaN",
            "1 ",
        ] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_javascript_client_sends_back_the_shortest_decimal_of_the_nearest_binary64() {
        for (sent, exact) in [
            ("9007199254740992", "9007199254740993"),
            ("0.1", "0.1000000000000000055511151231257827"),
            ("0", "1e-400"),
            ("1e21", "1000000000000000000000.4"),
        ] {
            assert!(number(sent).is_rounding_of(&number(exact)), "{sent} for {exact}");
            assert!(!number(exact).survives_binary64(), "{exact}");
        }
        assert!(!number("9007199254740991").is_rounding_of(&number("9007199254740993")));
        assert!(!number("0.10000000000000000555").is_rounding_of(&number("0.1")));
        assert!(number("0.1").survives_binary64() && number("1e21").survives_binary64());
    }

    #[test]
    fn equal_numbers_have_equal_hashes_and_other_numbers_do_not() {
        let hash = |text| BuildHasherDefault::<DefaultHasher>::default().hash_one(number(text));
        assert_eq!(hash("100"), hash("1e2"));
        for other in ["-100", "10", "101", "0"] {
            assert_ne!(hash("100"), hash(other), "{other}");
        }
    }

    #[test]
    fn a_number_shows_the_text_that_was_read() {
        assert_eq!(number("1.50").as_str(), "1.50");
        assert_eq!(format!("{:?}", number("1.50")), "1.50");
    }

    #[test]
    fn whole_numbers_are_read_in_any_notation() {
        for (text, whole) in [
            ("12", Some(12)),
            ("12.0", Some(12)),
            ("1.2e1", Some(12)),
            ("-0", Some(0)),
            ("-1e2", Some(-100)),
            ("1.5", None),
            ("1e30", None),
            ("9.223372036854775807e18", Some(i64::MAX)),
            ("9.223372036854775808e18", None),
            ("-9223372036854775808", Some(i64::MIN)),
        ] {
            assert_eq!(number(text).to_i64(), whole, "{text}");
        }
    }
}
