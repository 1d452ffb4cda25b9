//! Files that are refused, each with one sentence.

use std::os::unix::fs::PermissionsExt;

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
    let bench = Bench::new();
    let opened = bench.open().await;
    let write = sqlx::query("delete from event").execute(&opened.reader).await;
    assert!(write.unwrap_err().to_string().contains("readonly"));
}
