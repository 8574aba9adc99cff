//! The signals that stop the server.

use crate::error::StartError;

/// Ctrl-C and, on Unix, SIGTERM: caught from the creation of this value on.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Starts catching. Fails where the operating system refuses it.
    pub fn catch() -> Result<Self, StartError> {
        use tokio::signal::unix::{SignalKind, signal};
        let catch = |kind| signal(kind).map_err(|cause| StartError::System("cannot catch signals", cause));
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
        })
    }

    /// Waits for one.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Starts catching. Fails where the operating system refuses it.
    pub fn catch() -> Result<Self, StartError> {
        Ok(Self {})
    }

    /// Waits for one.
    pub async fn received(&mut self) {
        // An error means that signals cannot be waited for: stopping is then the safe answer.
        let _ = tokio::signal::ctrl_c().await;
    }
}
