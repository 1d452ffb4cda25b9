//! A wall clock that can be set, for one server.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the clock, with the compiler that SQLite was built with.
pub(crate) fn build(folder: &Path) {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/wall_clock.c");
    let mut command = Command::new(compiler);
    command
        .args(["-shared", "-fPIC", "-o"])
        .arg(library(folder))
        .arg(source);
    assert!(command.status().unwrap().success());
}

fn library(folder: &Path) -> PathBuf {
    folder.join("wall_clock.so")
}

/// Sets the clock so many seconds off.
pub(crate) fn set(folder: &Path, offset: i64) {
    let mut file = std::fs::OpenOptions::new();
    let file = file
        .create(true)
        .write(true)
        .truncate(false)
        .open(folder.join("offset"));
    file.unwrap().write_all_at(&offset.to_ne_bytes(), 0).unwrap();
}

/// Has a program go by it.
pub(crate) fn preload(folder: &Path, command: &mut Command) {
    command
        .env("WALL_CLOCK_OFFSET", folder.join("offset"))
        .env("LD_PRELOAD", library(folder));
}
