//! The ports to the storage: four traits, each small enough to implement in one file, and an implementation in memory.
//!
//! - [`ChangeLog`]: the changes of a portfolio and their patches.
//! - [`Snapshots`]: whole documents, stored or remembered.
//! - [`Directory`]: the list of a user's portfolios.
//! - [`Devices`]: a user's registered devices.
//!
//! [`Store`] is the first three together: the whole storage of a portfolio.

mod devices;
mod directory;
mod error;
mod log;
mod memory;
mod snapshots;

pub use devices::{Described, Devices, RankSource};
pub use directory::Directory;
pub use error::{BoxError, StoreError};
pub use log::{Appended, ChangeLog};
pub use memory::MemoryStore;
pub use snapshots::Snapshots;

/// The storage of portfolios: their logs, snapshots and directories.
pub trait Store: ChangeLog + Snapshots + Directory {}

impl<S: ChangeLog + Snapshots + Directory> Store for S {}
