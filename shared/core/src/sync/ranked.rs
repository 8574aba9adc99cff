//! A merge by the user's ranks, which are read only where they can matter.

use crate::algebra::{Conflict, Device, Merged, Ranks, merge};
use crate::devices::RankSource;
use crate::id::{DeviceId, UserId};
use crate::json::Value;
use crate::log::LogError;

/// The ranks of the user's devices as a request needs them: read once, and not before they can matter.
#[derive(Debug, Default)]
pub(super) struct KnownRanks(Option<Ranks>);

impl KnownRanks {
    /// Merges as [`merge`] does, by [`Self::decide`].
    pub(super) async fn merge<S: RankSource>(
        &mut self,
        source: &S,
        user: &UserId,
        base: &Value,
        server: Device<'_>,
        client: Device<'_>,
        own: Option<&DeviceId>,
    ) -> Result<Merged, LogError> {
        let work = |ranks: &Ranks| merge(base, server, client, own, ranks);
        self.decide(source, user, work, |merged| &merged.conflicts).await
    }

    /// What `work` makes by the ranks of the user's devices, with the `conflicts` that it met.
    ///
    /// Most work meets no conflict, and a rank decides nothing but conflicts of two known devices: only these take one
    /// request for the ranks, and the work is done again where two devices have one.
    pub(super) async fn decide<S: RankSource, T>(
        &mut self,
        source: &S,
        user: &UserId,
        work: impl Fn(&Ranks) -> T,
        conflicts: impl Fn(&T) -> &[Conflict],
    ) -> Result<T, LogError> {
        let unranked = work(&Ranks::new());
        if !conflicts(&unranked).iter().any(is_between_devices) {
            return Ok(unranked);
        }
        let ranks = match self.0.take() {
            Some(ranks) => ranks,
            None => source.ranks(user).await?,
        };
        let ranks = self.0.insert(ranks);
        if ranks.len() < 2 {
            return Ok(unranked);
        }
        Ok(work(ranks))
    }
}

fn is_between_devices(conflict: &Conflict) -> bool {
    let (client, server) = (&conflict.client.device_id, &conflict.server.device_id);
    client.is_some() && server.is_some() && client != server
}
