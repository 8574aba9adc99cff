//! JSON values whose numbers keep their decimal value, and a strict reader for them.

mod number;
mod read;
mod value;

pub use number::Number;
pub use read::{ReadError, read};
pub use value::{Object, Value};

/// The deepest document, and the deepest place an operation may write: path plus value (design section 4).
pub const MAX_DEPTH: usize = 64;
