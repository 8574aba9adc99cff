//! Payloads too big for one item: compressed, and cut into chunks that prove themselves whole.
//!
//! Each chunk says how many there are, how many bytes they make, its own SHA-256 and that of all of them
//! together, which also tells the chunks of one writing from those of another.

use super::items::{self, Item, Stored, binary, number};
use super::keys;
use super::payload;
use coinolio_core::store::StoreError;
use std::io;

/// The most bytes of one chunk: well below DynamoDB's 400 KB for an item, keys and names included
/// (design section 3).
const CHUNK_BYTES: usize = 350 * 1000;

/// The most chunks of one payload: what [`payload::MAX_BYTES`] takes where nothing compresses, with room.
const MAX_CHUNKS: usize = payload::MAX_BYTES / CHUNK_BYTES + 10;

/// Chunks put together.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// The payload.
    Whole(Vec<u8>),
    /// Not all chunks of one writing are there: the first that is missing.
    Missing(usize),
}

/// Cuts compressed bytes that make `size` when decompressed.
pub(super) fn cut(pk: &str, prefix: &str, compressed: &[u8], size: usize) -> Vec<Item> {
    let whole = payload::checksum(compressed);
    let count = compressed.len().div_ceil(CHUNK_BYTES);
    let pieces = compressed.chunks(CHUNK_BYTES).enumerate();
    pieces
        .map(|(index, piece)| {
            let mut item = items::keyed(pk, &keys::chunk_sort(prefix, index));
            item.insert("count".to_owned(), number(count));
            item.insert("size".to_owned(), number(size));
            item.insert("whole".to_owned(), binary(whole));
            item.insert("sum".to_owned(), binary(payload::checksum(piece)));
            item.insert("data".to_owned(), binary(piece));
            item
        })
        .collect()
}

/// Compresses and cuts.
pub(super) fn compress_and_cut(pk: &str, prefix: &str, plain: &[u8]) -> io::Result<Vec<Item>> {
    Ok(cut(pk, prefix, &payload::compress(plain)?, plain.len()))
}

/// Puts the chunks of `prefix` together, whatever their order.
///
/// # Errors
/// Corrupt, naming the chunk, where one does not prove itself.
pub(super) fn join(prefix: &str, chunks: &[Item]) -> Result<Joined, StoreError> {
    let find = |index| {
        let sk = items::text(keys::chunk_sort(prefix, index));
        chunks.iter().find(|item| item.get("sk") == Some(&sk))
    };
    let Some(first) = find(0) else {
        return Ok(Joined::Missing(0));
    };
    let first = Stored::open(first)?;
    let (whole, size) = (first.sum("whole")?, first.whole("size")?);
    let count: usize = first.whole("count")?;
    if !(1..=MAX_CHUNKS).contains(&count) {
        return Err(first.corrupt("count is out of range"));
    }
    let mut compressed = Vec::with_capacity(count * CHUNK_BYTES);
    for index in 0..count {
        let Some(chunk) = find(index) else {
            return Ok(Joined::Missing(index));
        };
        let chunk = Stored::open(chunk)?;
        if chunk.sum("whole")? != whole {
            return Ok(Joined::Missing(index));
        }
        compressed.extend_from_slice(chunk.proven("data")?);
    }
    if payload::checksum(&compressed) != whole {
        return Err(first.corrupt("the chunks do not have the checksum that was stored with them"));
    }
    let plain = payload::decompress(&compressed, size);
    plain.map(Joined::Whole).map_err(|reason| first.corrupt(reason))
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_BYTES, Joined, cut, join};
    use crate::dynamodb::{items, payload};

    const PREFIX: &str = "SNAPSHOT#1#";

    fn chunks(count: usize, seed: u8) -> (Vec<u8>, Vec<items::Item>) {
        // Cheap noise, so that compression does not put all of it into one chunk.
        let mut state = u64::from(seed) + 1;
        let plain: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(count * CHUNK_BYTES - 1000)
        .collect();
        let cut = cut("p", PREFIX, &payload::compress(&plain).unwrap(), plain.len());
        assert_eq!(cut.len(), count);
        (plain, cut)
    }

    #[test]
    fn chunks_in_any_order_make_the_payload_and_stay_below_the_item_limit() {
        let (plain, mut items) = chunks(4, 0);
        assert!(items.iter().all(|item| items::size(item) < 360_000));
        items.reverse();
        assert_eq!(join(PREFIX, &items).unwrap(), Joined::Whole(plain));
    }

    #[test]
    fn a_payload_is_not_whole_without_each_of_its_chunks() {
        let (_, items) = chunks(3, 0);
        for missing in 0..3 {
            let mut partial = items.clone();
            partial.remove(missing);
            assert_eq!(join(PREFIX, &partial).unwrap(), Joined::Missing(missing));
        }
        assert_eq!(join(PREFIX, &[]).unwrap(), Joined::Missing(0));
    }

    #[test]
    fn the_chunks_of_two_writings_are_never_mixed() {
        let (plain, longer) = chunks(3, 0);
        let (_, shorter) = chunks(2, 9);
        let mixed = [shorter[0].clone(), longer[1].clone(), longer[2].clone()];
        assert_eq!(join(PREFIX, &mixed).unwrap(), Joined::Missing(1));
        let overwritten = [&longer[..], &chunks(5, 7).1[3..]].concat();
        assert_eq!(join(PREFIX, &overwritten).unwrap(), Joined::Whole(plain));
    }

    #[test]
    fn a_chunk_that_does_not_prove_itself_is_named() {
        let (_, items) = chunks(3, 0);
        for (name, value) in [
            ("data", items::binary(vec![1, 2, 3])),
            ("sum", items::binary(vec![0; 32])),
            ("sum", items::binary(vec![0; 31])),
            ("format", items::number(2)),
        ] {
            let mut spoilt = items.clone();
            spoilt[1].insert(name.to_owned(), value);
            let error = join(PREFIX, &spoilt).unwrap_err().to_string();
            assert!(error.contains("p SNAPSHOT#1#0001"), "{name}: {error}");
        }
        for count in ["0", "100000000", "-1"] {
            let mut spoilt = items.clone();
            spoilt[0].insert("count".to_owned(), items::number(count));
            assert!(join(PREFIX, &spoilt).is_err(), "{count}");
        }
    }
}
