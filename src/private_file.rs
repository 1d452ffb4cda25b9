//! Files that are their owner's alone: they tell who was where, or open the review.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

/// Options by which a file that is made is its owner's alone (mode 0600). One that is there keeps its mode.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Whether other users of the machine may open a file. Where files have no modes, that is not known.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;

        path.metadata().is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// The file beside another whose name has something more at its end.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
