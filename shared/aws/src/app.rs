//! The state of a function that outlives its invocations.

use crate::config::{Config, DEFAULT_RETENTION, dynamodb_client};
use crate::dynamodb::DynamoStore;
use crate::registrar::Registrar;
use coinolio_core::id::UserId;
use coinolio_core::sync::Retention;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The state that outlives an invocation. Created once, before the first invocation.
#[derive(Clone, Debug)]
pub struct App {
    /// The store. It owns the SDK client and its connections.
    pub store: DynamoStore,
    /// The user of every request when no authorizer runs; `None` when one does.
    pub dev_user: Option<UserId>,
    /// The registration of devices.
    pub(crate) registrar: Registrar,
    /// The changes that compaction may remove.
    pub retention: Retention,
    /// True from the first invocation on.
    invoked: Arc<AtomicBool>,
}

impl App {
    /// Returns an app on `store` with the default retention. An authorizer identifies its users.
    pub fn new(store: DynamoStore) -> Self {
        Self {
            store,
            dev_user: None,
            retention: DEFAULT_RETENTION,
            registrar: Registrar::default(),
            invoked: Arc::default(),
        }
    }

    /// Returns the app that `config` describes.
    pub fn of(config: &Config) -> Self {
        let client = dynamodb_client(&config.store);
        Self {
            dev_user: config.dev_user.clone(),
            retention: config.retention,
            ..Self::new(DynamoStore::new(client, &config.table))
        }
    }

    /// Returns true for the first invocation of this execution environment, and false for all later ones.
    pub(crate) fn is_first_invocation(&self) -> bool {
        !self.invoked.swap(true, Ordering::Relaxed)
    }
}
