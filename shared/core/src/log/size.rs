//! The size of JSON, counted without writing it.

use serde::Serialize;
use std::io;

/// Returns the size of `value` as compact JSON, in bytes.
pub fn json_size<T: Serialize + ?Sized>(value: &T) -> u64 {
    let mut count = Count(0);
    // Counting cannot fail, and every type that this crate serializes can be written as JSON.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

struct Count(u64);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
