//! A strict JSON reader.
//!
//! Every number retains its text. Duplicate members and deep nesting are refused.

use super::{MAX_DEPTH, Number, Object, Value};
use crate::error::Error;
use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType, Peek};

/// The most levels of objects and lists that a body may nest: the deepest document, inside a request that wraps it in a
/// few levels more (`portfolios`, one of them, its `changes`, an operation, its `value`).
const MAX_BODY_DEPTH: usize = MAX_DEPTH + 6;

/// Why a text is refused, and the line and column of the error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The bytes are not JSON in UTF-8 (RFC 8259).
    #[error("not JSON: {0}")]
    NotJson(String),
    /// An object has two members of the same name.
    #[error("an object has two members of the same name at {0}")]
    DuplicateMember(String),
    /// A number is beyond the range of binary64, or its exponent does not fit 32 bits.
    #[error("a number is out of range at {0}: it must fit binary64, and its exponent 32 bits")]
    NumberOutOfRange(String),
    /// A `\u` escape is half of a surrogate pair, which does not encode a character.
    #[error("a string contains half of a surrogate pair at {0}")]
    LoneSurrogate(String),
    /// Objects and lists nest deeper than any request needs.
    #[error("objects and lists nest deeper than {MAX_BODY_DEPTH} levels at {0}")]
    TooDeep(String),
}

impl From<ReadError> for Error {
    /// Bytes that are not JSON are malformed; JSON that the service refuses is invalid.
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotJson(_) => Self::malformed(error.to_string()),
            _ => Self::invalid(error.to_string()),
        }
    }
}

/// Reads one JSON text.
///
/// # Errors
/// Refuses bytes that are not JSON in UTF-8, duplicate members, numbers out of range, half surrogate pairs, and more
/// than 70 levels of objects and lists, as many as a request with the deepest document needs.
pub fn read(text: &[u8]) -> Result<Value, ReadError> {
    read_located(text).map_err(|located| located.error)
}

/// Reads one JSON text as [`read`] does. An error tells the value that contains it.
///
/// # Errors
/// Those of [`read`].
pub fn read_located(text: &[u8]) -> Result<Value, Box<Located>> {
    let mut reader = Reader {
        jiter: Jiter::new(text),
    };
    let read = reader.whole();
    read.map_err(|mut located| {
        // The innermost step was added first.
        located.location.reverse();
        located
    })
}

/// A refused text, and the value that contains the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The reason.
    pub error: ReadError,
    /// The steps from the text's outermost value to the innermost one that contains the error.
    pub location: Vec<Step>,
}

/// A step from a value into one that it contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the member of this name.
    Member(Box<str>),
    /// To the element at this position, from 0.
    Element(usize),
}

impl Located {
    /// Adds the step by which the reader had gone to the value at fault.
    fn inside(mut self: Box<Self>, step: Step) -> Box<Self> {
        self.location.push(step);
        self
    }
}

impl From<ReadError> for Box<Located> {
    fn from(error: ReadError) -> Self {
        Self::new(Located {
            error,
            location: Vec::new(),
        })
    }
}

struct Reader<'j> {
    jiter: Jiter<'j>,
}

impl Reader<'_> {
    fn whole(&mut self) -> Result<Value, Box<Located>> {
        let peek = self.jiter.peek().map_err(|e| self.error(&e))?;
        let value = self.value(peek, 0)?;
        self.jiter.finish().map_err(|e| self.error(&e))?;
        Ok(value)
    }

    fn value(&mut self, peek: Peek, depth: usize) -> Result<Value, Box<Located>> {
        match peek {
            Peek::Null => self
                .jiter
                .known_null()
                .map(|()| Value::Null)
                .map_err(|e| self.error(&e)),
            Peek::True | Peek::False => self.jiter.known_bool(peek).map(Value::Bool).map_err(|e| self.error(&e)),
            Peek::String => match self.jiter.known_str() {
                Ok(text) => Ok(Value::String(text.into())),
                Err(e) => Err(self.error(&e)),
            },
            Peek::Array => self.list(depth + 1),
            Peek::Object => self.object(depth + 1),
            _ => self.number(peek),
        }
    }

    fn number(&mut self, peek: Peek) -> Result<Value, Box<Located>> {
        let number = match self.jiter.known_number_bytes(peek) {
            Ok(bytes) => std::str::from_utf8(bytes).ok().and_then(Number::parse),
            Err(e) => return Err(self.error(&e)),
        };
        number
            .map(Value::Number)
            .ok_or_else(|| ReadError::NumberOutOfRange(self.position()).into())
    }

    fn list(&mut self, depth: usize) -> Result<Value, Box<Located>> {
        self.check_depth(depth)?;
        let mut elements = Vec::new();
        let mut next = self.jiter.known_array();
        loop {
            match next {
                Ok(Some(peek)) => {
                    let element = self.value(peek, depth);
                    elements.push(element.map_err(|e| e.inside(Step::Element(elements.len())))?);
                }
                Ok(None) => return Ok(Value::List(elements)),
                Err(e) => return Err(self.error(&e)),
            }
            next = self.jiter.array_step();
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Box<Located>> {
        self.check_depth(depth)?;
        let mut members = Object::new();
        let mut next = self.jiter.known_object().map(|name| name.map(Box::<str>::from));
        loop {
            let name = match next {
                Ok(Some(name)) => name,
                Ok(None) => return Ok(Value::Object(members)),
                Err(e) => return Err(self.error(&e)),
            };
            let peek = self.jiter.peek().map_err(|e| self.error(&e))?;
            let value = match self.value(peek, depth) {
                Ok(value) => value,
                Err(e) => return Err(e.inside(Step::Member(name))),
            };
            if members.insert(name, value).is_some() {
                return Err(ReadError::DuplicateMember(self.position()).into());
            }
            next = self.jiter.next_key().map(|name| name.map(Box::<str>::from));
        }
    }

    fn check_depth(&self, depth: usize) -> Result<(), Box<Located>> {
        if depth > MAX_BODY_DEPTH {
            return Err(ReadError::TooDeep(self.position()).into());
        }
        Ok(())
    }

    fn position(&self) -> String {
        self.jiter.current_position().to_string()
    }

    fn error(&self, error: &JiterError) -> Box<Located> {
        let position = self.jiter.error_position(error.index).to_string();
        let error = match &error.error_type {
            JiterErrorType::JsonError(
                JsonErrorType::LoneLeadingSurrogateInHexEscape | JsonErrorType::UnexpectedEndOfHexEscape,
            ) => ReadError::LoneSurrogate(position),
            JiterErrorType::JsonError(kind) => ReadError::NotJson(format!("{kind} at {position}")),
            JiterErrorType::WrongType { .. } => ReadError::NotJson(format!("unexpected value at {position}")),
        };
        error.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{ReadError, Step, read, read_located};
    use crate::error::{Code, Error};

    #[test]
    fn numbers_are_written_as_they_were_read() {
        let text = br#"{"a":[1,1.50,-0,1e2,9007199254740993,0.1000000000000000055511151231257827],"b":{"":null,"\u00e9\ud83d\ude00":true}}"#;
        let written = read(text).map(|value| value.to_json()).unwrap_or_default();
        assert_eq!(
            String::from_utf8_lossy(&written),
            "{\"a\":[1,1.50,-0,1e2,9007199254740993,0.1000000000000000055511151231257827],\"b\":{\"\":null,\"é😀\":true}}"
        );
    }

    #[test]
    fn a_member_named_like_a_private_marker_of_serde_json_is_data() {
        for text in [
            r#"{"$serde_json::private::Number":"1"}"#,
            r#"{"$serde_json::private::RawValue":"[1"}"#,
        ] {
            assert_eq!(read(text.as_bytes()).map(|v| v.to_json()), Ok(text.as_bytes().to_vec()));
        }
    }

    #[test]
    fn the_reader_tells_bytes_that_are_not_json_from_json_that_it_refuses() {
        for text in [
            &b""[..],
            b"{",
            b"[1,]",
            b"{\"a\" 1}",
            b"nul",
            b"01",
            b"1.",
            b"\"\x01\"",
            b"\"\xff\"",
            b"1 2",
            b"NaN",
            b"-Infinity",
            b"'a'",
            b"\xef\xbb\xbf{}",
        ] {
            assert!(
                matches!(read(text), Err(ReadError::NotJson(_))),
                "{:?} gave {:?}",
                String::from_utf8_lossy(text),
                read(text)
            );
        }
        assert!(matches!(
            read(br#"{"a":1,"b":{"a":1,"a":2}}"#),
            Err(ReadError::DuplicateMember(_))
        ));
        assert!(matches!(read(b"[1e400]"), Err(ReadError::NumberOutOfRange(_))));
        for text in [
            r#""\ud800""#,
            r#""\ud800x""#,
            r#""\udc00""#,
            r#""\ud800\ud800""#,
            r#""\ud800\n""#,
        ] {
            assert!(
                matches!(read(text.as_bytes()), Err(ReadError::LoneSurrogate(_))),
                "{text} gave {:?}",
                read(text.as_bytes())
            );
        }
        let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
        assert!(matches!(read(&deep), Err(ReadError::TooDeep(_))));
    }

    #[test]
    fn a_body_may_nest_70_levels_so_that_a_document_of_64_fits_into_any_request() {
        let lists = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let objects = |depth: usize| r#"{"a":"#.repeat(depth - 1) + "{}" + &"}".repeat(depth - 1);
        for text in [lists(70), objects(70)] {
            assert_eq!(read(text.as_bytes()).map(|value| value.depth()), Ok(70));
        }
        for text in [lists(71), objects(71)] {
            assert!(matches!(read(text.as_bytes()), Err(ReadError::TooDeep(_))));
        }
    }

    #[test]
    fn an_error_tells_the_value_that_contains_it() {
        let step = |name: &str| Step::Member(name.into());
        for (text, location) in [
            ("[1e400", vec![Step::Element(0)]),
            (
                r#"{"a":[0,{"b":"\ud800"}]}"#,
                vec![step("a"), Step::Element(1), step("b")],
            ),
            (r#"{"a":[0,{"\ud800":1}]}"#, vec![step("a"), Step::Element(1)]),
            (r#"{"a":{"b":1,"b":2}}"#, vec![step("a")]),
            (r#"{"a":1} 2"#, vec![]),
        ] {
            let located = read_located(text.as_bytes()).unwrap_err();
            assert_eq!(located.location, location, "{text}");
            assert_eq!(read(text.as_bytes()), Err(located.error));
        }
    }

    #[test]
    fn an_error_has_its_code_and_names_line_and_column() {
        for (text, code, detail) in [
            (
                "[\n 1,\n]",
                Code::Malformed,
                "not JSON: trailing comma at line 3 column 1",
            ),
            (
                r#"{"a":1,"a":2}"#,
                Code::Invalid,
                "an object has two members of the same name at line 1 column 13",
            ),
            (
                "[1e400]",
                Code::Invalid,
                "a number is out of range at line 1 column 7: it must fit binary64, and its exponent 32 bits",
            ),
            (
                r#"["\ud800"]"#,
                Code::Invalid,
                "a string contains half of a surrogate pair at line 1 column 9",
            ),
        ] {
            let error = Error::from(read(text.as_bytes()).unwrap_err());
            assert_eq!((error.code, error.detail.as_str()), (code, detail), "{text}");
        }
    }
}
