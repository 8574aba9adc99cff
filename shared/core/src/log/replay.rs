//! Documents from the log.

/// A document made from the log.
#[derive(Debug, Default)]
pub struct Replay;

/// The document at a version.
pub fn document_at() {}
