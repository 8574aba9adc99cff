//! Where this checkout keeps what belongs to it and not to git.

use std::path::{Path, PathBuf};

/// `.coinolio/` in the checkout this program was built from, whatever the working folder: it holds the
/// signing secret and, unless `--data` names another folder, the data.
pub fn folder() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.parent().unwrap_or(crate_folder).join(".coinolio")
}
