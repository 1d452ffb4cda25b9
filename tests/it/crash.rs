//! Kills the server at random moments under load, also while it stops in order, or the PostgreSQL that it writes to, and holds
//! what clients were told against the history.
//!
//! `CRASH_KILLS=500` and `POSTGRES_KILLS=50` for the long version, `CRASH_SEED=…` for the same choices again.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chatroom_testkit::Postgres;
use tokio::task::block_in_place;

use crate::support::database::Schema;
use crate::support::history::History;
use crate::support::ledger::Ledger;
use crate::support::load::Class;
use crate::support::metrics::Metrics;
use crate::support::seed::{Seed, number_from_env};
use crate::support::server::{Server, steady_port, with_short_times};
use crate::support::vitals::eventually;

const CLIENTS: usize = 24;
/// How soon after PostgreSQL is back everything must be written.
const RECOVERY: Duration = Duration::from_secs(10);

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
        let mut server = start(folder.path(), port, None);
        class.pass().await;
        // Some members' graces run out, and some rooms' sessions end, in the longer ones.
        let longest = if seed.below(5) == 0 { 2_500 } else { 400 };
        tokio::time::sleep(Duration::from_millis(seed.below(longest))).await;
        until_nothing_told_waits(&server, 0.0).await;
        end(&mut server, true, &mut seed).await;
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
    check_closed(&mut History::of(folder.path()).await, &killed_at).await;
    println!(
        "{kills} kills in {:?}: {} things told or done are in {} events",
        began.elapsed(),
        ledger.facts,
        ledger.seq
    );
    assert!(ledger.facts as u64 > kills * 20, "there was hardly any load");
}

/// Where only the database ends, all that was told is written once it is back, also what was told meanwhile. Where the server
/// ends with it, nobody has been told anything that is not written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_is_in_the_history_after_any_end_of_postgresql() {
    let kills = number_from_env("POSTGRES_KILLS", 5);
    let mut seed = Seed::from_env("CRASH_SEED");
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::own(&[]);
    let schema = Schema::in_server(&postgres).await;
    let port = steady_port(&mut seed);
    let class = Class::start(port, CLIENTS, &mut seed);
    let mut ledger = Ledger::default();
    for kill in 1..=kills {
        let mut server = start(folder.path(), port, Some(&schema));
        class.pass().await;
        sleep_below(1_000, &mut seed).await;
        block_in_place(|| {
            if kill % 2 == 0 {
                postgres.kill()
            } else {
                postgres.stop()
            }
        });
        // Where stopping it took so long that clients are told meanwhile, they are told what a kill would take.
        let lives_on = kill % 3 != 0 || !server.is_ready();
        if lives_on {
            sleep_below(4_000, &mut seed).await;
            block_in_place(|| postgres.start());
            eventually("all that waited is written", RECOVERY, || has_written_all(&server)).await;
            let late = late_commits(&server);
            sleep_below(400, &mut seed).await;
            until_nothing_told_waits(&server, late).await;
        }
        end(&mut server, lives_on, &mut seed).await;
        class.pass().await;
        if !lives_on {
            block_in_place(|| postgres.start());
        }
        let log = class.take_log();
        println!(
            "kill {kill}, the server lives on: {lives_on}; {} deeds, the slowest answer after {:?}",
            log.deeds.len(),
            log.slowest
        );
        let mut history = History::of_schema(&schema).await;
        ledger.account(&log, &mut history).await;
        history.check().await;
    }
    println!(
        "{kills} ends of PostgreSQL: {} things told or done are in {} events",
        ledger.facts,
        History::of_schema(&schema).await.events(0).await.len()
    );
    assert!(ledger.facts as u64 > kills * 20, "there was hardly any load");
}

fn start(folder: &Path, port: u16, schema: Option<&Schema>) -> Server {
    let mut program = with_short_times(folder, port);
    program.env("METRICS_LISTEN", "0");
    // All clients have one address, whose share of what may wait a long recovery of the database fills: refusals past it are
    // told, and only counted in a gap.
    program.env("JOURNAL_BACKLOG", "1000000");
    program.envs(schema.into_iter().flat_map(Schema::variables));
    Server::start_unread(program, &folder.join("log"))
}

/// While the database fails clients are told before it is written; what they were told is what waited then, at most.
fn has_written_all(server: &Server) -> bool {
    Metrics::of(server).get("chatroom_journal_depth") == 0.0
}

/// Groups that took so long that clients were told before.
fn late_commits(server: &Server) -> f64 {
    let metrics = Metrics::of(server);
    let of = |series: &str| metrics.get(&format!("chatroom_journal_commit_duration_seconds_{series}"));
    of("count") - of(r#"bucket{le="1"}"#)
}

/// A machine that has too much else to do is as a database that is away: clients are told before it is written. What they
/// were told so, a kill may take, and comes here only once it is written. `late` is how often that was before.
async fn until_nothing_told_waits(server: &Server, mut late: f64) {
    while !server.is_ready() || late_commits(server) > late {
        late = late_commits(server);
        println!("the database keeps clients waiting");
        eventually("all that waited is written", RECOVERY, || has_written_all(server)).await;
    }
}

async fn sleep_below(milliseconds: u64, seed: &mut Seed) {
    tokio::time::sleep(Duration::from_millis(seed.below(milliseconds))).await;
}

/// Kills it: most often at once, else while it stops, or when it has. Without a database it may have to stop before all is
/// written, and says so.
async fn end(server: &mut Server, has_database: bool, seed: &mut Seed) {
    let ending = seed.below(8);
    if ending < 2 {
        server.signal("TERM");
    }
    match ending {
        0 => {
            let code = server.exit_code();
            assert!(code == Some(0) || !has_database && code == Some(1), "{code:?}");
        }
        1 => tokio::time::sleep(Duration::from_millis(seed.below(30))).await,
        _ => {}
    }
    server.child.kill().unwrap();
    server.exit_code();
}

/// What a kill cut was closed at the last moment the server is known to have lived: never later, and at most a heartbeat
/// before.
async fn check_closed(history: &mut History, killed_at: &[i64]) {
    let cut = "select connected_at, disconnected_at from connection where closed_by like 'server_%'";
    let cut = history.rows(cut).await;
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
