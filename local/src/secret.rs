//! The secret that signs the tokens of one checkout.

use crate::error::StartError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes of a secret: as many as SHA-256 gives (RFC 7518 section 3.2 asks for no fewer).
const LENGTH: usize = 32;

/// The secret's file inside the folder.
const FILE: &str = "signing-secret";

/// A secret shared by every local server and every `token` run of one checkout.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; LENGTH]);

impl Secret {
    /// The secret in `folder`, which is made, with a secret in it, on first use.
    ///
    /// Whoever comes first decides: the file is written apart and linked into place whole, which fails
    /// where another process was faster, and then that one's secret counts. Fails where the folder
    /// cannot be written or the file holds something else.
    pub fn of(folder: &Path) -> Result<Self, StartError> {
        let path = folder.join(FILE);
        match Self::read(&path) {
            Err(StartError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {}
            settled => return settled,
        }
        create(folder, &path).map_err(|cause| StartError::io("cannot write in", folder, cause))?;
        Self::read(&path)
    }

    /// The secret's bytes, for the signature only.
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

/// Puts a new secret at `path` unless one is there.
fn create(folder: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let draft: PathBuf = folder.join(format!("{FILE}.{}", uuid::Uuid::new_v4().simple()));
    let linked = write(&draft).and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft).or_else(|error| if linked.is_ok() { Err(error) } else { Ok(()) })?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn write(draft: &Path) -> io::Result<()> {
    let mut file = private(draft)?;
    file.write_all(&rand::random::<[u8; LENGTH]>())?;
    file.sync_all()
}

/// A new file that nobody but its owner may read.
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
        assert_eq!(fs::read_dir(&nested).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn two_folders_have_two_secrets() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(Secret::of(a.path()).unwrap() != Secret::of(b.path()).unwrap());
    }

    #[test]
    fn of_many_first_users_at_once_all_get_the_same_secret() {
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
    fn nobody_but_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        Secret::of(folder.path()).unwrap();
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_named_and_not_replaced() {
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
