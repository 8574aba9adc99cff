//! The data folder: held by one run at a time.

use crate::error::StartError;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// A data folder that is ours until this value is dropped, or the process ends, however it ends: the
/// operating system releases the lock on the file `lock` inside.
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder where it is missing and takes hold of it.
    ///
    /// Fails where it cannot be written and where another run holds it.
    pub fn hold(path: &Path) -> Result<Self, StartError> {
        let unwritable = |cause| StartError::io("cannot write in the data folder", path, cause);
        fs::create_dir_all(path).map_err(unwritable)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(unwritable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StartError::FolderInUse(path.to_owned())),
            Err(TryLockError::Error(cause)) => Err(unwritable(cause)),
        }
    }

    /// The database file inside.
    pub fn database(&self) -> PathBuf {
        self.path.join("dynamodb.sqlite")
    }
}

#[cfg(test)]
mod tests {
    use super::DataFolder;
    use crate::error::StartError;

    #[test]
    fn a_folder_has_one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let held = DataFolder::hold(&path).unwrap();
        assert!(matches!(DataFolder::hold(&path), Err(StartError::FolderInUse(at)) if at == path));
        drop(held);
        assert!(DataFolder::hold(&path).is_ok());
    }

    #[test]
    fn a_file_in_the_folders_place_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let Err(error) = DataFolder::hold(&path) else {
            panic!("a file served as a folder");
        };
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}
