//! How many files the system lets this process have open: each connection is one.

use tracing::warn;

/// What is needed beside connections: the database, its readers, downloads, listeners, and connections that are on
/// their way out.
const RESERVED: usize = 96;

/// Raises the limit as far as this user may, and gives how many connections fit into it. `None` if the system does not
/// say.
pub fn raise_limit() -> Option<usize> {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => Some(connections(usize::try_from(files).unwrap_or(usize::MAX))),
        Err(error) => {
            warn!(%error, "the limit of open files cannot be read or raised");
            None
        }
    }
}

fn connections(files: usize) -> usize {
    files.saturating_sub(RESERVED).max(files / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_always_left_for_both_sides() {
        assert_eq!(connections(usize::MAX), usize::MAX - RESERVED);
        assert_eq!(connections(1024), 928);
        assert_eq!(connections(40), 10);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        assert!(raise_limit().is_some());
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let values: Vec<_> = files.split_whitespace().skip(3).take(2).collect();
        assert_eq!(values[0], values[1], "{files}");
    }
}
