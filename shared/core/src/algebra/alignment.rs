//! Matching the elements of two versions of a list.

use super::names::Names;

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
    /// Whether no element moved that shares its name with another one in both lists.
    ///
    /// After such a move, the names of both elements would mean something else.
    pub(super) has_stable_names: bool,
}

impl Alignment {
    /// Aligns two lists of the same kind by the names of their elements.
    ///
    /// As few elements as possible count as moved: those outside a longest increasing subsequence. Elements that share
    /// their name with another one in both lists do not count as moved, if that is possible.
    pub(super) fn of(from: &Names<'_>, to: &Names<'_>) -> Self {
        let mut remains = vec![false; from.list().len()];
        let found: Vec<Option<usize>> = (0..to.list().len()).map(|at| from.index(to.name(at))).collect();
        for at in found.iter().flatten() {
            remains[*at] = true;
        }
        let common: Vec<usize> = found.iter().flatten().copied().collect();
        let (is_unmoved, has_stable_names) = if from.are_repeated() && to.are_repeated() {
            let is_fixed = |at: &usize| {
                let name = from.name(*at).value;
                from.is_repeated(name) && to.is_repeated(name)
            };
            match longest_increasing_with(&common, is_fixed) {
                Some(is_unmoved) => (is_unmoved, true),
                None => (longest_increasing(&common), false),
            }
        } else {
            (longest_increasing(&common), true)
        };
        let mut is_unmoved = is_unmoved.into_iter();
        let origins = found
            .into_iter()
            .map(|at| match at {
                None => Origin::New,
                Some(at) if is_unmoved.next() == Some(true) => Origin::Unmoved(at),
                Some(at) => Origin::Moved(at),
            })
            .collect();
        Self {
            origins,
            remains,
            has_stable_names,
        }
    }
}

/// Tells for each of these distinct numbers whether it belongs to the longest increasing subsequence that has all the
/// fixed numbers; returns `None` if there is none.
fn longest_increasing_with(numbers: &[usize], is_fixed: impl Fn(&usize) -> bool) -> Option<Vec<bool>> {
    let fixed: Vec<usize> = numbers.iter().copied().filter(&is_fixed).collect();
    if !fixed.is_sorted() {
        return None;
    }
    // A number can be in such a subsequence if it is between the fixed ones around it.
    let mut next = fixed.iter().copied().peekable();
    let mut previous = None;
    let mut is_possible = Vec::with_capacity(numbers.len());
    for number in numbers {
        if next.next_if_eq(number).is_some() {
            previous = Some(*number);
            is_possible.push(true);
        } else {
            is_possible.push(Some(*number) > previous && next.peek().is_none_or(|next| number < next));
        }
    }
    let possible = numbers.iter().zip(&is_possible).filter(|(_, is_possible)| **is_possible);
    let possible: Vec<usize> = possible.map(|(number, _)| *number).collect();
    // Every fixed number can be added to any subsequence of these, so the longest one has all of them.
    let mut is_chosen = longest_increasing(&possible).into_iter();
    let is_chosen = is_possible
        .into_iter()
        .map(|is_possible| is_possible && is_chosen.next() == Some(true));
    Some(is_chosen.collect())
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
