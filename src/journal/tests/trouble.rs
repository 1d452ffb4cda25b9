//! A database that fails, hangs, or refuses.

use tokio::sync::mpsc::unbounded_channel;

use super::*;

const KINDS: &str = "select kind || coalesce(detail ->> 'dropped', '') from event order by seq";

async fn hold_the_lock(bench: &Bench) -> SqliteConnection {
    let mut intruder = bench.intruder().await;
    sqlx::query("begin immediate").execute(&mut intruder).await.unwrap();
    intruder
}

async fn let_go(mut intruder: SqliteConnection) {
    sqlx::query("rollback").execute(&mut intruder).await.unwrap();
}

fn many_errors(count: usize) -> Vec<Record> {
    vec![at(20, error()); count]
}

fn beginning() -> Vec<Record> {
    vec![at(10, started("r")), at(10, joined(1, 0, 1))]
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_not_doubled() {
    for bench in Bench::both().await {
        let (ready, thread) = bench.prepare().await;
        let mut writer = ready.writer;
        let records: Vec<Record> = beginning().into_iter().chain(many_errors(3)).collect();
        let group = writer.number(records);
        // What waits on the network does so where the writer would.
        let writes = thread.handle().spawn(async move {
            let mut last = Vec::new();
            for _ in 0..2 {
                last.push(writer.commit_once(&group).await.unwrap());
                // The answer never came: the connection is gone, and the group still counts as unwritten.
                writer.connection = None;
            }
            last
        });
        let last = writes.await.unwrap();
        assert_eq!(last[0], last[1]);
        assert_eq!(bench.rows("select error_count || '' from session").await, ["3"]);
        assert_eq!(bench.rows("select count(*) || '' from event").await, ["5"]);
    }
}

#[tokio::test]
async fn a_full_disk_is_written_again_once_it_has_room() {
    let bench = Bench::new();
    let mut writer = bench.prepare().await.0.writer;
    let group = writer.number(beginning());
    writer.commit_once(&group).await.unwrap();
    writer.next_group += 1;
    let Some(Database::Sqlite(connection)) = &mut writer.connection else {
        panic!("it is no file");
    };
    let pages: i64 = sqlx::query_scalar("pragma page_count")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("pragma max_page_count = {pages}")))
        .execute(connection)
        .await
        .unwrap();

    let group = writer.number(many_errors(2_000));
    let error = writer.commit_once(&group).await.unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
    assert!(writer.connection.is_none(), "its transaction depth is wrong for good");
    // The next connection has no such limit.
    writer.commit_once(&group).await.unwrap();
    assert_eq!(bench.rows("select error_count || '' from session").await, ["2000"]);
    assert_eq!(bench.rows("select count(*) || '' from event").await, ["2002"]);
}

#[tokio::test]
async fn a_locked_database_delays_for_its_patience_and_no_longer() {
    let bench = Bench::new();
    let options = Options {
        commit_timeout: Duration::from_millis(300),
        ..bench.options()
    };
    let opened = Journal::open(options, || NOW).await.unwrap();
    write(&opened.journal, beginning()).await;
    assert_eq!(opened.journal.status(), Status::Ready);

    let intruder = hold_the_lock(&bench).await;
    let before = Instant::now();
    write(&opened.journal, many_errors(1)).await;
    assert!(
        before.elapsed() >= Duration::from_millis(300),
        "told before it was written"
    );
    let Status::Degraded { waiting, .. } = opened.journal.status() else {
        panic!("the database is locked");
    };
    assert_eq!(waiting, 1);
    let locked = tokio::time::timeout(Duration::from_secs(5), async {
        while !matches!(opened.journal.status(), Status::Degraded { reason, .. } if reason == "database is locked") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    locked.await.unwrap();
    let before = Instant::now();
    write(&opened.journal, many_errors(1)).await;
    assert!(before.elapsed() < Duration::from_millis(200), "at once while degraded");

    let mut committed = opened.journal.committed();
    let_go(intruder).await;
    let recovery = committed.wait_for(|&seq| seq == 4);
    tokio::time::timeout(Duration::from_secs(5), recovery)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(bench.rows(KINDS).await, ["session_started", "joined", "error", "error"]);
    released(&opened.journal).await;
    assert_eq!(opened.journal.status(), Status::Ready);
}

#[tokio::test]
async fn a_writer_stuck_in_one_statement_holds_nobody_back() {
    let bench = Bench::new();
    let options = Options {
        commit_timeout: Duration::from_millis(300),
        ..bench.options()
    };
    let thread = WriterThread::start(false).unwrap();
    let mut writer = prepare(options, Arc::new(|| NOW), &thread).await.unwrap().writer;
    let Database::Sqlite(file) = &mut writer.store else {
        panic!("it is no file");
    };
    file.options = file.options.clone().busy_timeout(Duration::from_secs(600));
    writer.connection = Some(writer.store.connect().await.unwrap());
    let intruder = hold_the_lock(&bench).await;
    let journal = Journal::start(writer, thread);
    write(&journal, beginning()).await;
    let Status::Degraded { reason, .. } = journal.status() else {
        panic!("the database hangs");
    };
    assert!(reason.starts_with("the database has not answered for"), "{reason}");
    let_go(intruder).await;
    journal.committed().wait_for(|&seq| seq == 2).await.unwrap();
}

#[tokio::test]
async fn what_was_dropped_is_one_gap() {
    let bench = Bench::new();
    let options = Options {
        capacity: 10,
        commit_timeout: Duration::from_millis(100),
        ..bench.options()
    };
    let opened = Journal::open(options, || NOW).await.unwrap();
    let journal = &opened.journal;
    write(journal, beginning()).await;
    let intruder = hold_the_lock(&bench).await;
    assert_eq!(
        journal.submit(Source::default(), many_errors(9), None),
        Submitted::Accepted
    );
    assert_eq!(
        journal.submit(Source::default(), many_errors(2), None),
        Submitted::Dropped
    );
    assert_eq!(
        journal.submit(Source::default(), many_errors(5), None),
        Submitted::Dropped
    );
    assert_eq!(*journal.dropped().borrow(), 7);
    released(journal).await;
    let_go(intruder).await;
    journal.committed().wait_for(|&seq| seq == 12).await.unwrap();
    assert_eq!(
        bench
            .rows("select count(*) || '' from event where kind = 'error'")
            .await,
        ["9"]
    );
    assert_eq!(bench.rows(KINDS).await.last().unwrap(), "gap7");
}

#[tokio::test]
async fn a_record_that_contradicts_the_database_blocks_nothing() {
    let bench = Bench::new();
    let opened = bench.open().await;
    let mut records = beginning();
    records.extend(many_errors(500));
    // Somebody else of the same name.
    let Change::Joined(mut other) = joined(7, 0, 2) else {
        panic!("that is what it makes");
    };
    other.username = name(1);
    records.insert(200, at(15, Change::Joined(other)));
    // The same member twice.
    records.push(at(30, joined(1, 0, 1)));
    write(&opened.journal, records).await;
    opened.journal.committed().wait_for(|&seq| seq == 505).await.unwrap();
    assert_eq!(bench.rows("select error_count || '' from session").await, ["500"]);
    assert_eq!(
        bench.rows("select detail from event where kind = 'gap'").await,
        [r#"{"dropped":2}"#]
    );
    assert_eq!(*opened.journal.dropped().borrow(), 2);
}

#[tokio::test]
async fn releases_run_in_the_order_of_submission() {
    let bench = Bench::new();
    let opened = bench.open().await;
    let (tell, mut told) = unbounded_channel();
    write(&opened.journal, beginning()).await;
    for number in 0..1_000 {
        let tell = tell.clone();
        let count = usize::from(number % 3 == 0);
        let release: Release = Box::new(move || tell.send(number).unwrap());
        assert_eq!(
            opened
                .journal
                .submit(Source::default(), many_errors(count), Some(release)),
            Submitted::Accepted
        );
    }
    for number in 0..1_000 {
        assert_eq!(told.recv().await, Some(number));
    }
}

#[tokio::test]
async fn a_release_that_panics_stops_no_other() {
    let bench = Bench::new();
    let opened = bench.open().await;
    let _ = opened.journal.submit(
        Source::default(),
        Vec::new(),
        Some(Box::new(|| panic!("a bug of a room"))),
    );
    write(&opened.journal, beginning()).await;
}

#[tokio::test]
async fn closing_writes_everything_and_says_what_it_could_not() {
    let bench = Bench::new();
    let opened = bench.open().await;
    let journal = &opened.journal;
    let _ = journal.submit(Source::default(), beginning(), None);
    let _ = journal.submit(Source::default(), many_errors(5_000), None);
    journal.close(Duration::from_secs(10)).await.unwrap();
    journal.close(Duration::ZERO).await.unwrap();
    assert_eq!(bench.rows("select count(*) || '' from event").await, ["5002"]);
    assert_eq!(bench.rows("select clean_stop || '' from heartbeat").await, ["1"]);
    assert_eq!(
        journal.submit(Source::default(), many_errors(1), None),
        Submitted::Dropped
    );
    released(journal).await;

    let opened = bench.open().await;
    let intruder = hold_the_lock(&bench).await;
    let _ = opened.journal.submit(Source::default(), many_errors(3), None);
    let lost = opened.journal.close(Duration::from_millis(50)).await;
    assert_eq!(lost, Err(CloseError { waiting: 3 }));
    let_go(intruder).await;
}

/// A room may have more to record once it is told that something is written: to whom a leave could not be said.
#[tokio::test]
async fn closing_waits_for_what_its_last_releases_record() {
    let bench = Bench::new();
    let homeless = || Record {
        session: None,
        ..at(20, error())
    };
    for stop in 1..=20 {
        let opened = bench.open().await;
        let journal = opened.journal.clone();
        let later: Release = Box::new(move || {
            let _ = journal.submit(Source::default(), vec![homeless()], None);
        });
        let _ = opened.journal.submit(Source::default(), vec![homeless()], Some(later));
        opened.journal.close(Duration::from_secs(5)).await.unwrap();
        let written = bench.rows("select count(*) || '' from event").await;
        assert_eq!(written, [(stop * 2).to_string()]);
    }
}

/// Who was there is worth more than what was refused.
#[tokio::test]
async fn a_disk_without_space_keeps_membership_only() {
    let bench = Bench::new();
    let options = Options {
        min_free_disk: u64::MAX,
        ..bench.options()
    };
    let opened = Journal::open(options, || NOW).await.unwrap();
    // The writer has looked at the disk before it writes.
    write(&opened.journal, beginning()).await;
    let only_membership = true;
    assert!(matches!(opened.journal.status(), Status::LowDisk { only_membership: o, .. } if o == only_membership));
    let records = vec![at(20, joined(2, 0, 2)), at(20, offered(1, 1, 2)), at(20, error())];
    write(&opened.journal, records).await;
    write(&opened.journal, many_errors(100)).await;
    assert_eq!(bench.rows("select count(*) || '' from participant").await, ["2"]);
    assert_eq!(bench.rows("select count(*) || '' from link").await, ["0"]);
    assert_eq!(
        bench
            .rows("select count(*) || '' from event where kind in ('error', 'gap')")
            .await,
        ["0"]
    );
}
