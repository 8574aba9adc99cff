//! What a function holds from its start to its end.

use crate::config::{Config, DEFAULT_RETENTION, dynamodb_client};
use crate::dynamodb::DynamoLog;
use crate::registrar::Registrar;
use coinolio_core::id::UserId;
use coinolio_core::sync::Retention;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What outlives the invocations: made once, before the first of them.
#[derive(Clone, Debug)]
pub struct App {
    /// The change log, with the client and its connections.
    pub log: DynamoLog,
    /// Who asks where no authorizer runs; `None` wherever one does.
    pub dev_user: Option<UserId>,
    /// What is known of the devices' registration.
    pub(crate) registrar: Registrar,
    /// What compaction may remove.
    pub retention: Retention,
    /// Set by the first invocation.
    invoked: Arc<AtomicBool>,
}

impl App {
    /// An app on `log`, whose users an authorizer vouches for, with the default retention.
    pub fn new(log: DynamoLog) -> Self {
        Self {
            log,
            dev_user: None,
            retention: DEFAULT_RETENTION,
            registrar: Registrar::default(),
            invoked: Arc::default(),
        }
    }

    /// The app that `config` asks for.
    pub fn of(config: &Config) -> Self {
        let client = dynamodb_client(&config.store);
        Self {
            dev_user: config.dev_user.clone(),
            retention: config.retention,
            ..Self::new(DynamoLog::new(client, &config.table))
        }
    }

    /// True for one invocation: this execution environment's first.
    pub(crate) fn is_first_invocation(&self) -> bool {
        !self.invoked.swap(true, Ordering::Relaxed)
    }
}
