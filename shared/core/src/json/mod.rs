//! JSON values whose numbers retain their decimal value, and a strict reader.
//!
//! # Example
//!
//! ```
//! use coinolio_core::json::{ReadError, Value, read};
//!
//! // Binary64 cannot tell these two numbers apart.
//! let document = read(br#"{"amount": 9007199254740993}"#)?;
//! let other = read(br#"{"amount": 9007199254740992}"#)?;
//! assert_ne!(document, other);
//! assert_eq!(document.to_json(), br#"{"amount":9007199254740993}"#);
//!
//! // The notation of a number does not matter, but it is retained.
//! let value = read(b"1.50")?;
//! assert_eq!(value, read(b"15e-1")?);
//! assert_eq!(value.to_json(), b"1.50");
//!
//! // Which of two members of the same name a client means is anybody's guess.
//! assert!(matches!(read(br#"{"a": 1, "a": 2}"#), Err(ReadError::DuplicateMember(_))));
//! # Ok::<(), ReadError>(())
//! ```

mod number;
mod read;
mod value;

pub use number::Number;
pub use read::{Located, ReadError, Step, read, read_located};
pub use value::{Object, Value};

/// The most levels of objects and lists that a document may nest, and the most that an operation may write: the tokens
/// of its path plus the levels of its value.
pub const MAX_DEPTH: usize = 64;
