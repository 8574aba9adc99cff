//! Conflicts and the rules that decide them.

use super::authors::Stamp;
use super::path::Path;
use crate::id::DeviceId;
use crate::json::Value;
use crate::named_enum::named_enum;
use crate::time::Timestamp;
use std::cmp::Ordering;
use std::collections::HashMap;

/// The ranks, 0 to 100, that a user gave to devices; a device without a rank is not in the map.
pub type Ranks = HashMap<DeviceId, u8>;

named_enum! {
    /// The side of a conflict whose value stays in the document.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Winner {
        /// The side that the request brought.
        Client = "client",
        /// The side that was already in the log.
        Server = "server",
    }
}

named_enum! {
    /// The rule that decided a conflict. The rules are tried in this order.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Rule {
        /// Both devices have a rank and the ranks differ: the higher one wins.
        DeviceRank = "device_rank",
        /// The later effective time wins.
        Newest = "newest",
        /// The server's value stays.
        ServerPreference = "server_preference",
    }
}

/// One side of a conflict: its value, who edited it last, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The value; `None` if this side deleted it.
    pub value: Option<Value>,
    /// The device that last altered the value, if known.
    pub device_id: Option<DeviceId>,
    /// The effective time of that edit.
    pub modified_at: Timestamp,
}

/// A path at which both sides made different changes, and which of them won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The path of the values in conflict.
    pub path: Path,
    /// The side whose value stays.
    pub winner: Winner,
    /// The rule that decided.
    pub rule: Rule,
    /// The side that the request brought.
    pub client: Side,
    /// The side that was already in the log.
    pub server: Side,
}

/// Decides between two sides that changed the same path.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    /// The device that sent the client's side.
    pub(super) own: Option<&'a DeviceId>,
    /// The ranks of the user's devices.
    pub(super) ranks: &'a Ranks,
}

impl Rules<'_> {
    /// Returns the side that wins, and the conflict if it is one.
    ///
    /// If `own` itself made the server's edit, the two edits are not concurrent and do not conflict: the later one wins,
    /// or the client's if the times are equal.
    pub(super) fn decide(
        &self,
        path: Path,
        (server, by_server): (Option<&Value>, Stamp),
        (client, by_client): (Option<&Value>, Stamp),
    ) -> (Winner, Option<Conflict>) {
        if self.own.is_some() && by_server.device_id.as_ref() == self.own {
            let winner = if by_client.at >= by_server.at {
                Winner::Client
            } else {
                Winner::Server
            };
            return (winner, None);
        }
        let (winner, rule) = self.winner(&by_server, &by_client);
        let conflict = Conflict {
            path,
            winner,
            rule,
            client: side(client, by_client),
            server: side(server, by_server),
        };
        (winner, Some(conflict))
    }

    /// Returns the winner by the first rule that decides.
    fn winner(&self, server: &Stamp, client: &Stamp) -> (Winner, Rule) {
        let rank = |stamp: &Stamp| stamp.device_id.as_ref().and_then(|device| self.ranks.get(device));
        let by_rank = rank(client)
            .zip(rank(server))
            .map_or(Ordering::Equal, |(client, server)| client.cmp(server));
        match (by_rank, client.at.cmp(&server.at)) {
            (Ordering::Greater, _) => (Winner::Client, Rule::DeviceRank),
            (Ordering::Less, _) => (Winner::Server, Rule::DeviceRank),
            (Ordering::Equal, Ordering::Greater) => (Winner::Client, Rule::Newest),
            (Ordering::Equal, Ordering::Less) => (Winner::Server, Rule::Newest),
            (Ordering::Equal, Ordering::Equal) => (Winner::Server, Rule::ServerPreference),
        }
    }
}

fn side(value: Option<&Value>, stamp: Stamp) -> Side {
    Side {
        value: value.cloned(),
        device_id: stamp.device_id,
        modified_at: stamp.at,
    }
}
