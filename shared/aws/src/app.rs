//! What a function holds from its start to its end.

use crate::config::{self, Config, ConfigError};
use crate::dynamodb::DynamoLog;

/// What outlives the invocations: made once, before the first of them.
#[derive(Clone, Debug)]
pub struct App {
    /// The change log, with the client and its connections.
    pub log: DynamoLog,
}

impl App {
    /// An app on `log`.
    pub const fn new(log: DynamoLog) -> Self {
        Self { log }
    }

    /// The app that the environment asks for.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub async fn from_env() -> Result<Self, ConfigError> {
        let config = Config::from_env()?;
        let client = config::dynamodb_client().await;
        Ok(Self::new(DynamoLog::new(client, &config.table)))
    }
}
