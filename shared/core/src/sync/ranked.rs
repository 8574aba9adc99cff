//! Merging by the ranks of the user's devices, which are read only if they can decide a conflict.

use crate::algebra::{Authored, Conflict, Merged, Ranks, merge};
use crate::id::DeviceId;
use crate::json::Value;
use crate::portfolio::Portfolio;
use crate::store::{RankSource, StoreError};

/// The ranks of the user's devices: read at most once in a request, and only if they can decide a conflict.
#[derive(Debug, Default)]
pub(super) struct KnownRanks(Option<Ranks>);

impl KnownRanks {
    /// Merges as [`merge`] does, with the ranks of the user's devices if they can decide a conflict.
    pub(super) async fn merge<S: RankSource>(
        &mut self,
        portfolio: Portfolio<'_, S>,
        base: &Value,
        server: Authored<'_>,
        client: Authored<'_>,
        own: Option<&DeviceId>,
    ) -> Result<Merged, StoreError> {
        let by_ranks = |ranks: &Ranks| merge(base, server, client, own, ranks);
        self.merge_by(portfolio, by_ranks, |merged| &merged.conflicts).await
    }

    /// Returns the result of `merge` with the ranks of the user's devices; `conflicts` returns the conflicts of a
    /// result.
    ///
    /// Most merges meet no conflict, and ranks decide only conflicts between two known devices. So `merge` first runs
    /// without ranks. If it meets such a conflict, the ranks are read, in one request; if at least two devices have one,
    /// `merge` runs again.
    pub(super) async fn merge_by<S: RankSource, T>(
        &mut self,
        portfolio: Portfolio<'_, S>,
        merge: impl Fn(&Ranks) -> T,
        conflicts: impl Fn(&T) -> &[Conflict],
    ) -> Result<T, StoreError> {
        let unranked = merge(&Ranks::new());
        if !conflicts(&unranked).iter().any(is_between_devices) {
            return Ok(unranked);
        }
        let ranks = match self.0.take() {
            Some(ranks) => ranks,
            None => portfolio.store.ranks(&portfolio.key.user).await?,
        };
        let ranks = self.0.insert(ranks);
        if ranks.len() < 2 {
            return Ok(unranked);
        }
        Ok(merge(ranks))
    }
}

fn is_between_devices(conflict: &Conflict) -> bool {
    let (client, server) = (&conflict.client.device_id, &conflict.server.device_id);
    client.is_some() && server.is_some() && client != server
}
