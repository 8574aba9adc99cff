//! Recognizing a device id that is used twice: on two phones, or by one that went back in time.

use crate::log::{Change, Kind};
use crate::wire::v2::SyncRequest;

/// True if `since`, the changes since the base of `request`, show that its device went back in time, or that a second
/// device has its id.
///
/// An honest device repeats its unanswered sync before it sends another, and an answer brings its base to a version
/// that contains the answered sync. So it never sees a change of another of its own syncs after its base. If there is
/// one, the base is older than that change, which the sender does not know although "it" made it: the phone was
/// restored from a backup, or the backup went to a second phone, and both go on under one id.
///
/// The cases, for a request with base `n`, sync id `s` and device `d`, and a change after `n` by `d`:
///
/// | the change | its cause | reused |
/// | --- | --- | --- |
/// | sync `s` itself | the answer was not delivered, and the device repeats the request | no |
/// | another sync, base below `n` | a twin that was behind `d` | yes |
/// | another sync, base `n` | a twin, or one phone restored to the state before that sync | yes |
/// | another sync, base above `n` | a twin that was ahead of `d`, or one phone restored from an older state | yes |
/// | another sync, without a base | a twin that had no base, or was not known: it rejoined | yes |
/// | a v1 sync, base at most `n` | its answer was not delivered, and then the app was updated to v2 | no |
/// | a v1 sync, base above `n` | the device had been at a newer version: as in v2 | yes |
/// | a restore, a keep-mine, a v1 replacement | the answer has no document, so the device's base stays | no |
///
/// Without a base (`n` is 0, or a rejoin) nothing is claimed that the log could refute: an app that was installed anew
/// under its old id is an honest device.
pub(super) fn is_reused(request: &SyncRequest, since: &[Change]) -> bool {
    let is_own_sync = |change: &&Change| {
        matches!(change.kind, Kind::Created | Kind::Synced) && change.device_id.as_ref() == Some(&request.device_id)
    };
    request.base_version > 0
        && since.iter().filter(is_own_sync).any(|change| match &change.sync_id {
            Some(sync_id) => *sync_id != request.sync_id,
            None => change.base > request.base_version,
        })
}
