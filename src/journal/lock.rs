//! Files that are their owner's alone, and that no second server writes.
//!
//! The lock is held twice: on a file beside the database, which every version of the server knows, and on the database
//! itself, which is the same file by whatever name it is opened (a hard link). Closing *any* descriptor of a database
//! drops the locks that SQLite has on it in this process, so that one is opened before SQLite, and not closed while
//! SQLite may still be at it: if that is not known, it is left open for the next in this process that takes it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use super::occupant::Occupant;
use super::open_error::OpenError;
use crate::private_file;

/// Keeps other servers out of a database until it is released or dropped.
pub(super) struct DatabaseLock {
    /// Locked for as long as it is open.
    _beside: File,
    database: Option<File>,
}

impl DatabaseLock {
    /// Makes the database's file if it is missing, and takes it.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let beside = open(&private_file::beside(path, ".lock")).map_err(|source| not_writable(path, source))?;
        try_lock(&beside, path)?;
        let mut lock = Self {
            _beside: beside,
            database: None,
        };
        let database = left_open::take(path).map_or_else(|| open(path), Ok);
        let database = lock
            .database
            .insert(database.map_err(|source| not_writable(path, source))?);
        // Elsewhere locks bind those who only want to read, SQLite too.
        #[cfg(unix)]
        try_lock(database, path)?;
        warn_of_wide_modes(path);
        Ok(lock)
    }

    /// Whether the file at `path` is still the one that was taken, and not removed, moved away or another one.
    #[cfg(unix)]
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let identity = |metadata: io::Result<std::fs::Metadata>| metadata.ok().as_ref().map(left_open::identity);
        let taken = self.database.as_ref().map(File::metadata);
        taken.is_none_or(|taken| identity(taken) == identity(path.metadata()))
    }

    /// Where files have no identity, at least whether there is one.
    #[cfg(not(unix))]
    pub(super) fn is_at(&self, path: &Path) -> bool {
        path.exists()
    }

    /// Lets the next one have it, once nothing in this process has the database open any more.
    pub(super) fn release(mut self) {
        drop(self.database.take());
    }
}

impl Drop for DatabaseLock {
    fn drop(&mut self) {
        if let Some(database) = self.database.take() {
            let _ = database.unlock();
            left_open::put(database);
        }
    }
}

/// The descriptors that could not be closed, at most one for each database. A server ends with them; tests go on.
#[cfg(unix)]
mod left_open {
    use std::collections::HashMap;
    use std::fs::{File, Metadata};
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::sync::LazyLock;

    use parking_lot::Mutex;

    static FILES: LazyLock<Mutex<HashMap<(u64, u64), File>>> = LazyLock::new(Mutex::default);

    pub(super) fn take(path: &Path) -> Option<File> {
        FILES.lock().remove(&identity(&path.metadata().ok()?))
    }

    pub(super) fn put(file: File) {
        match file.metadata() {
            Ok(metadata) => {
                let before = FILES.lock().insert(identity(&metadata), file);
                std::mem::forget(before);
            }
            Err(_) => std::mem::forget(file),
        }
    }

    pub(super) fn identity(metadata: &Metadata) -> (u64, u64) {
        (metadata.dev(), metadata.ino())
    }
}

/// Elsewhere SQLite's locks outlast that.
#[cfg(not(unix))]
mod left_open {
    use std::fs::File;
    use std::path::Path;

    pub(super) fn take(_: &Path) -> Option<File> {
        None
    }

    pub(super) fn put(_: File) {}
}

fn try_lock(file: &File, path: &Path) -> Result<(), OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            name: path.display().to_string(),
            by: Occupant::Alone,
        }),
        Err(TryLockError::Error(source)) => Err(not_writable(path, source)),
    }
}

/// Opens a file to write, made if it is missing and then its owner's alone: it tells who was where. SQLite gives the
/// files of its log the database's mode.
fn open(path: &Path) -> io::Result<File> {
    let mut options = private_file::options();
    // SQLite would fall back to reading only, and fail at the first write with less clear words.
    options.read(true).write(true).create(true).truncate(false).open(path)
}

/// A mode that was set on purpose, for a group of reviewers say, stays.
fn warn_of_wide_modes(path: &Path) {
    let files = ["", "-wal", "-shm", ".lock"].map(|suffix| private_file::beside(path, suffix));
    let wide = files.iter().filter(|file| private_file::is_open_to_others(file));
    let wide: Vec<String> = wide.map(|file| file.display().to_string()).collect();
    if !wide.is_empty() {
        tracing::warn!(
            files = wide.join(" "),
            "other users of this machine may open the history: chmod 600 keeps it to this user"
        );
    }
}

fn not_writable(path: &Path, source: io::Error) -> OpenError {
    OpenError::NotWritable {
        path: path.to_owned(),
        source,
    }
}
