//! What only a server of PostgreSQL does: others on it, lost connections, another server in our place.

use sqlx::PgConnection;

use super::*;
use crate::sql::{Connection, PLANNER_SETTINGS};

fn beginning() -> Vec<Record> {
    vec![at(10, started("r")), at(10, joined(1, 0, 1))]
}

async fn refusal(bench: &Bench) -> String {
    let opened = Journal::open(bench.options(), || NOW).await;
    opened.err().expect("it opened").to_string()
}

/// A connection beside the journal's.
async fn other(bench: &Bench) -> PgConnection {
    bench.server.as_ref().unwrap().connect().await.unwrap()
}

fn schema(bench: &Bench, name: &str) -> DatabaseServer {
    DatabaseServer::new(ServerUrl(bench.server.clone().unwrap()), name.parse().unwrap())
}

/// Ends the connection that writes.
const END_WRITER: &str = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = current_database())";

#[tokio::test]
async fn a_server_that_lives_keeps_its_place() {
    let bench = Bench::on_postgres().await;
    let opened = bench.open().await;
    let refusal = refusal(&bench).await;
    assert!(refusal.ends_with("is in use by another chatroom-server"), "{refusal}");
    write(&opened.journal, beginning()).await;
    assert_eq!(bench.rows("select count(*)::text from event").await, ["2"]);
}

#[tokio::test]
async fn readers_plan_as_they_are_told() {
    let bench = Bench::on_postgres().await;
    let opened = bench.open().await;
    let Database::Postgres(reader) = &opened.reader else {
        unreachable!("that is where it is");
    };
    for (name, value) in PLANNER_SETTINGS {
        let setting = sqlx::query_scalar("select current_setting($1)").bind(name);
        let setting: String = setting.fetch_one(reader).await.unwrap();
        assert_eq!(setting, value, "{name}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_followed_by_another_and_nothing_is_doubled() {
    let bench = Bench::on_postgres().await;
    let opened = bench.open().await;
    write(&opened.journal, beginning()).await;
    for lost in 1..=3 {
        bench.meddle(END_WRITER).await;
        write(&opened.journal, vec![at(20, error())]).await;
        // Told as soon as it was written, or after the time that it may wait.
        let mut committed = opened.journal.committed();
        let errors = format!("{lost}");
        while bench.rows("select error_count::text from session").await != [errors.as_str()] {
            committed.changed().await.unwrap();
        }
    }
    assert_eq!(bench.rows("select count(*)::text from event").await, ["5"]);
    assert_eq!(bench.rows("select count(distinct seq)::text from event").await, ["5"]);
    assert_eq!(opened.journal.status(), Status::Ready);
}

/// The connection that was thrown away may still commit while the next one already asks what was committed.
#[tokio::test]
async fn a_group_that_is_sent_twice_is_written_once() {
    let bench = Bench::on_postgres().await;
    let (ready, thread) = bench.prepare().await;
    let mut writer = ready.writer;
    let group = writer.number(beginning());
    let snapshot = Change::Snapshot(Box::new(Snapshot {
        room: RoomName::parse("r").unwrap(),
        started_at: Timestamp(10),
        peak: 1,
        participants: Vec::new(),
        members: Vec::new(),
        links: Vec::new(),
        gone: Vec::new(),
    }));
    let repair = writer.number(vec![at(20, error()), at(20, snapshot)]);
    let writes = thread.handle().spawn(async move {
        for group in [group, repair] {
            let first = writer.commit_once(&group).await.unwrap();
            assert!(first.is_some());
            let again = writer.commit_once(&group).await.unwrap();
            assert!(again.is_none_or(|seq| Some(seq) == first));
            writer.next_group += 1;
        }
    });
    writes.await.unwrap();
    assert_eq!(bench.rows("select error_count::text from session").await, ["1"]);
    assert_eq!(bench.rows("select count(*)::text from event").await, ["3"]);
}

/// A transaction that holds what a group needs: the database answers nothing, as long as it goes on.
#[tokio::test]
async fn what_waits_for_a_database_that_hangs_is_told_without_it_and_written_later() {
    let bench = Bench::on_postgres().await;
    let options = Options {
        commit_timeout: Duration::from_millis(300),
        ..bench.options()
    };
    let opened = Journal::open(options, || NOW).await.unwrap();
    write(&opened.journal, beginning()).await;
    let mut intruder = other(&bench).await;
    for statement in ["begin", "select from node for update"] {
        sqlx::query(statement).execute(&mut intruder).await.unwrap();
    }
    write(&opened.journal, vec![at(20, error())]).await;
    let Status::Degraded { waiting, .. } = opened.journal.status() else {
        panic!("the database hangs");
    };
    assert_eq!(waiting, 1);
    assert_eq!(bench.rows("select error_count::text from session").await, ["0"]);
    let mut committed = opened.journal.committed();
    committed.mark_unchanged();
    sqlx::query("rollback").execute(&mut intruder).await.unwrap();
    committed.changed().await.unwrap();
    assert_eq!(bench.rows("select error_count::text from session").await, ["1"]);
    released(&opened.journal).await;
    assert_eq!(opened.journal.status(), Status::Ready);
}

#[tokio::test]
async fn nothing_is_written_by_one_whose_place_another_has_taken() {
    let bench = Bench::on_postgres().await;
    let options = Options {
        commit_timeout: Duration::from_millis(300),
        ..bench.options()
    };
    let opened = Journal::open(options, || NOW).await.unwrap();
    write(&opened.journal, beginning()).await;
    bench.meddle("update node set epoch = epoch + 1").await;
    write(&opened.journal, vec![at(20, error())]).await;
    let said = tokio::time::timeout(Duration::from_secs(20), async {
        let taken = |reason: &str| reason.contains("another chatroom-server has taken this database");
        while !matches!(opened.journal.status(), Status::Degraded { reason, .. } if taken(&reason)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    said.await.unwrap();
    assert_eq!(bench.rows("select count(*)::text from event").await, ["2"]);
}

#[tokio::test]
async fn entries_come_after_all_that_are_there_whoever_wrote_them() {
    let bench = Bench::on_postgres().await;
    // As restored from a server whose transactions had larger numbers.
    bench
        .meddle("insert into event (seq, at, kind, detail) values (9000000000000000, 5, 'gap', '{}')")
        .await;
    let opened = bench.open().await;
    assert_eq!(*opened.journal.committed().borrow(), 9_000_000_000_000_000);
    write(&opened.journal, beginning()).await;
    let rows = bench.rows("select kind from event order by seq").await;
    assert_eq!(rows, ["gap", "session_started", "joined"]);
    committed(&bench, &opened.journal).await;
}

#[tokio::test]
async fn more_entries_than_a_transaction_has_numbers_for_are_written_in_two() {
    let bench = Bench::on_postgres().await;
    let opened = bench.open().await;
    write(&opened.journal, beginning()).await;
    write(&opened.journal, vec![at(20, error()); 5_000]).await;
    opened.journal.close(Duration::from_secs(60)).await.unwrap();
    assert_eq!(*opened.journal.dropped().borrow(), 0);
    assert_eq!(bench.rows("select error_count::text from session").await, ["5000"]);
    assert_eq!(
        bench
            .rows("select (count(distinct seq >> 12) > 2)::text from event")
            .await,
        ["true"],
        "of several transactions"
    );
}

/// What was open at a crash: more connections, and more sessions without anybody, than a transaction has numbers for.
const A_CRASH: &str = "
    insert into node (id, epoch, state, group_no, alive_at, expires_at) values (1, 1, 'active', 0, 50, now());
    insert into session (id, room, started_at)
        select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'room ' || n, 5 from generate_series(1, 5000) as n;
    insert into connection (session_id, participant_id, id, connected_at, opened_by)
        select session.id, session.id, session.id, 10, 'join' from session;";

#[tokio::test]
async fn a_crash_is_repaired_in_as_many_transactions_as_it_takes() {
    let bench = Bench::on_postgres().await;
    bench.meddle(A_CRASH).await;
    let opened = bench.open().await;
    assert_eq!(opened.last_alive, Timestamp(50));
    let kinds =
        bench.rows("select kind || ' ' || count(*) || ' ' || count(distinct session_id) from event group by kind");
    let mut kinds = kinds.await;
    kinds.sort();
    assert_eq!(kinds, ["disconnected 5000 5000", "session_ended 5000 5000"]);
    assert_eq!(
        bench
            .rows("select (count(distinct seq >> 12) = 4)::text from event")
            .await,
        ["true"],
        "of two transactions each"
    );
    let times = bench.rows("select distinct disconnected_at || ' ' || away_until || ' ' || closed_by from connection");
    assert_eq!(times.await, ["50 50 server_crash"]);
    assert_eq!(bench.rows("select distinct ended_at::text from session").await, ["50"]);
}

#[tokio::test]
async fn tables_of_others_and_of_later_versions_are_left_alone() {
    let bench = Bench::on_postgres().await;
    bench
        .meddle(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (9999, 'later', true, '', 0)",
        )
        .await;
    let newer = refusal(&bench).await;
    assert!(
        newer.contains("was made by a newer version of chatroom-server"),
        "{newer}"
    );

    let bench = Bench::on_postgres().await;
    bench
        .meddle("create schema theirs; create table theirs.event (id integer)")
        .await;
    let theirs = schema(&bench, "theirs");
    let opened = Journal::open(Options::on_server(theirs), || NOW).await;
    let foreign = opened.err().expect("it opened").to_string();
    assert!(foreign.contains("is not a database of chatroom-server"), "{foreign}");
    assert_eq!(
        bench
            .rows("select count(*)::text from pg_tables where schemaname = 'theirs'")
            .await,
        ["1"]
    );
}

async fn on_disk(connection: Connection) {
    let Database::Postgres(mut connection) = connection else {
        panic!("it is PostgreSQL");
    };
    let show = sqlx::query_scalar::<_, String>("show synchronous_commit");
    assert_eq!(show.fetch_one(&mut connection).await.unwrap(), "on");
}

#[tokio::test]
async fn what_is_told_is_on_the_disk_whatever_the_database_is_set_to() {
    let bench = Bench::on_postgres().await;
    bench
        .meddle(
            "do $$ begin
                 execute format('alter database %I set synchronous_commit = off', current_database());
             end $$",
        )
        .await;
    let (ready, thread) = bench.prepare().await;
    let mut writer = ready.writer;
    let asked = thread.handle().spawn(async move {
        on_disk(writer.connection.take().unwrap()).await;
        // Also of a connection that follows one that broke.
        on_disk(writer.store.connect().await.unwrap()).await;
    });
    asked.await.unwrap();
}

#[tokio::test]
async fn a_database_may_have_several_histories() {
    let bench = Bench::on_postgres().await;
    let one = bench.open().await;
    let schema = schema(&bench, "another_school");
    let other = Journal::open(Options::on_server(schema), || NOW).await.unwrap();
    write(&one.journal, beginning()).await;
    write(&other.journal, vec![at(10, started("theirs"))]).await;
    assert_eq!(bench.rows("select room from session").await, ["r"]);
    assert_eq!(bench.rows("select room from another_school.session").await, ["theirs"]);
}

/// Joined with the sessions, each new room was looked for among all that were open: with 15,000 a group took seconds.
#[tokio::test]
async fn rooms_that_begin_together_are_looked_up_one_by_one() {
    const BEGIN: u128 = 200;
    let bench = Bench::on_postgres().await;
    let opened = bench.open().await;
    let begin = |n| Record {
        session: Some(SessionId(Uuid::from_u128(5_000 + n))),
        ..at(10, started(&format!("new {n}")))
    };
    // A plan is made where there are few, and kept.
    write(&opened.journal, (0..3).map(begin).collect()).await;
    bench
        .meddle(
            "insert into session (id, room, started_at)
             select gen_random_uuid(), 'open ' || n, 1 from generate_series(1, 5000) as n",
        )
        .await;
    write(&opened.journal, (3..BEGIN).map(begin).collect()).await;
    // Counts are published some time after a commit, at the end of another transaction or of the connection.
    opened.journal.close(Duration::from_secs(30)).await.unwrap();
    let written = "select n_tup_ins::text from pg_stat_user_tables where relname = 'session' and n_tup_ins >= 5200";
    while bench.rows(written).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let read = "select idx_tup_read::text from pg_stat_user_indexes where indexrelname = 'session_open'";
    let read: u32 = bench.rows(read).await[0].parse().unwrap();
    assert!(read < 1_000, "{read} open sessions were read");
}
