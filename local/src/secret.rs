//! The secret that signs the tokens of one checkout.

use crate::error::StartError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Length of a secret in bytes: that of a SHA-256 hash, the minimum for HS256 (RFC 7518 section 3.2).
const LENGTH: usize = 32;

/// Name of the secret's file in the folder.
const FILE: &str = "signing-secret";

/// A secret shared by every local server and every `token` run of one checkout.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; LENGTH]);

impl Secret {
    /// Reads the secret in `folder`. On first use, creates the folder and a random secret.
    ///
    /// Several processes may do so at once. Each writes its secret to a temporary file and links the complete file
    /// to its final name. If another process was faster, the link fails and that process's secret counts.
    ///
    /// # Errors
    /// Fails if the folder cannot be written, or if the file cannot be read or is not a secret.
    pub fn of(folder: &Path) -> Result<Self, StartError> {
        let path = folder.join(FILE);
        match Self::read(&path) {
            Err(StartError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {}
            outcome => return outcome,
        }
        create(folder, &path).map_err(|cause| StartError::io("cannot write in", folder, cause))?;
        Self::read(&path)
    }

    /// Returns the secret's bytes, for signing and verifying only.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn read(path: &Path) -> Result<Self, StartError> {
        let bytes = fs::read(path).map_err(|cause| StartError::io("cannot read", path, cause))?;
        <[u8; LENGTH]>::try_from(bytes)
            .map(Self)
            .map_err(|_| StartError::NotASecret(path.to_owned()))
    }
}

/// Writes a new secret to `path`, unless the file exists.
fn create(folder: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let temporary: PathBuf = folder.join(format!("{FILE}.{}", uuid::Uuid::new_v4().simple()));
    let linked = write(&temporary).and_then(|()| fs::hard_link(&temporary, path));
    // If the link failed as well, its error matters more than this one.
    fs::remove_file(&temporary).or_else(|error| if linked.is_ok() { Err(error) } else { Ok(()) })?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn write(path: &Path) -> io::Result<()> {
    let mut file = private(path)?;
    file.write_all(&rand::random::<[u8; LENGTH]>())?;
    file.sync_all()
}

/// Creates a file that only its owner may read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::{FILE, Secret};
    use crate::error::StartError;
    use std::fs;

    #[test]
    fn the_second_run_finds_the_first_runs_secret() {
        let folder = tempfile::tempdir().unwrap();
        let nested = folder.path().join("made/on/demand");
        let first = Secret::of(&nested).unwrap();
        assert!(first == Secret::of(&nested).unwrap());
        assert_ne!(first.bytes(), [0; 32]);
        assert_eq!(
            fs::read_dir(&nested).unwrap().count(),
            1,
            "a temporary file is left behind"
        );
    }

    #[test]
    fn two_folders_have_two_secrets() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(Secret::of(a.path()).unwrap() != Secret::of(b.path()).unwrap());
    }

    #[test]
    fn sixteen_first_users_at_once_all_get_the_same_secret() {
        let folder = tempfile::tempdir().unwrap();
        let start = std::sync::Barrier::new(16);
        let secrets: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let users: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        Secret::of(folder.path()).unwrap().bytes().to_vec()
                    })
                })
                .collect();
            users.into_iter().map(|user| user.join().unwrap()).collect()
        });
        assert!(secrets.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_secret() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        Secret::of(folder.path()).unwrap();
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_named_in_the_error_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, "short").unwrap();
        let Err(error) = Secret::of(folder.path()) else {
            panic!("a short secret was accepted");
        };
        assert!(matches!(&error, StartError::NotASecret(at) if *at == path));
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
