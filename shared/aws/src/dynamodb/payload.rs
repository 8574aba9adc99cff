//! Bytes made smaller, and the checksums that prove them whole.

use sha2::{Digest, Sha256};
use std::io;

/// The most bytes that a payload may decompress to: far above the largest document (6 MB, design section
/// 5) and a patch with both values of every conflict in it, far below a function's memory.
pub(super) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// zstd's own default: the higher levels save a few percent of a chunk and cost a multiple of the time.
const LEVEL: i32 = 3;

/// Compresses `plain`, refused where it could not be read back.
pub(super) fn compress(plain: &[u8]) -> io::Result<Vec<u8>> {
    if plain.len() > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{} bytes are more than the {MAX_BYTES} that an item may hold",
                plain.len()
            ),
        ));
    }
    zstd::bulk::compress(plain, LEVEL)
}

/// Decompresses to exactly `size` bytes; never allocates more than [`MAX_BYTES`], whatever the data say.
pub(super) fn decompress(compressed: &[u8], size: usize) -> Result<Vec<u8>, String> {
    if size > MAX_BYTES {
        return Err(format!(
            "{size} bytes are more than the {MAX_BYTES} that an item may hold"
        ));
    }
    let plain = zstd::bulk::decompress(compressed, size).map_err(|error| format!("does not decompress: {error}"))?;
    if plain.len() != size {
        return Err(format!("holds {} bytes where it says {size}", plain.len()));
    }
    Ok(plain)
}

/// SHA-256 of stored bytes.
pub(super) fn checksum(stored: &[u8]) -> [u8; 32] {
    Sha256::digest(stored).into()
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, compress, decompress};

    #[test]
    fn what_is_compressed_comes_back_only_at_its_exact_size() {
        let plain = b"{\"a\":1}".repeat(1000);
        let compressed = compress(&plain).unwrap();
        assert!(compressed.len() < plain.len() / 10);
        assert_eq!(decompress(&compressed, plain.len()), Ok(plain.clone()));
        for wrong in [0, 1, plain.len() - 1, plain.len() + 1, MAX_BYTES + 1, usize::MAX] {
            assert!(decompress(&compressed, wrong).is_err(), "{wrong}");
        }
        assert!(decompress(&compressed[..compressed.len() - 1], plain.len()).is_err());
        assert!(decompress(b"", 8).is_err() && decompress(b"not zstd", 8).is_err());
    }

    #[test]
    fn a_small_input_cannot_ask_for_more_memory_than_the_bound() {
        // 100 MB of zeros in a few kilobytes.
        let bomb = zstd::bulk::compress(&vec![0; 100_000_000], 3).unwrap();
        assert!(bomb.len() < 20_000);
        assert!(decompress(&bomb, 100_000_000).is_err());
        assert!(decompress(&bomb, 1000).is_err());
        assert!(compress(&vec![0; MAX_BYTES + 1]).is_err());
    }
}
