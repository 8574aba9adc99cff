//! Entity tags: a portfolio's version, quoted (RFC 9110 sections 8.8.3 and 13.1).

use coinolio_core::log::Version;
use coinolio_core::{Code, Error};

/// The value of `ETag` for a version.
pub fn etag(version: Version) -> String {
    format!("\"{version}\"")
}

/// The tags of an `If-Match` or `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`: any version at all.
    Any,
    /// These versions; tags that are no version of ours are left out, as they match nothing.
    Versions(Vec<Tag>),
}

/// One tag that names a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The version.
    pub version: Version,
    /// True for `W/"…"`.
    pub weak: bool,
}

impl Tags {
    /// Reads a header's value: `*`, or a list of quoted tags; refused as malformed else.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let value = value.trim_matches([' ', '\t']);
        if value == "*" {
            return Ok(Self::Any);
        }
        let mut versions = Vec::new();
        let mut rest = value;
        loop {
            // Empty elements of a list are ignored (RFC 9110 section 5.6.1.2).
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

    /// The comparison of `If-None-Match`: a weak tag counts (RFC 9110 section 13.1.2).
    pub fn match_weakly(&self, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(tags) => tags.iter().any(|tag| tag.version == version),
        }
    }

    /// The comparison of `If-Match`: a weak tag never counts (RFC 9110 section 13.1.1).
    pub fn match_strongly(&self, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(tags) => tags.iter().any(|tag| !tag.weak && tag.version == version),
        }
    }
}

/// Only the canonical decimal form is a tag of ours: `"07"` is another tag than `"7"`.
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
    use super::{Tags, etag};
    use coinolio_core::Code;

    #[test]
    fn a_tag_is_the_quoted_version() {
        assert_eq!(etag(12), "\"12\"");
        assert_eq!(Tags::parse(&etag(12)).map(|tags| tags.match_strongly(12)), Ok(true));
    }

    #[test]
    fn a_list_matches_where_one_of_its_tags_does() {
        for value in ["\"1\", \"12\"", "\"12\",\"1\"", ", \"a,b\" ,\t\"12\" ,", "*", " * "] {
            let tags = Tags::parse(value).unwrap();
            assert!(tags.match_strongly(12) && tags.match_weakly(12), "{value}");
        }
        for value in ["\"1\"", "\"012\"", "\"+12\"", "\"12 \"", "\"\"", "\"abc\"", ","] {
            let tags = Tags::parse(value).unwrap();
            assert!(!tags.match_strongly(12) && !tags.match_weakly(12), "{value}");
        }
    }

    #[test]
    fn a_weak_tag_matches_weakly_only() {
        let tags = Tags::parse("W/\"12\"").unwrap();
        assert!(tags.match_weakly(12));
        assert!(!tags.match_strongly(12));
    }

    #[test]
    fn what_is_no_list_of_tags_is_malformed() {
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
