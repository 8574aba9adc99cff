//! Payloads too large for one item, compressed and cut into chunks.
//!
//! Each chunk contains the number of chunks, the size of the payload, the SHA-256 of the chunk's own bytes, and the
//! SHA-256 of the whole compressed payload. The last also tells the chunks of two writes apart.

use super::errors::refused;
use super::item::{self, Item, Stored, binary, number};
use super::keys;
use super::keys::SortRange;
use super::payload;
use super::table::{Order, Table};
use coinolio_core::store::StoreError;

/// The maximum size of a chunk, in bytes: well below DynamoDB's limit of 400 KB for an item with its keys and attribute
/// names.
const CHUNK_BYTES: usize = 350 * 1000;

/// The maximum number of chunks of one payload: enough for [`payload::MAX_BYTES`] of incompressible data, with a
/// margin.
const MAX_CHUNKS: usize = payload::MAX_BYTES / CHUNK_BYTES + 10;

/// The result of joining chunks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// All chunks are there; contains the joined payload.
    Whole(Vec<u8>),
    /// The payload is incomplete. Contains the index of the first chunk that is absent or belongs to another write.
    Missing(usize),
}

/// Cuts `compressed` into chunks, one item each. `size` is the payload's size before compression.
pub(super) fn cut(pk: &str, prefix: &str, compressed: &[u8], size: usize) -> Vec<Item> {
    let whole = payload::checksum(compressed);
    let count = compressed.len().div_ceil(CHUNK_BYTES);
    let pieces = compressed.chunks(CHUNK_BYTES).enumerate();
    pieces
        .map(|(index, piece)| {
            let mut item = item::keyed(pk, &keys::chunk_sort(prefix, index));
            item.insert("count".to_owned(), number(count));
            item.insert("size".to_owned(), number(size));
            item.insert("whole".to_owned(), binary(whole));
            item.insert("sum".to_owned(), binary(payload::checksum(piece)));
            item.insert("data".to_owned(), binary(piece));
            item
        })
        .collect()
}

/// Compresses `plain` and cuts it into chunks, one item each.
pub(super) fn compress_and_cut(pk: &str, prefix: &str, plain: &[u8]) -> Result<Vec<Item>, StoreError> {
    let compressed = payload::compress(plain).map_err(refused)?;
    Ok(cut(pk, prefix, &compressed, plain.len()))
}

/// Reads a chunked payload.
pub(super) async fn read(table: &Table, pk: &str, prefix: &str) -> Result<Joined, StoreError> {
    let found = table
        .query(pk, SortRange::below(prefix), Order::Ascending, None)
        .await?;
    join(prefix, &found)
}

/// Joins the chunks whose sort keys begin with `prefix`. The chunks may be in any order.
///
/// # Errors
/// Returns a corrupt-data error that names the chunk if a chunk fails its check.
pub(super) fn join(prefix: &str, chunks: &[Item]) -> Result<Joined, StoreError> {
    let find = |index| {
        let sk = item::text(keys::chunk_sort(prefix, index));
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
        return Err(first.corrupt("the chunks do not match their stored checksum"));
    }
    let plain = payload::decompress(&compressed, size);
    plain.map(Joined::Whole).map_err(|reason| first.corrupt(reason))
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_BYTES, Joined, cut, join};
    use crate::dynamodb::{item, payload};

    const PREFIX: &str = "SNAPSHOT#1#";

    fn chunks(count: usize, seed: u8) -> (Vec<u8>, Vec<item::Item>) {
        // Pseudo-random bytes, so that the payload does not compress to one chunk.
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
    fn chunks_in_any_order_join_to_the_payload_and_stay_below_the_item_limit() {
        let (plain, mut items) = chunks(4, 0);
        assert!(items.iter().all(|item| item::size(item) < 360_000));
        items.reverse();
        assert_eq!(join(PREFIX, &items).unwrap(), Joined::Whole(plain));
    }

    #[test]
    fn a_payload_that_lacks_a_chunk_is_reported_as_missing_it() {
        let (_, items) = chunks(3, 0);
        for missing in 0..3 {
            let mut partial = items.clone();
            partial.remove(missing);
            assert_eq!(join(PREFIX, &partial).unwrap(), Joined::Missing(missing));
        }
        assert_eq!(join(PREFIX, &[]).unwrap(), Joined::Missing(0));
    }

    #[test]
    fn the_chunks_of_two_writes_are_never_mixed() {
        let (plain, longer) = chunks(3, 0);
        let (_, shorter) = chunks(2, 9);
        let mixed = [shorter[0].clone(), longer[1].clone(), longer[2].clone()];
        assert_eq!(join(PREFIX, &mixed).unwrap(), Joined::Missing(1));
        let overwritten = [&longer[..], &chunks(5, 7).1[3..]].concat();
        assert_eq!(join(PREFIX, &overwritten).unwrap(), Joined::Whole(plain));
    }

    #[test]
    fn the_error_names_a_chunk_that_fails_its_check() {
        let (_, items) = chunks(3, 0);
        for (name, value) in [
            ("data", item::binary(vec![1, 2, 3])),
            ("sum", item::binary(vec![0; 32])),
            ("sum", item::binary(vec![0; 31])),
            ("format", item::number(2)),
        ] {
            let mut spoilt = items.clone();
            spoilt[1].insert(name.to_owned(), value);
            let error = join(PREFIX, &spoilt).unwrap_err().to_string();
            assert!(error.contains("p SNAPSHOT#1#0001"), "{name}: {error}");
        }
        for count in ["0", "100000000", "-1"] {
            let mut spoilt = items.clone();
            spoilt[0].insert("count".to_owned(), item::number(count));
            assert!(join(PREFIX, &spoilt).is_err(), "{count}");
        }
    }
}
