//! Compression, and the checksums that show whether stored bytes are intact.

use sha2::{Digest, Sha256};
use std::io;

/// The maximum size of a decompressed payload. The largest document has 6 MB, and a patch may contain both values
/// of every conflict. Both fit easily, and a function has more memory than this.
pub(super) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// zstd's default level. Higher levels save a few percent and take several times as long.
const LEVEL: i32 = 3;

/// Compresses `plain`.
///
/// # Errors
/// Fails if `plain` has more than [`MAX_BYTES`], because it could not be decompressed again.
pub(super) fn compress(plain: &[u8]) -> io::Result<Vec<u8>> {
    if plain.len() > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} bytes are more than the limit of {MAX_BYTES}", plain.len()),
        ));
    }
    zstd::bulk::compress(plain, LEVEL)
}

/// Decompresses `compressed` to exactly `size` bytes.
///
/// # Errors
/// Returns the reason if the result has another size or more than [`MAX_BYTES`]. Never allocates more than that.
pub(super) fn decompress(compressed: &[u8], size: usize) -> Result<Vec<u8>, String> {
    if size > MAX_BYTES {
        return Err(format!("{size} bytes are more than the limit of {MAX_BYTES}"));
    }
    let plain = zstd::bulk::decompress(compressed, size).map_err(|error| format!("does not decompress: {error}"))?;
    if plain.len() != size {
        return Err(format!("has {} bytes instead of {size}", plain.len()));
    }
    Ok(plain)
}

/// Returns the SHA-256 of stored bytes.
pub(super) fn checksum(stored: &[u8]) -> [u8; 32] {
    Sha256::digest(stored).into()
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, compress, decompress};

    #[test]
    fn compressed_bytes_decompress_only_to_their_exact_size() {
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
    fn a_small_input_cannot_decompress_to_more_than_the_limit() {
        // 100 MB of zeros, compressed to a few kilobytes.
        let bomb = zstd::bulk::compress(&vec![0; 100_000_000], 3).unwrap();
        assert!(bomb.len() < 20_000);
        assert!(decompress(&bomb, 100_000_000).is_err());
        assert!(decompress(&bomb, 1000).is_err());
        assert!(compress(&vec![0; MAX_BYTES + 1]).is_err());
    }
}
