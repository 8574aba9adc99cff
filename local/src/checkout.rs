//! The folder for this checkout's own files, which are not in git.

use std::path::{Path, PathBuf};

/// Returns `.coinolio/` in the checkout that this program was built from, whatever the working directory.
///
/// It contains the signing secret and, unless `--data` names another folder, the data.
pub fn folder() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.parent().unwrap_or(crate_folder).join(".coinolio")
}
