//! Matching the elements of two versions of a list.

use super::list_kind::ListKind;
use crate::json::Value;
use std::collections::HashMap;

/// Where an element of the newer list comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The older list does not have it.
    New,
    /// It was at this index and did not move.
    Unmoved(usize),
    /// It was at this index and moved.
    Moved(usize),
}

/// How the elements of two lists correspond.
pub(super) struct Alignment {
    /// For each element of the newer list: its origin.
    pub(super) origins: Vec<Origin>,
    /// For each element of the older list: whether the newer one still has it.
    pub(super) remains: Vec<bool>,
}

impl Alignment {
    /// Aligns `from` and `to`, both of kind `kind`, by the identities of their elements.
    ///
    /// As few elements as possible count as moved: those outside a longest increasing subsequence.
    pub(super) fn of(kind: ListKind, from: &[Value], to: &[Value]) -> Self {
        let indices: HashMap<&Value, usize> = from
            .iter()
            .enumerate()
            .filter_map(|(at, element)| Some((kind.identity(element)?, at)))
            .collect();
        let mut remains = vec![false; from.len()];
        let found: Vec<Option<usize>> = to
            .iter()
            .map(|element| {
                kind.identity(element)
                    .and_then(|identity| indices.get(identity).copied())
            })
            .collect();
        for at in found.iter().flatten() {
            remains[*at] = true;
        }
        let common: Vec<usize> = found.iter().flatten().copied().collect();
        let mut is_unmoved = longest_increasing(&common).into_iter();
        let origins = found
            .into_iter()
            .map(|at| match at {
                None => Origin::New,
                Some(at) if is_unmoved.next() == Some(true) => Origin::Unmoved(at),
                Some(at) => Origin::Moved(at),
            })
            .collect();
        Self { origins, remains }
    }
}

/// Tells for each of these distinct numbers whether it belongs to the longest increasing subsequence that patience
/// sorting finds.
fn longest_increasing(numbers: &[usize]) -> Vec<bool> {
    let mut is_chosen = vec![false; numbers.len()];
    // Most edits move nothing.
    if numbers.is_sorted() {
        is_chosen.fill(true);
        return is_chosen;
    }
    // For each length: the index of the smallest number that ends an increasing subsequence of that length.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| numbers[*end] < *number);
        previous.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut next = ends.last().copied();
    while let Some(at) = next {
        is_chosen[at] = true;
        next = previous[at];
    }
    is_chosen
}
