//! Files that are refused, each with one sentence.

use std::os::unix::fs::PermissionsExt;

use sqlx::{AssertSqlSafe, Connection};

use super::*;

async fn refusal(path: PathBuf) -> String {
    let opened = Journal::open(Options::new(path.into()), || NOW).await;
    opened.err().expect("it opened").to_string()
}

#[tokio::test]
async fn missing_folder_and_folder_as_file() {
    let bench = Bench::new();
    let folder = bench.folder.path();
    let missing = folder.join("nowhere");
    assert_eq!(
        refusal(missing.join("a.db")).await,
        format!("the database's folder {} does not exist", missing.display())
    );
    assert_eq!(
        refusal(folder.to_owned()).await,
        format!("the database {} is a folder, not a file", folder.display())
    );
}

#[tokio::test]
async fn foreign_files_stay_untouched() {
    let bench = Bench::new();
    let text = "this is not a database, but long enough that SQLite reads a header from it. ".repeat(20);
    std::fs::write(bench.path(), &text).unwrap();
    assert!(
        refusal(bench.path())
            .await
            .contains("is not a database of chatroom-server")
    );
    assert_eq!(std::fs::read_to_string(bench.path()).unwrap(), text);

    for foreign in ["create table theirs (id integer)", "pragma application_id = 42"] {
        let bench = Bench::new();
        let mut theirs = SqliteConnectOptions::new()
            .filename(bench.path())
            .create_if_missing(true)
            .connect()
            .await
            .unwrap();
        sqlx::query(foreign).execute(&mut theirs).await.unwrap();
        drop(theirs);
        let before = std::fs::read(bench.path()).unwrap();
        assert!(
            refusal(bench.path())
                .await
                .contains("is not a database of chatroom-server")
        );
        assert_eq!(std::fs::read(bench.path()).unwrap(), before, "{foreign}");
    }
}

#[tokio::test]
async fn empty_files_are_filled() {
    let bench = Bench::new();
    std::fs::write(bench.path(), "").unwrap();
    let opened = bench.open().await;
    assert_eq!(opened.rooms, []);
    assert_eq!(bench.rows("pragma journal_mode").await, ["wal"]);
}

#[tokio::test]
async fn a_newer_version_is_refused() {
    let bench = Bench::new();
    let opened = bench.open().await;
    opened.journal.close(Duration::from_secs(5)).await.unwrap();
    let mut newer = bench.intruder().await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (99999999999999, 'later', true, x'00', 0)",
    )
    .execute(&mut newer)
    .await
    .unwrap();
    assert!(
        refusal(bench.path())
            .await
            .ends_with("was made by a newer version of chatroom-server")
    );
}

#[tokio::test]
async fn two_servers_never_share_a_file() {
    let bench = Bench::new();
    let opened = bench.open().await;
    let link = bench.folder.path().join("other name.db");
    std::os::unix::fs::symlink(bench.path(), &link).unwrap();
    for path in [bench.path(), link] {
        assert!(refusal(path).await.ends_with("is in use by another chatroom-server"));
    }
    opened.journal.close(Duration::from_secs(5)).await.unwrap();
    bench.open().await;
}

#[tokio::test]
async fn a_hard_link_is_the_same_file() {
    let bench = Bench::new();
    let opened = bench.open().await;
    let link = bench.folder.path().join("other name.db");
    std::fs::hard_link(bench.path(), &link).unwrap();
    assert!(
        refusal(link.clone())
            .await
            .ends_with("is in use by another chatroom-server")
    );
    opened.journal.close(Duration::from_secs(5)).await.unwrap();
    std::fs::remove_file(link).unwrap();
    bench.open().await;
}

#[tokio::test]
async fn what_is_made_is_its_owners_alone_and_what_is_there_keeps_its_mode() {
    let bench = Bench::new();
    let mode = |suffix: &str| {
        let mut name = bench.path().into_os_string();
        name.push(suffix);
        std::fs::metadata(name).unwrap().permissions().mode() & 0o777
    };
    let opened = bench.open().await;
    for suffix in ["", "-wal", "-shm", ".lock"] {
        assert_eq!(mode(suffix), 0o600, "{suffix}");
    }
    opened.journal.close(Duration::from_secs(5)).await.unwrap();
    std::fs::set_permissions(bench.path(), PermissionsExt::from_mode(0o640)).unwrap();
    let _opened = bench.open().await;
    assert_eq!(mode(""), 0o640);
}

#[tokio::test]
async fn unwritable_files_and_folders() {
    let bench = Bench::new();
    let folder = bench.folder.path().join("locked");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(bench.path(), "").unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o555)).unwrap();
    std::fs::set_permissions(bench.path(), PermissionsExt::from_mode(0o444)).unwrap();
    if std::fs::File::create(folder.join("probe")).is_ok() {
        // The superuser may write everywhere.
        return;
    }
    for path in [folder.join("a.db"), bench.path()] {
        let refusal = refusal(path).await;
        assert!(refusal.contains("cannot be written"), "{refusal}");
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    for bench in Bench::both().await {
        let opened = bench.open().await;
        let sql = "delete from event";
        let written = match &opened.reader {
            Database::Sqlite(pool) => sqlx::query(sql).execute(pool).await.map(drop),
            Database::Postgres(pool) => sqlx::query(sql).execute(pool).await.map(drop),
        };
        let error = written.unwrap_err().to_string();
        assert!(error.contains("readonly") || error.contains("read-only"), "{error}");
    }
}

/// What an earlier version left (`#` begins a short id): somebody who is there, somebody who is away and
/// is owed a leave, and a link.
const BEFORE_LIGHTER_JOINS: &str = "
    insert into session (id, room, started_at, participant_count) values (#01', 'r', 5, 3);
    insert into participant (id, session_id, username, joined_at)
        values (#11', #01', 'Ann', 10),
               (#12', #01', 'Bo', 20);
    insert into participant (id, session_id, username, joined_at, left_at, leave_reason)
        values (#13', #01', 'Cy', 20, 30, 'left');
    insert into connection (id, participant_id, connected_at, disconnected_at, opened_by, closed_by, away_until)
        values (#21', #11', 10, 12, 'join', 'disconnected', 14),
               (#22', #11', 14, null, 'reconnect', null, null),
               (#23', #12', 20, 25, 'join', 'disconnected', null),
               (#24', #13', 20, 30, 'join', 'left', 30);
    insert into member (id, session_id, participant_id, connection_id, client_key, position, joined_at, away_since, away_until)
        values (#31', #01', #11', #22', randomblob(32), 1, 10,
                null, null),
               (#32', #01', #12', #23', randomblob(32),
                2, 20, 25, 99);
    insert into owed_leave (member_id, connector, leaver)
        values (#32', 'to Cy', #33');
    insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at, answered_at, offerer_candidates)
        values (#41', #01', #11', #12', 'user', 21, 22, 7);
    insert into live_link values (#41', #01', #31', 'a', #32',
        'b');
    insert into gone_member values (#01', 3, #33');
    update heartbeat set at = 40;";

#[tokio::test]
async fn what_an_earlier_version_left_is_taken_over() {
    let bench = Bench::new();
    let mut earlier = SqliteConnectOptions::new()
        .filename(bench.path())
        .create_if_missing(true)
        .foreign_keys(true)
        .connect()
        .await
        .unwrap();
    let mut migrator = sqlx::migrate!();
    migrator.migrations.to_mut().retain(|migration| migration.version < 5);
    migrator.run(&mut earlier).await.unwrap();
    let rows = BEFORE_LIGHTER_JOINS.replace('#', "x'000000000000000000000000000000");
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut earlier).await.unwrap();
    for why in [
        "connection closed",
        "connection lost",
        "no sign of life",
        "stopped reading",
        "polled twice at once",
    ] {
        sqlx::query(
            "insert into event (at, kind, detail) values (1, 'disconnected', json_object('why', ?, 'until', 'x'))",
        )
        .bind(why)
        .execute(&mut earlier)
        .await
        .unwrap();
    }
    earlier.close().await.unwrap();

    let opened = bench.open().await;
    let details = bench.rows("select detail from event where at = 1 order by seq").await;
    let expected = ["closed", "reset", "silent", "stalled", "server"];
    assert_eq!(details, expected.map(|why| format!(r#"{{"why":"{why}","until":"x"}}"#)));
    let [(_, room)] = opened.rooms.as_slice() else {
        panic!("one room goes on");
    };
    let id = |last: u128| Uuid::from_u128(last);
    let people: Vec<_> = room
        .members
        .iter()
        .map(|live| (live.username.as_str(), live.connected_at, live.owed.len()))
        .collect();
    assert_eq!(people, [("Ann", Timestamp(14), 0), ("Bo", Timestamp(20), 1)]);
    assert_eq!((room.participants.len(), &room.gone), (3, &vec![MemberId(id(0x33))]));
    let link = &room.links[0];
    assert_eq!((link.link, link.traffic.offerer_candidates), (LinkId(id(0x41)), 7));
    assert_eq!(link.answered.as_ref().unwrap().0.as_str(), "b");
    let connections = "select connected_at || '-' || disconnected_at || ' ' || closed_by from connection order by id";
    assert_eq!(
        bench.rows(connections).await,
        [
            "10-12 disconnected",
            "14-40 server_crash",
            "20-25 disconnected",
            "20-30 left"
        ]
    );
    assert_eq!(
        bench.rows("select 'broken' from pragma_foreign_key_check").await,
        [""; 0]
    );
}
