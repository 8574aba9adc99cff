//! Startup errors. Each is printed to the terminal as one line.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// An error that prevents the program from starting.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file or folder cannot be read or written.
    #[error("{action} {}: {cause}", path.display())]
    Io {
        /// The failed action, such as `cannot write in`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        cause: io::Error,
    },
    /// The file of the signing secret contains something else.
    #[error("{} is not a signing secret: delete it, and the next run creates a new one", .0.display())]
    NotASecret(PathBuf),
    /// Another run has locked the data folder.
    #[error("the data folder {} is in use by another run: stop that run, or choose another with --data", .0.display())]
    FolderInUse(PathBuf),
    /// The program cannot listen on a port.
    #[error("cannot listen on {address}: {cause} (choose another port with {option})")]
    Port {
        /// The requested address.
        address: SocketAddr,
        /// The command-line option that sets the port.
        option: &'static str,
        /// The operating system's error.
        cause: io::Error,
    },
    /// The embedded DynamoDB cannot be opened or does not answer.
    #[error("cannot start the embedded DynamoDB: {0}")]
    Store(String),
    /// A token cannot be signed.
    #[error("cannot sign a token: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// The operating system refused another action, such as installing a signal handler.
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
