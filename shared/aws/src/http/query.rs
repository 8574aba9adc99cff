//! The query string.

use super::percent;
use coinolio_core::Error;
use coinolio_core::log::{MAX_VERSION, Version};
use coinolio_core::time::Timestamp;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The parameters of a query string (`application/x-www-form-urlencoded`, WHATWG URL standard section 5).
///
/// Parameters that nobody asks for are ignored; one that is asked for may be given once.
#[derive(Debug, Default)]
pub struct Query {
    parameters: Vec<(String, String)>,
}

impl Query {
    /// Reads `raw`, without its `?`; refused as malformed where it is not percent-encoded UTF-8.
    pub fn parse(raw: &str) -> Result<Self, Error> {
        let parameters = raw
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self { parameters })
    }

    /// The value of `name`, where it is given; refused as malformed where it is given twice.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Error> {
        let mut values = self.parameters.iter().filter(|(given, _)| given == name);
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            Some(_) => Err(Error::malformed(format!("the query names {name} more than once"))),
            None => Ok(value),
        }
    }

    /// The value of `name`; refused as malformed where it is absent or given twice.
    pub fn required(&self, name: &str) -> Result<&str, Error> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// A version: a whole number from 0 to 2^53 − 1 in decimal digits.
    pub fn version(&self, name: &str) -> Result<Option<Version>, Error> {
        self.whole(name, 0..=MAX_VERSION)
    }

    /// A whole number of `range` in decimal digits.
    pub fn whole<N: FromStr + PartialOrd + Display>(
        &self,
        name: &str,
        range: RangeInclusive<N>,
    ) -> Result<Option<N>, Error> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && range.contains(number));
        number.map(Some).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            Error::malformed(format!("{name} must be a whole number from {least} to {most}"))
        })
    }

    /// A version that has to be given: as [`Self::version`].
    pub fn required_version(&self, name: &str) -> Result<Version, Error> {
        self.version(name)?.ok_or_else(|| missing(name))
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.text(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Error::malformed(format!("{name} must be true or false"))),
        }
    }

    /// A time. Apps in the field send the `+` of `+00:00` unescaped, which a form decodes to a space.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let zoned = text.rsplit_once(' ').map(|(time, zone)| format!("{time}+{zone}"));
        Timestamp::parse(text)
            .or_else(|refusal| zoned.map_or(Err(refusal), |zoned| Timestamp::parse(&zoned)))
            .map(Some)
            .map_err(|refusal| Error::malformed(format!("{name}: {}", refusal.detail)))
    }
}

fn decode(text: &str) -> Result<String, Error> {
    percent::decode(&text.replace('+', " "), "the query")
}

fn missing(name: &str) -> Error {
    Error::malformed(format!("the query needs {name}"))
}

#[cfg(test)]
mod tests {
    use super::Query;
    use coinolio_core::Code;
    use coinolio_core::time::Timestamp;

    #[test]
    fn parameters_are_decoded_and_those_that_nobody_asks_for_ignored() {
        let query = Query::parse("a=1+2%263&b&&c=%3D=&a%20b=x").unwrap();
        assert_eq!(query.text("a"), Ok(Some("1 2&3")));
        assert_eq!(query.text("b"), Ok(Some("")));
        assert_eq!(query.text("c"), Ok(Some("==")));
        assert_eq!(query.text("a b"), Ok(Some("x")));
        assert_eq!(query.text("d"), Ok(None));
    }

    #[test]
    fn a_parameter_given_twice_or_missing_is_malformed_when_asked_for() {
        let query = Query::parse("v=1&v=1&w=2").unwrap();
        assert_eq!(query.version("w"), Ok(Some(2)));
        assert_eq!(query.version("v").map_err(|e| e.code), Err(Code::Malformed));
        assert_eq!(query.required("x").map_err(|e| e.code), Err(Code::Malformed));
        assert_eq!(query.required_version("x").map_err(|e| e.code), Err(Code::Malformed));
    }

    #[test]
    fn what_does_not_decode_is_malformed() {
        for raw in ["a=%", "a=%f", "%zz=1", "a=%ff"] {
            assert_eq!(
                Query::parse(raw).map_err(|e| e.code).err(),
                Some(Code::Malformed),
                "{raw}"
            );
        }
    }

    #[test]
    fn a_version_is_a_whole_number_that_a_javascript_client_can_hold() {
        for (raw, version) in [("v=0", 0), ("v=007", 7), ("v=9007199254740991", (1 << 53) - 1)] {
            assert_eq!(Query::parse(raw).unwrap().version("v"), Ok(Some(version)), "{raw}");
        }
        for raw in [
            "v=",
            "v=-1",
            "v=1.0",
            "v=1e3",
            "v=%2B1",
            "v=0x1",
            "v=9007199254740992",
            "v=99999999999999999999999",
            "v=x",
        ] {
            let refusal = Query::parse(raw).unwrap().version("v").map_err(|e| e.code);
            assert_eq!(refusal, Err(Code::Malformed), "{raw}");
        }
    }

    #[test]
    fn a_whole_number_is_within_its_range() {
        let whole = |raw| Query::parse(raw).unwrap().whole("n", 1..=100_u16);
        assert_eq!(whole(""), Ok(None));
        assert_eq!(whole("n=1"), Ok(Some(1)));
        assert_eq!(whole("n=100"), Ok(Some(100)));
        for raw in ["n=0", "n=101", "n=65537", "n=-1", "n=", "n=1.0", "n=x"] {
            let refusal = whole(raw).map_err(|e| e.detail);
            assert_eq!(refusal, Err("n must be a whole number from 1 to 100".into()), "{raw}");
        }
    }

    #[test]
    fn a_boolean_is_true_or_false_and_nothing_else() {
        assert_eq!(Query::parse("b=true").unwrap().boolean("b"), Ok(Some(true)));
        assert_eq!(Query::parse("b=false").unwrap().boolean("b"), Ok(Some(false)));
        for raw in ["b", "b=1", "b=TRUE", "b=yes"] {
            let refusal = Query::parse(raw).unwrap().boolean("b").map_err(|e| e.code);
            assert_eq!(refusal, Err(Code::Malformed), "{raw}");
        }
    }

    #[test]
    fn a_time_may_have_its_plus_sign_unescaped() {
        let noon = Timestamp::parse("2026-01-31T12:00:00Z").unwrap();
        for raw in [
            "t=2026-01-31T12:00:00Z",
            "t=2026-01-31T12:00:00",
            "t=2026-01-31+12:00:00",
            "t=2026-01-31T13:00:00+01:00",
            "t=2026-01-31T13:00:00%2B01:00",
        ] {
            assert_eq!(Query::parse(raw).unwrap().time("t"), Ok(Some(noon)), "{raw}");
        }
        for raw in ["t=", "t=2025-02-29T00:00:00Z", "t=noon", "t=1769860800"] {
            let refusal = Query::parse(raw).unwrap().time("t").map_err(|e| e.code);
            assert_eq!(refusal, Err(Code::Malformed), "{raw}");
        }
    }
}
