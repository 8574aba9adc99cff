//! What a function holds from its start to its end.

use crate::config::{self, Config};
use crate::dynamodb::DynamoLog;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What outlives the invocations: made once, before the first of them.
#[derive(Clone, Debug)]
pub struct App {
    /// The change log, with the client and its connections.
    pub log: DynamoLog,
    /// Set by the first invocation.
    invoked: Arc<AtomicBool>,
}

impl App {
    /// An app on `log`.
    pub fn new(log: DynamoLog) -> Self {
        Self {
            log,
            invoked: Arc::default(),
        }
    }

    /// The app that `config` asks for.
    pub async fn of(config: &Config) -> Self {
        let client = config::dynamodb_client().await;
        Self::new(DynamoLog::new(client, &config.table))
    }

    /// True for one invocation: this execution environment's first.
    pub(crate) fn is_first_invocation(&self) -> bool {
        !self.invoked.swap(true, Ordering::Relaxed)
    }
}
