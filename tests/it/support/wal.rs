//! SQLite's write-ahead log as a file: where its transactions end. (The format is part of SQLite's documentation.)
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};

use crate::support::database::DATABASE;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

pub(crate) struct Log {
    path: PathBuf,
    /// The ends of the committed transactions, in bytes.
    pub(crate) commits: Vec<usize>,
    /// The end of the last frame, of a transaction or not.
    pub(crate) end: usize,
    pub(crate) frames: usize,
}

impl Log {
    /// Of the database in that folder, which nobody writes.
    pub(crate) fn read(folder: &Path) -> Self {
        let path = folder.join(format!("{DATABASE}-wal"));
        let bytes = std::fs::read(&path).unwrap_or_default();
        let mut log = Self {
            path,
            commits: Vec::new(),
            end: bytes.len().min(HEADER),
            frames: 0,
        };
        let Some(header) = bytes.get(..HEADER) else {
            return log;
        };
        let (page, salts) = (number(&header[8..]), &header[16..24]);
        let size = FRAME_HEADER + page;
        // Frames of an earlier use of the file have other salts.
        for frame in bytes[HEADER..]
            .chunks_exact(size)
            .take_while(|frame| &frame[8..16] == salts)
        {
            log.frames += 1;
            log.end += size;
            if number(&frame[4..]) != 0 {
                log.commits.push(log.end);
            }
        }
        log
    }

    /// What a power failure leaves of what was not yet on the disk: nothing, or noise.
    pub(crate) fn cut(&self, at: usize, mut noise: impl FnMut() -> Option<u8>) {
        let Ok(mut bytes) = std::fs::read(&self.path) else {
            return;
        };
        for byte in &mut bytes[at..] {
            let Some(noise) = noise() else {
                break;
            };
            *byte = noise;
        }
        if noise().is_none() {
            bytes.truncate(at);
        }
        std::fs::write(&self.path, bytes).unwrap();
    }
}

fn number(bytes: &[u8]) -> usize {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
}
