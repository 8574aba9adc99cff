//! Entity tags: a portfolio's version, quoted (RFC 9110 sections 8.8.3 and 13.1).

use coinolio_core::log::Version;
use coinolio_core::{Code, Error};

/// Returns the value of `ETag` for a version.
pub fn etag(version: Version) -> String {
    format!("\"{version}\"")
}

/// The tags in an `If-Match` or `If-None-Match` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`: any version.
    Any,
    /// These versions. Tags that are not versions are omitted, because they match nothing.
    Versions(Vec<Tag>),
}

/// A tag that names a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The version.
    pub version: Version,
    /// True for `W/"…"`.
    pub weak: bool,
}

impl Tags {
    /// Parses a header's value: `*`, or a list of quoted tags.
    ///
    /// # Errors
    /// Returns a malformed error if the value is neither.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let value = value.trim_matches([' ', '\t']);
        if value == "*" {
            return Ok(Self::Any);
        }
        let mut versions = Vec::new();
        let mut rest = value;
        loop {
            // A recipient ignores empty elements of a list (RFC 9110 section 5.6.1.2).
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let weak = rest.strip_prefix("W/");
            let (opaque, after) = weak
                .unwrap_or(rest)
                .strip_prefix('"')
                .and_then(|quoted| quoted.split_once('"'))
                .ok_or_else(malformed)?;
            versions.extend(version(opaque).map(|version| Tag {
                version,
                weak: weak.is_some(),
            }));
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(malformed());
            }
        }
        if value.is_empty() {
            return Err(malformed());
        }
        Ok(Self::Versions(versions))
    }

    /// Returns true if a tag matches `version` as in `If-None-Match`, for which weak tags count (RFC 9110 section
    /// 13.1.2).
    pub fn match_weakly(&self, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(tags) => tags.iter().any(|tag| tag.version == version),
        }
    }
}

/// Parses a version in canonical decimal form. `"07"` and `"7"` are different tags, and `"07"` is not a version.
fn version(opaque: &str) -> Option<Version> {
    let version: Version = opaque.parse().ok()?;
    (version.to_string() == opaque).then_some(version)
}

fn malformed() -> Error {
    Error::new(
        Code::Malformed,
        "If-Match must be * or a list of quoted versions such as \"12\"",
    )
}

#[cfg(test)]
mod tests {
    use super::{Tag, Tags, etag};
    use coinolio_core::Code;

    #[test]
    fn a_tag_is_the_quoted_version() {
        assert_eq!(etag(12), "\"12\"");
        let tag = Tag {
            version: 12,
            weak: false,
        };
        assert_eq!(Tags::parse(&etag(12)), Ok(Tags::Versions(vec![tag])));
    }

    #[test]
    fn a_list_matches_if_one_of_its_tags_matches() {
        for value in [
            "\"1\", \"12\"",
            "\"12\",\"1\"",
            ", \"a,b\" ,\t\"12\" ,",
            "*",
            " * ",
            "W/\"12\"",
        ] {
            assert!(Tags::parse(value).unwrap().match_weakly(12), "{value}");
        }
        for value in ["\"1\"", "\"012\"", "\"+12\"", "\"12 \"", "\"\"", "\"abc\"", ","] {
            assert!(!Tags::parse(value).unwrap().match_weakly(12), "{value}");
        }
    }

    #[test]
    fn a_weak_tag_is_read_as_weak() {
        let tag = Tag {
            version: 12,
            weak: true,
        };
        assert_eq!(Tags::parse("W/\"12\""), Ok(Tags::Versions(vec![tag])));
    }

    #[test]
    fn a_value_that_is_not_a_list_of_tags_is_malformed() {
        for value in [
            "",
            " ",
            "12",
            "\"12",
            "12\"",
            "\"12\" \"13\"",
            "w/\"12\"",
            "*, \"12\"",
            "\"1\"x",
        ] {
            assert_eq!(Tags::parse(value).map_err(|e| e.code), Err(Code::Malformed), "{value}");
        }
    }
}
