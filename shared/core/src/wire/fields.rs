//! Reading the members of a request, with errors that name them.

use crate::error::Error;
use crate::id::{DeviceId, PortfolioId, SyncId};
use crate::json::{Object, Value};
use crate::log::{MAX_VERSION, Version};
use crate::time::Timestamp;

/// The longest name of a portfolio or a device, in characters: the directory is read whole, so its entries stay small.
pub const MAX_NAME_LENGTH: usize = 200;

/// The members of an object in a request.
///
/// Unknown members are ignored. An optional member that is `null` counts as absent, because JavaScript clients use them
/// interchangeably. If `null` has a meaning of its own, read the member with [`Self::get`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    members: &'a Object,
    /// The path that precedes a member's name in errors, such as `changes[3].`; empty for the body itself.
    prefix: String,
}

impl<'a> Fields<'a> {
    /// Reads the members of a request's body.
    ///
    /// # Errors
    /// Malformed unless the body is an object.
    pub fn of_body(body: &'a Value) -> Result<Self, Error> {
        let Some(members) = body.as_object() else {
            return Err(Error::malformed("the body must be a JSON object"));
        };
        Ok(Self {
            members,
            prefix: String::new(),
        })
    }

    /// Reads the members of the value at `path`, such as `changes[3]`.
    ///
    /// # Errors
    /// Malformed unless the value is an object.
    pub fn at_path(value: &'a Value, path: &str) -> Result<Self, Error> {
        let Some(members) = value.as_object() else {
            return Err(Error::malformed(format!("{path} must be an object")));
        };
        Ok(Self {
            members,
            prefix: format!("{path}."),
        })
    }

    /// Returns the member as it is, even if it is `null`.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name)
    }

    /// Returns the member if it is present and not `null`.
    pub fn optional(&self, name: &str) -> Option<&'a Value> {
        self.get(name).filter(|value| **value != Value::Null)
    }

    /// Returns the member; malformed if it is absent or `null`.
    pub fn required(&self, name: &str) -> Result<&'a Value, Error> {
        self.optional(name).ok_or_else(|| self.wrong(name, "is required"))
    }

    /// Reads an optional string.
    pub fn optional_string(&self, name: &str) -> Result<Option<&'a str>, Error> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| self.wrong(name, "must be a string"));
        self.optional(name).map(text).transpose()
    }

    /// Reads a required string.
    pub fn string(&self, name: &str) -> Result<&'a str, Error> {
        self.must(name, self.optional_string(name))
    }

    /// Reads an optional version, a whole number from 0 to 2^53 − 1.
    pub fn optional_version(&self, name: &str) -> Result<Option<Version>, Error> {
        let version = |value: &Value| match value {
            Value::Number(number) => number
                .to_i64()
                .and_then(|whole| in_range(Version::try_from(whole).ok()?)),
            _ => None,
        };
        self.optional(name)
            .map(|value| version(value).ok_or_else(|| self.wrong(name, MUST_BE_A_VERSION)))
            .transpose()
    }

    /// Reads a required version.
    pub fn version(&self, name: &str) -> Result<Version, Error> {
        self.must(name, self.optional_version(name))
    }

    /// Reads an optional time; a time without a zone is UTC.
    pub fn optional_time(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        self.parsed(name, Timestamp::parse)
    }

    /// Reads a required time.
    pub fn time(&self, name: &str) -> Result<Timestamp, Error> {
        self.must(name, self.optional_time(name))
    }

    /// Reads an optional boolean.
    pub fn optional_bool(&self, name: &str) -> Result<Option<bool>, Error> {
        let boolean = |value: &Value| match value {
            Value::Bool(value) => Ok(*value),
            _ => Err(self.wrong(name, "must be true or false")),
        };
        self.optional(name).map(boolean).transpose()
    }

    /// Reads an optional list.
    pub fn optional_list(&self, name: &str) -> Result<Option<&'a [Value]>, Error> {
        let list = |value: &'a Value| match value {
            Value::List(elements) => Ok(elements.as_slice()),
            _ => Err(self.wrong(name, "must be a list")),
        };
        self.optional(name).map(list).transpose()
    }

    /// Reads an optional text of 1 to `longest` characters.
    pub fn optional_text(&self, name: &str, longest: usize) -> Result<Option<&'a str>, Error> {
        match self.optional_string(name)? {
            Some(text) if !(1..=longest).contains(&text.chars().count()) => {
                Err(self.wrong(name, &format!("must be 1 to {longest} characters long")))
            }
            text => Ok(text),
        }
    }

    /// Reads the optional name of a portfolio or a device, of 1 to [`MAX_NAME_LENGTH`] characters.
    pub fn optional_name(&self, name: &str) -> Result<Option<&'a str>, Error> {
        self.optional_text(name, MAX_NAME_LENGTH)
    }

    /// Reads a required name.
    pub fn name(&self, name: &str) -> Result<&'a str, Error> {
        self.must(name, self.optional_name(name))
    }

    /// Reads an optional device id.
    pub fn optional_device_id(&self, name: &str) -> Result<Option<DeviceId>, Error> {
        self.parsed(name, DeviceId::parse)
    }

    /// Reads a required device id.
    pub fn device_id(&self, name: &str) -> Result<DeviceId, Error> {
        self.must(name, self.optional_device_id(name))
    }

    /// Reads an optional portfolio id.
    pub fn optional_portfolio_id(&self, name: &str) -> Result<Option<PortfolioId>, Error> {
        self.parsed(name, PortfolioId::parse)
    }

    /// Reads a required portfolio id.
    pub fn portfolio_id(&self, name: &str) -> Result<PortfolioId, Error> {
        self.must(name, self.optional_portfolio_id(name))
    }

    /// Reads a required sync id.
    pub fn sync_id(&self, name: &str) -> Result<SyncId, Error> {
        self.must(name, self.parsed(name, SyncId::parse))
    }

    /// Returns the member's path, by which errors name it, such as `portfolios[3].changes`.
    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Returns the error that the member is wrong: its path, followed by `fault`, such as `is required`.
    pub fn wrong(&self, name: &str, fault: &str) -> Error {
        Error::malformed(format!("{} {fault}", self.path(name)))
    }

    fn must<T>(&self, name: &str, member: Result<Option<T>, Error>) -> Result<T, Error> {
        member?.ok_or_else(|| self.wrong(name, "is required"))
    }

    fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, Error>) -> Result<Option<T>, Error> {
        let text = self.optional_string(name)?;
        text.map(|text| parse(text).map_err(|error| error_at(&self.path(name), error)))
            .transpose()
    }
}

const MUST_BE_A_VERSION: &str = "must be a whole number from 0 to 9007199254740991";

fn in_range(version: Version) -> Option<Version> {
    (version <= MAX_VERSION).then_some(version)
}

/// Adds the `path` of the member at fault to the text of `error`.
pub fn error_at(path: &str, error: Error) -> Error {
    Error {
        detail: format!("{path}: {}", error.detail),
        ..error
    }
}

/// Reads a version from a query parameter or an entity tag: a number from 0 to 2^53 − 1, written only with digits.
pub fn version_from_text(name: &str, text: &str) -> Result<Version, Error> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let version = digits.and_then(|digits| in_range(digits.parse().ok()?));
    version.ok_or_else(|| Error::malformed(format!("{name} {MUST_BE_A_VERSION}")))
}

/// Reads a boolean from a query parameter: `true` or `false`.
pub fn bool_from_text(name: &str, text: &str) -> Result<bool, Error> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::malformed(format!("{name} must be true or false"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, bool_from_text, version_from_text};
    use crate::error::{Code, Error};
    use crate::json::{Value, read};
    use crate::log::MAX_VERSION;

    fn json(text: &str) -> Value {
        read(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
        let error = result.expect_err("the request must be refused");
        assert_eq!(error.code, Code::Malformed);
        error.detail
    }

    #[test]
    fn an_error_names_the_member_by_its_path() {
        let value = json(r#"{"v": 1.5, "t": "yesterday", "d": "a#b", "b": 1, "s": 2, "l": {}}"#);
        let fields = Fields::at_path(&value, "changes[3]").unwrap();
        assert_eq!(
            refused(fields.version("v")),
            "changes[3].v must be a whole number from 0 to 9007199254740991"
        );
        assert!(refused(fields.time("t")).starts_with("changes[3].t: a time must be"));
        assert!(refused(fields.device_id("d")).starts_with("changes[3].d: device_id must be"));
        assert_eq!(refused(fields.optional_bool("b")), "changes[3].b must be true or false");
        assert_eq!(refused(fields.string("s")), "changes[3].s must be a string");
        assert_eq!(refused(fields.optional_list("l")), "changes[3].l must be a list");
        assert_eq!(refused(fields.string("absent")), "changes[3].absent is required");
        assert_eq!(
            refused(Fields::at_path(&json("[]"), "changes[3]")),
            "changes[3] must be an object"
        );
        assert_eq!(refused(Fields::of_body(&json("1"))), "the body must be a JSON object");
    }

    #[test]
    fn null_counts_as_an_absent_member() {
        let value = json(r#"{"name": null}"#);
        let fields = Fields::of_body(&value).unwrap();
        assert_eq!(fields.optional_string("name"), Ok(None));
        assert_eq!(refused(fields.string("name")), "name is required");
        assert_eq!(fields.get("name"), Some(&Value::Null));
    }

    #[test]
    fn a_version_is_a_whole_number_that_every_client_can_represent() {
        let version = |text: &str| Fields::of_body(&json(&format!(r#"{{"v": {text}}}"#))).and_then(|f| f.version("v"));
        assert_eq!(version("0"), Ok(0));
        assert_eq!(version("12.0"), Ok(12));
        assert_eq!(version("9007199254740991"), Ok(MAX_VERSION));
        for text in ["-1", "0.5", "9007199254740992", "1e300", "\"1\"", "true", "[]"] {
            refused(version(text));
        }
        assert_eq!(version_from_text("base_version", "12"), Ok(12));
        for text in ["", "-1", "+1", "1.0", "9007199254740992", "99999999999999999999", "٣"] {
            refused(version_from_text("base_version", text));
        }
    }

    #[test]
    fn a_boolean_in_a_query_is_true_or_false() {
        assert_eq!(bool_from_text("local_changes", "true"), Ok(true));
        assert_eq!(bool_from_text("local_changes", "false"), Ok(false));
        refused(bool_from_text("local_changes", "1"));
    }
}
