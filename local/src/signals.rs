//! The signals that stop the server.

use crate::error::StartError;

/// Ctrl-C and, on Unix, SIGTERM. Both are caught as soon as this value exists.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Starts catching the signals.
    ///
    /// # Errors
    /// Fails if the operating system refuses a signal handler.
    pub fn catch() -> Result<Self, StartError> {
        use tokio::signal::unix::{SignalKind, signal};
        let catch = |kind| signal(kind).map_err(|cause| StartError::System("cannot catch signals", cause));
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
        })
    }

    /// Waits for one of the signals.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Starts catching the signals. Never fails on this system.
    pub fn catch() -> Result<Self, StartError> {
        Ok(Self {})
    }

    /// Waits for one of the signals.
    pub async fn received(&mut self) {
        // If waiting for a signal fails, the server could not be stopped later: stop it now.
        let _ = tokio::signal::ctrl_c().await;
    }
}
