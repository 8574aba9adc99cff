//! The changes of a device whose answers it did not receive, and its repeated requests (docs/PROTOCOL.md).
//!
//! A v1 request has no id, so the service compares it with the changes that the log has of this device since the
//! request's base:
//!
//! | the log has, of this device | the request is |
//! | --- | --- |
//! | no change | an ordinary sync |
//! | this very request: the same `client_version` and `client_data` | a repetition, or late: no effect |
//! | this very request, then another on the same base, and none on a newer base | an edit: the user may have gone back |
//! | another request on the same base | an edit of the document that this other request had sent |
//! | a request on a newer base | of a device that went back in time: to it, the changes are another's |
//! | a request on an older base, which arrived late | as above |
//!
//! For example, R1 adds an element and R2 removes it:
//!
//! | the requests arrive in this order | effect of the last one |
//! | --- | --- |
//! | R1, R1 | none, also if both arrive at once, or days later with changes of others in between |
//! | R1, answer, R2, R1 | none: R2 was made on the answer to R1, so the device will not send R1 again |
//! | R1, R2 (both on the base of R1), R2 | none |
//! | R1, R2 (both on the base of R1), R1 | the element is back: nothing tells this R1 from an undo of R2 |
//!
//! Nothing tells an edit made after an unanswered one from an older request that arrives late, or from one of a second
//! phone with the same device id. So each value of an unanswered change that a request replaces or removes is recorded
//! as a conflict, which the request wins.

use crate::algebra::{Authors, Conflict, DocumentIndex, Op, Path, Rule, Side, Stamp, Winner, apply, diff};
use crate::id::DeviceId;
use crate::json::Value;
use crate::log::{Change, Edit, Kind, Version};
use crate::portfolio::Replay;
use crate::time::Timestamp;

/// Returns the change that an earlier sending of a request made, if the request has no effect now; `made` recognizes
/// that change, and `since_base` are the changes since the request's base, oldest first.
pub(super) fn earlier<'w>(
    since_base: &'w [Change],
    device: &DeviceId,
    made: impl Fn(&Change) -> bool,
) -> Option<&'w Change> {
    let at = since_base.iter().rposition(made)?;
    let (earlier, later) = since_base.get(at..)?.split_first()?;
    let later_bases = || {
        later
            .iter()
            .filter(|change| is_sync_of(change, device))
            .map(|change| change.base)
    };
    let is_answered = later_bases().any(|base| base > earlier.base);
    let may_be_undone = later_bases().any(|base| base == earlier.base);
    (is_answered || !may_be_undone).then_some(earlier)
}

fn is_sync_of(change: &Change, device: &DeviceId) -> bool {
    let is_sync = matches!(change.kind, Kind::Created | Kind::Synced);
    is_sync && change.device_id.as_ref() == Some(device)
}

/// The unanswered changes of a device, counted into the base of its request.
pub(super) struct Unanswered {
    /// The base's document with the unanswered changes.
    pub(super) base: Value,
    /// Who altered which of the server's values since the base. The unanswered changes are older than all others, because
    /// they are not concurrent with the request.
    pub(super) authors: Authors,
}

impl Unanswered {
    /// Returns the changes that `device` made on the version `base` and that the request counts into its base.
    ///
    /// `since_base` are all changes since the base, with their patches; `document` is the base's.
    pub(super) fn on(base: Version, document: &Value, since_base: &[Change], device: &DeviceId) -> Option<Self> {
        let own_bases = || {
            since_base
                .iter()
                .filter(|change| is_sync_of(change, device))
                .map(|change| change.base)
        };
        let went_back_in_time = own_bases().any(|other| other > base);
        if went_back_in_time || !own_bases().any(|other| other == base) {
            return None;
        }
        let mut with_own = document.clone();
        let mut server = document.clone();
        let mut authors = Authors::new(Stamp {
            device_id: None,
            at: Timestamp::EARLIEST,
        });
        for change in since_base {
            let edits: Vec<&Edit> = change.patch.iter().flat_map(|patch| &patch.edits).collect();
            let is_unanswered = is_sync_of(change, device) && change.base == base;
            if is_unanswered {
                apply(&mut with_own, edits.iter().map(|edit| &edit.op));
            }
            let stamped = edits.into_iter().map(|edit| {
                let at = if is_unanswered { Timestamp::EARLIEST } else { edit.at };
                (&edit.op, at)
            });
            authors.record(&mut server, change.device_id.as_ref(), stamped);
        }
        Some(Self {
            base: with_own,
            authors,
        })
    }

    /// Returns a conflict for each value of the unanswered changes that `client`, the request's document, replaces or
    /// removes. The request wins, at the time `edited`.
    ///
    /// If another device has written there since, the value is gone already, and `merged`, the conflicts of the merge,
    /// has the other device's.
    pub(super) fn replaced(
        &self,
        server: &Replay,
        client: &Value,
        (device, edited): (&DeviceId, Timestamp),
        merged: &[Conflict],
    ) -> Vec<Conflict> {
        let (mut before, mut own, mut now) = (
            DocumentIndex::of(&server.base),
            DocumentIndex::of(&self.base),
            DocumentIndex::of(&server.document),
        );
        let is_decided = |path: &Path| {
            let tokens = path.tokens();
            merged.iter().any(|conflict| tokens.starts_with(conflict.path.tokens()))
        };
        let mut conflicts = Vec::new();
        for op in diff(&self.base, client) {
            let (path, value) = match op {
                Op::Set { path, value, .. } => (path, Some(value)),
                Op::Delete { path } => (path, None),
                Op::Move { .. } => continue,
            };
            let replaced = own.find(&path);
            if now.find(&path) != replaced || !has_new_value(before.find(&path), replaced) || is_decided(&path) {
                continue;
            }
            let by_server = server.authors.newest(&path, None);
            conflicts.push(Conflict {
                path,
                winner: Winner::Client,
                rule: Rule::Newest,
                client: Side {
                    value,
                    device_id: Some(device.clone()),
                    // The device's clock may have been set back in between.
                    modified_at: edited.max(by_server.at),
                },
                server: Side {
                    value: replaced.cloned(),
                    device_id: by_server.device_id,
                    modified_at: by_server.at,
                },
            });
        }
        conflicts
    }
}

/// Tells whether a change from `before` to `after` wrote or deleted a value, apart from deletions inside the value.
fn has_new_value(before: Option<&Value>, after: Option<&Value>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => diff(before, after).iter().any(|op| matches!(op, Op::Set { .. })),
        _ => before != after,
    }
}
