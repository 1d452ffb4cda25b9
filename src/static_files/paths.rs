//! Which paths may be files that anybody reads.

use std::path::{Component, Path};

use percent_encoding::percent_decode;
use tokio::fs;

/// Paths that are ours, also where no route answers: a file there would look like an answer of ours.
const OURS: [&str; 6] = ["api", "checkUsername", "livez", "readyz", "review", "socket.io"];

/// What stands for a directory.
pub(super) const INDEX: &str = "index.html";

/// Whether no part of a path is hidden (`.git`, `.env`, `..`) and its first is none of ours.
pub(super) fn is_public(path: &str) -> bool {
    let is_ours = |first: &str| OURS.iter().any(|ours| first.eq_ignore_ascii_case(ours));
    !parts(path).next().is_some_and(is_ours) && parts(path).all(|part| !is_hidden(part))
}

pub(super) fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split(['/', '\\']).filter(|part| !part.is_empty())
}

pub(super) fn is_hidden(part: &str) -> bool {
    part.starts_with('.') && part != ".well-known"
}

/// Whether what is served for a path is there, lies in the directory and is not hidden there, behind whatever links. For a
/// directory that is its index. What is not there is not asked for: a path that is too long would be an error, which anybody could put into the log.
pub(super) async fn is_inside(directory: &Path, path: &str) -> bool {
    let file = parts(path).fold(directory.to_owned(), |file, part| file.join(part));
    let index = fs::canonicalize(file.join(INDEX)).await.ok();
    let (Ok(directory), Ok(file)) = (fs::canonicalize(directory).await, fs::canonicalize(file).await) else {
        return false;
    };
    let is_directory = || async { fs::metadata(&file).await.is_ok_and(|file| file.is_dir()) };
    if index.is_none() && is_directory().await {
        return false;
    }
    [Some(file), index].into_iter().flatten().all(|file| {
        let inside = file.strip_prefix(&directory).ok().map(Path::to_string_lossy);
        inside.is_some_and(|inside| !parts(&inside).any(is_hidden))
    })
}

/// Reads a path, for [`crate::fuzzing`]: what is public leads nowhere but down, and to nothing hidden or ours.
pub(crate) fn fuzz(bytes: &[u8]) {
    let path = percent_decode(bytes).decode_utf8_lossy();
    if !is_public(&path) {
        return;
    }
    let down = path.replace('\\', "/");
    let mut parts = Path::new(down.trim_start_matches('/')).components();
    let first = parts.clone().next().map(|first| first.as_os_str().to_ascii_lowercase());
    assert!(
        first.is_none_or(|first| OURS.iter().all(|ours| first != *ours.to_ascii_lowercase())),
        "{path:?}"
    );
    let is_down = |part| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b".") || name == ".well-known");
    assert!(parts.all(is_down), "{path:?}");
}
