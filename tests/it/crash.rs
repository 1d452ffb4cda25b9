//! Kills the server at random moments under load, also while it stops in order, and holds what clients were told against
//! the history.
//!
//! `CRASH_KILLS=500` for the long version, `CRASH_SEED=…` for the same choices again.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sqlx::Row;

use crate::support::history::History;
use crate::support::ledger::Ledger;
use crate::support::load::Class;
use crate::support::seed::{Seed, number_from_env};
use crate::support::server::{Server, start_with_short_times, steady_port};

const CLIENTS: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_is_in_the_history_after_any_kill() {
    let kills = number_from_env("CRASH_KILLS", 20);
    let mut seed = Seed::from_env("CRASH_SEED");
    let folder = tempfile::tempdir().unwrap();
    let port = steady_port(&mut seed);
    let class = Class::start(port, CLIENTS, &mut seed);
    let mut ledger = Ledger::default();
    let began = Instant::now();
    let mut killed_at = Vec::new();
    for kill in 1..=kills {
        let mut server = start_with_short_times(folder.path(), port);
        class.pass().await;
        // Some members' graces run out, and some rooms' sessions end, in the longer ones.
        let longest = if seed.below(5) == 0 { 2_500 } else { 400 };
        tokio::time::sleep(Duration::from_millis(seed.below(longest))).await;
        end(&mut server, &mut seed).await;
        killed_at.push(wall_clock());
        class.pass().await;
        let log = class.take_log();
        let mut history = History::of(folder.path()).await;
        println!(
            "kill {kill}: {} deeds, the slowest answer after {:?}",
            log.deeds.len(),
            log.slowest
        );
        ledger.account(&log, &mut history).await;
        if kills <= 50 || kill % 10 == 0 || kill == kills {
            history.check().await;
        }
    }
    check_closed(folder.path(), &killed_at).await;
    println!(
        "{kills} kills in {:?}: {} things told or done are in {} events",
        began.elapsed(),
        ledger.facts,
        ledger.seq
    );
    assert!(ledger.facts as u64 > kills * 20, "there was hardly any load");
}

/// Kills it: most often at once, else while it stops, or when it has.
async fn end(server: &mut Server, seed: &mut Seed) {
    let ending = seed.below(8);
    if ending < 2 {
        server.signal("TERM");
    }
    match ending {
        0 => assert_eq!(server.exit_code(), Some(0)),
        1 => tokio::time::sleep(Duration::from_millis(seed.below(30))).await,
        _ => {}
    }
    server.child.kill().unwrap();
    server.exit_code();
}

/// What a kill cut was closed at the last moment the server is known to have lived: never later, and at most a heartbeat
/// before.
async fn check_closed(folder: &Path, killed_at: &[i64]) {
    let cut = "select connected_at, disconnected_at from connection where closed_by like 'server_%'";
    let cut = History::of(folder).await.rows(cut).await;
    assert!(!cut.is_empty() || killed_at.len() < 3);
    for row in cut {
        let (from, to): (i64, i64) = (row.get("connected_at"), row.get("disconnected_at"));
        let killed = killed_at.iter().find(|killed| **killed >= from).unwrap();
        assert!(
            (*killed - 5_500..=*killed).contains(&to),
            "closed at {to}, killed at {killed}"
        );
    }
}

fn wall_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}
