//! A portfolio is a log of changes (design section 3): its items, and the port to where they are kept.

mod change;
mod codec;
mod expired;
mod memory;
mod port;
mod replay;
mod size;
mod window;

pub use change::{
    Change, Edit, Entry, Extent, Fingerprint, Kind, LoggedConflict, MAX_VERSION, Making, NewChange, Patch,
    PortfolioKey, Snapshot, SnapshotMark, Version,
};
pub use codec::DecodeError;
pub(crate) use expired::patch_of;
pub use memory::MemoryLog;
pub use port::{Appended, ChangeLog, LogError};
pub use replay::{Replay, document_at};
pub use size::json_size;
pub use window::Window;
pub(crate) use window::living;
