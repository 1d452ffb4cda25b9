//! Power fails under load: of the log, what follows the last commit that any client knows of may be lost at any byte.
//!
//! `POWER_CUTS=500` for the long version, `POWER_SEED=…` for the same choices again.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::Duration;

use crate::support::history::{History, copy};
use crate::support::ledger::{Ledger, Log};
use crate::support::load::Class;
use crate::support::seed::{Seed, number_from_env};
use crate::support::server::{Server, steady_port, with_short_times};
use crate::support::wal;

const CLIENTS: usize = 24;
/// From here on SQLite may have copied what is in the log into the database, which it does not before the log is on disk.
const CHECKPOINT: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_is_in_the_history_after_a_power_failure() {
    let cuts = number_from_env("POWER_CUTS", 10);
    let mut seed = Seed::from_env("POWER_SEED");
    let port = steady_port(&mut seed);
    let class = Class::start(port, CLIENTS, &mut seed);
    let mut ledger = Ledger::default();
    let mut folder = tempfile::tempdir().unwrap();
    let (mut bytes, mut torn) = (0, 0);
    for _ in 0..cuts {
        let mut server = Server::start_unread(with_short_times(folder.path(), port), &folder.path().join("log"));
        class.pass().await;
        tokio::time::sleep(Duration::from_millis(seed.below(400))).await;
        // Stopped in the middle of whatever it does, its files are those of one moment.
        freeze(&server);
        let left = tempfile::tempdir().unwrap();
        copy(folder.path(), left.path());
        server.child.kill().unwrap();
        server.exit_code();
        class.pass().await;
        let log = class.take_log();
        let lost = fail(left.path(), &ledger, &log, &mut seed).await;
        bytes += lost;
        torn += usize::from(lost > 0);
        let mut history = History::of(left.path()).await;
        ledger.account(&log, &mut history).await;
        history.check().await;
        folder = left;
    }
    println!(
        "{cuts} power failures, {torn} of which lost something ({bytes} bytes): {} things told or done are in {} events",
        ledger.facts, ledger.seq
    );
}

/// Stops every thread where it is. The signal alone takes its time.
fn freeze(server: &Server) {
    server.signal("STOP");
    let tasks = format!("/proc/{}/task", server.child.id());
    let stopped = |task: &Path| {
        let Ok(stat) = std::fs::read_to_string(task.join("stat")) else {
            return true;
        };
        // The state stands behind the name, which is in brackets and may hold anything.
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('T'))
    };
    let all_stopped = || {
        let mut tasks = std::fs::read_dir(&tasks).unwrap();
        tasks.all(|task| stopped(&task.unwrap().path()))
    };
    while !all_stopped() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Loses what no client can know of, from any byte on. Returns how much.
async fn fail(folder: &Path, ledger: &Ledger, log: &Log, seed: &mut Seed) -> usize {
    let mut whole = ledger.clone();
    whole.account(log, &mut History::of(folder).await).await;
    // What this run has started from was on the disk before.
    let known = whole.known_seq.max(ledger.seq);
    let file = wal::Log::read(folder);
    if file.frames >= CHECKPOINT {
        return 0;
    }
    let mut keep = file.end;
    for commit in file.commits.iter().rev() {
        if last_seq(folder, *commit).await < known {
            break;
        }
        keep = *commit;
    }
    let at = keep + seed.below((file.end - keep + 1) as u64) as usize;
    let noisy = seed.below(2) == 0;
    file.cut(at, || noisy.then(|| seed.next() as u8));
    file.end - at
}

/// The last event of the history up to this byte of the log.
async fn last_seq(folder: &Path, end: usize) -> i64 {
    let part = tempfile::tempdir().unwrap();
    copy(folder, part.path());
    wal::Log::read(part.path()).cut(end, || None);
    let last = History::of(part.path())
        .await
        .events(0)
        .await
        .last()
        .map(|event| event.seq);
    last.unwrap_or_default()
}
