//! What a running server costs, from outside.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::server::Server;

impl Server {
    /// How many sockets of TCP it has open: those to PostgreSQL are of another kind.
    pub(crate) fn sockets(&self) -> usize {
        let tables = ["net/tcp", "net/tcp6"].map(|table| std::fs::read_to_string(self.of_process(table)).unwrap());
        let of_tcp = tables.iter().flat_map(|table| table.lines().skip(1));
        let of_tcp = of_tcp.filter_map(|line| line.split_whitespace().nth(9));
        let of_tcp: HashSet<_> = of_tcp.map(|inode| format!("socket:[{inode}]")).collect();
        let open = std::fs::read_dir(self.of_process("fd")).unwrap().flatten();
        open.filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .filter(|target| of_tcp.contains(&*target.to_string_lossy()))
            .count()
    }

    /// How many file descriptors it has open, of any kind.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(self.of_process("fd")).unwrap().count()
    }

    pub(crate) fn threads(&self) -> usize {
        std::fs::read_dir(self.of_process("task")).unwrap().count()
    }

    /// Its resident memory, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.status("VmRSS:")
    }

    /// The most resident memory it has had, in bytes.
    pub(crate) fn most_memory(&self) -> usize {
        self.status("VmHWM:")
    }

    fn status(&self, line: &str) -> usize {
        let status = std::fs::read_to_string(self.of_process("status")).unwrap();
        let value = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
        value.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    fn of_process(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.child.id()).into()
    }
}

/// Waits until something holds, and gives how long that took.
pub(crate) async fn eventually(what: &str, within: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < within, "not within {within:?}: {what}");
        sleep(Duration::from_millis(10)).await;
    }
    start.elapsed()
}
