//! Whether a directory holds one page that shows all its views itself, as React's and Vue's routers make them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

use parking_lot::Mutex;

use super::paths::{INDEX, is_hidden};

/// The most entries of a directory that are looked at: one with more is no build's output.
const MAX_ENTRIES: usize = 10_000;

/// How long what was found counts: a page may be rebuilt while the server runs, and anybody may ask.
const FOUND_HOLDS: Duration = Duration::from_secs(5);

pub(super) struct SinglePage {
    directory: PathBuf,
    setting: Option<bool>,
    found: Mutex<Option<(Instant, bool)>>,
}

impl SinglePage {
    pub(super) fn new(directory: PathBuf, setting: Option<bool>) -> Self {
        Self {
            directory,
            setting,
            found: Mutex::new(None),
        }
    }

    /// Whether `index.html` answers for paths that are no files.
    pub(super) async fn answers(&self) -> bool {
        if let Some(set) = self.setting {
            return set;
        }
        let lately = self.found.lock().filter(|(at, _)| at.elapsed() < FOUND_HOLDS);
        if let Some((_, found)) = lately {
            return found;
        }
        let directory = self.directory.clone();
        let looking = tokio::task::spawn_blocking(move || has_no_other_page(&directory).unwrap_or(false));
        let found = looking.await.unwrap_or(false);
        *self.found.lock() = Some((Instant::now(), found));
        found
    }
}

/// Whether nothing in `root` and below is an HTML file but its `index.html`. Links to directories are not followed.
fn has_no_other_page(root: &Path) -> io::Result<bool> {
    let index = root.join(INDEX);
    let mut directories = vec![root.to_owned()];
    let mut seen = 0;
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (name, path) = (entry.file_name(), entry.path());
            let name = name.to_string_lossy();
            let lower_name = name.to_ascii_lowercase();
            let is_page = lower_name.ends_with(".html") || lower_name.ends_with(".htm");
            seen += 1;
            if seen > MAX_ENTRIES || (is_page && path != index) {
                return Ok(false);
            }
            if entry.file_type()?.is_dir() && !is_hidden(&name) {
                directories.push(path);
            }
        }
    }
    Ok(true)
}
