//! The data folder, which one run at a time may use.

use crate::error::StartError;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// A data folder that this process has locked.
///
/// The lock is on the file `lock` in the folder. It ends when this value is dropped or the process ends: the
/// operating system releases it even after a kill.
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Creates the folder if it is missing, and locks it.
    ///
    /// # Errors
    /// Fails if the folder cannot be written or if another run has locked it.
    pub fn lock(path: &Path) -> Result<Self, StartError> {
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

    /// Returns the path of the database file in the folder.
    pub fn database(&self) -> PathBuf {
        self.path.join("dynamodb.sqlite")
    }
}

#[cfg(test)]
mod tests {
    use super::DataFolder;
    use crate::error::StartError;

    #[test]
    fn a_folder_can_be_locked_only_once_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let locked = DataFolder::lock(&path).unwrap();
        assert!(matches!(DataFolder::lock(&path), Err(StartError::FolderInUse(at)) if at == path));
        drop(locked);
        assert!(DataFolder::lock(&path).is_ok());
    }

    #[test]
    fn the_error_names_a_file_that_is_not_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let Err(error) = DataFolder::lock(&path) else {
            panic!("a file was accepted as a data folder");
        };
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}
