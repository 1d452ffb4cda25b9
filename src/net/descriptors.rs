//! How many files the system lets this process have open: each connection is one.

use tracing::warn;

/// What is needed beside connections: the database, its readers, downloads, listeners, and connections that are on
/// their way out.
const RESERVED: usize = 96;

/// For how many files there is room at once, at most: half a megabyte of the system's memory.
const MOST_ROOM: usize = 65_536;

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

/// Makes the system's table of this process's files as large as so many connections will need. Linux makes it larger when a
/// file has no room in it, twice as large each time, and has a process of several threads wait until every processor has
/// seen that: 8 to 28 ms, as measured, in which a worker that has just accepted a connection carries nobody's messages.
#[cfg(unix)]
pub fn make_room(connections: usize) {
    use std::fs::File;

    use rustix::io::fcntl_dupfd_cloexec;

    let files = connections.saturating_add(RESERVED).min(MOST_ROOM);
    let grown = File::open("/dev/null").and_then(|file| {
        let last = i32::try_from(files).unwrap_or(i32::MAX);
        Ok(fcntl_dupfd_cloexec(&file, last - 1)?)
    });
    if let Err(error) = grown {
        tracing::debug!(%error, "the table of open files grows as it is needed");
    }
}

/// Other systems have no such table.
#[cfg(not(unix))]
pub fn make_room(_connections: usize) {}

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
    fn there_is_room_for_all_connections_before_they_come() {
        let room = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let size = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap();
            size.trim().parse::<usize>().unwrap()
        };
        raise_limit().unwrap();
        make_room(900);
        assert!(room() >= 900 + RESERVED, "{}", room());
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
