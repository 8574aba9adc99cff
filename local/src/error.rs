//! Why the program does not start: each failure is one line for the person at the terminal.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A failure to start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file or folder cannot be read or written.
    #[error("{action} {}: {cause}", path.display())]
    Io {
        /// What failed, such as `cannot write in`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        cause: io::Error,
    },
    /// The file of the signing secret holds something else.
    #[error("{} is not a signing secret: delete it and a new one is made", .0.display())]
    NotASecret(PathBuf),
    /// Another run holds the data folder.
    #[error("the data folder {} is in use by another run: stop that one, or choose another with --data", .0.display())]
    FolderInUse(PathBuf),
    /// A port cannot be listened on.
    #[error("cannot listen on {address}: {cause} (choose another port with {option})")]
    Port {
        /// The address asked for.
        address: SocketAddr,
        /// The option that names its port.
        option: &'static str,
        /// The operating system's reason.
        cause: io::Error,
    },
    /// The embedded store does not open or answer.
    #[error("the embedded DynamoDB does not start: {0}")]
    Store(String),
    /// A token cannot be signed.
    #[error("cannot sign a token: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// The operating system refuses something else, such as a signal handler.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
}

impl StartError {
    pub(crate) fn io(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            cause,
        }
    }
}
