//! The history in PostgreSQL, as whoever runs the server meets it.
#![cfg(unix)]

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use chatroom_testkit::{Postgres, Socket};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::support::server::{PROGRAM, Server, command, program, said};

/// What the server says that does not start, and how it ends: in one line.
fn refusal(folder: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let (code, text) = said(&program(folder, variables).output().unwrap());
    assert_eq!(text.lines().count(), 1, "{text}");
    (code, text)
}

/// A database of a test's own, and its address.
async fn database() -> (PgConnectOptions, String) {
    let postgres = Postgres::shared();
    let database = postgres.empty_database().await;
    let url = postgres.url(&database);
    (database, url)
}

async fn run(database: &PgConnectOptions, statement: &str) {
    let mut connection: PgConnection = database.connect().await.unwrap();
    let statement = AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

async fn text(database: &PgConnectOptions, sql: &'static str) -> String {
    let mut connection = database.connect().await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_server_keeps_its_history_there_and_goes_on_with_it() {
    let (database, url) = database().await;
    let folder = tempfile::tempdir().unwrap();
    let variables = [("DATABASE_URL", url.as_str()), ("DATABASE_SCHEMA", "year_7")];
    let mut server = Server::start(program(folder.path(), &variables));
    let name = database.get_database().unwrap();
    let socket = database.get_socket().unwrap().display();
    let line = format!("  The history is in   {name} on {socket} (schema year_7)");
    assert!(server.banner.contains(&line), "{:?}", server.banner);
    let (_ann, seat) = Socket::join(server.port, "room", "Ann").await;
    let written = text(
        &database,
        "select username || ' in ' || room from year_7.participant, year_7.session",
    )
    .await;
    assert_eq!(written, "Ann in room");
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    assert_eq!(text(&database, "select state from year_7.node").await, "stopped");

    // Who was there may come back, though nobody was told that the server stopped.
    let server = Server::start(program(folder.path(), &variables));
    let (mut bo, _) = Socket::join(server.port, "room", "Bo").await;
    bo.emit(
        "icecandidate",
        json!({"memberId": seat["memberId"], "remoteConnectorId": "c", "candidate": 1}),
    )
    .await;
    assert_eq!(text(&database, "select count(*)::text from year_7.member").await, "2");
    assert!(
        !folder.path().join("chatroom.db").exists(),
        "a file that nobody asked for"
    );

    // Also in a schema whose name is a word of SQL's.
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(folder.path(), &[variables[0], ("DATABASE_SCHEMA", "order")]));
    Socket::join(server.port, "room", "Cy").await;
    assert_eq!(
        text(&database, "select username from \"order\".participant").await,
        "Cy"
    );
}

#[tokio::test]
async fn the_reviews_token_is_one_of_the_database_until_another_is_made() {
    let (_, url) = database().await;
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut start = program(folder.path(), &[("DATABASE_URL", &url)]);
        start.env_remove("REVIEW_TOKEN");
        start
    };
    let printed = |new: bool| {
        let mut command = start();
        let (code, text) = said(
            &command
                .arg("show-review-token")
                .args(new.then_some("--new"))
                .output()
                .unwrap(),
        );
        assert_eq!(code, Some(0), "{text}");
        text.trim().to_owned()
    };
    let is_told = |server: &Server, token: &str| {
        let token = format!("={token}");
        server.banner.iter().any(|line| line.ends_with(&token))
    };
    let opens = |server: &Server, token: &str| {
        let answer = server.ask(&format!("/review?token={token}")).unwrap();
        answer.contains("set-cookie")
    };
    let server = Server::start(start());
    let token = printed(false);
    assert!(
        token.len() == 64 && is_told(&server, &token) && opens(&server, &token),
        "{:?}",
        server.banner
    );
    drop(server);
    let other = printed(true);
    assert!(other != token && printed(false) == other);
    let server = Server::start(start());
    assert!(
        is_told(&server, &other) && !opens(&server, &token),
        "{:?}",
        server.banner
    );
    assert!(!folder.path().join("chatroom.db.review-token").exists());
}

#[tokio::test]
async fn what_cannot_be_used_is_one_sentence_without_the_password() {
    let (database, url) = database().await;
    let postgres = Postgres::shared();
    for statement in [
        "create role guarded",
        "create role ann login password 'right-seekrit' in role guarded",
        "create role bo login",
        "create database latin encoding 'SQL_ASCII' template template0",
    ] {
        postgres.execute(statement.to_owned()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = database.get_database().unwrap();
    let socket = database.get_socket().unwrap().display().to_string();
    let as_role = |role: &str| url.replace("user=chatroom", &format!("user={role}"));
    let table = [
        (
            "postgres://ann:seekrit@127.0.0.1:1/class".to_owned(),
            "cannot be reached: Connection refused",
        ),
        (
            "postgres:///class?host=/nowhere&password=seekrit".to_owned(),
            "cannot be reached: No such file or directory",
        ),
        (
            "postgres://ann:seekrit@no.invalid/class?sslmode=verify-full".to_owned(),
            "cannot be reached: ",
        ),
        (
            as_role("ann&password=wrong-seekrit"),
            "refused the login: password authentication failed for user \"ann\"",
        ),
        (as_role("ann"), "refused the login: "),
        (
            as_role("nobody-knows"),
            "refused the login: role \"nobody-knows\" does not exist",
        ),
        (url.replace(name, "nowhere"), "there is no database nowhere on "),
        (url.replace(name, "latin"), "keeps text as SQL_ASCII"),
        (as_role("bo"), "the role bo may not do in the database"),
    ];
    for (url, part) in &table {
        let (code, text) = refusal(folder.path(), &[("DATABASE_URL", url)]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(part) && text.contains("(schema chatroom)"), "{text}");
        assert!(!text.contains("seekrit"), "{text}");
        assert!(!url.contains(&socket) || text.contains(&socket), "{text}");
    }

    // A line of a file of passwords that cannot be read is told by nobody, however much is logged.
    let passwords = folder.path().join("pgpass");
    std::fs::write(&passwords, "127.0.0.1:seekrit\n").unwrap();
    make_readable(&passwords);
    let mut start = program(folder.path(), &[("DATABASE_URL", "postgres://ann@127.0.0.1:1/class")]);
    let (code, text) = said(
        &start
            .env("PGPASSFILE", &passwords)
            .env("LOG", "trace")
            .output()
            .unwrap(),
    );
    assert!(code == Some(1) && !text.contains("seekrit"), "{text}");

    // Let in with the right one, but not into what is another's.
    run(&database, "create schema chatroom").await;
    let (code, text) = refusal(
        folder.path(),
        &[("DATABASE_URL", &as_role("ann&password=right-seekrit"))],
    );
    assert!(
        code == Some(1)
            && text.contains("may not do in the database")
            && text.contains("permission denied for schema chatroom"),
        "{text}"
    );
}

#[tokio::test]
async fn a_history_that_is_used_or_newer_or_anothers_is_left_alone() {
    let (database, url) = database().await;
    let folder = tempfile::tempdir().unwrap();
    let variables = [("DATABASE_URL", url.as_str())];
    let mut server = Server::start(program(folder.path(), &variables));
    let (code, text) = refusal(folder.path(), &variables);
    assert!(
        code == Some(1) && text.contains("is in use by another chatroom-server"),
        "{text}"
    );
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    run(
        &database,
        "insert into chatroom._sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'later', true, '', 0);
         create schema theirs; create table theirs.pupil (name text)",
    )
    .await;
    let (code, text) = refusal(folder.path(), &variables);
    assert!(
        code == Some(1) && text.contains("was made by a newer version of chatroom-server"),
        "{text}"
    );
    let mut renew = program(folder.path(), &variables);
    let (code, text) = said(&renew.args(["show-review-token", "--new"]).output().unwrap());
    assert!(
        code == Some(1) && text.contains("was made by a newer version of chatroom-server"),
        "{text}"
    );
    let (code, text) = refusal(folder.path(), &[variables[0], ("DATABASE_SCHEMA", "theirs")]);
    assert!(
        code == Some(1) && text.contains("is not a database of chatroom-server"),
        "{text}"
    );
}

/// What a start says in its log of what the database may lose.
/// As after its machine was suspended for longer than another waits.
#[tokio::test]
async fn a_server_whose_place_another_has_taken_ends() {
    let (database, url) = database().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut server = Server::start_unread(program(folder.path(), &[("DATABASE_URL", url.as_str())]), &log);
    let (_ann, _) = Socket::join(server.port, "room", "Ann").await;
    run(&database, "update chatroom.node set epoch = epoch + 1").await;
    assert_eq!(server.exit_code(), Some(1));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        log.contains("another chatroom-server has taken this database, as this one had not answered"),
        "{log}"
    );
}

fn told_of_loss(postgres: &Postgres) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let url = postgres.address();
    let mut server = Server::start_unread(program(folder.path(), &[("DATABASE_URL", &url)]), &log);
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let log = std::fs::read_to_string(log).unwrap();
    let warnings = log.lines().filter_map(|line| line.split_once(" WARN "));
    warnings.map(|(_, line)| line.to_owned()).collect()
}

const UNSAFE: &str = "the database runs with fsync or full_page_writes off";
const LATE: &str = "the database has a replica that it does not wait for (synchronous_standby_names)";

#[tokio::test]
async fn a_database_that_may_lose_what_it_was_given_is_warned_of() {
    let postgres = Postgres::own(&[("fsync", "off")]);
    let [told] = told_of_loss(&postgres).try_into().unwrap();
    assert!(told.contains(UNSAFE), "{told}");

    let postgres = Postgres::own(&[]);
    assert_eq!(told_of_loss(&postgres), [""; 0]);
    let set = async |setting: &str| {
        postgres.execute(format!("alter system set {setting}")).await;
        postgres.execute("select pg_reload_conf()".to_owned()).await;
        wait_for_setting(&postgres, setting).await;
    };
    set("full_page_writes = off").await;
    let [told] = told_of_loss(&postgres).try_into().unwrap();
    assert!(told.contains(UNSAFE), "{told}");
    set("full_page_writes = on").await;

    postgres.replicate();
    wait_until(
        &postgres,
        "exists (select from pg_stat_replication where state = 'streaming')",
    )
    .await;
    let [told] = told_of_loss(&postgres).try_into().unwrap();
    assert!(told.contains(LATE), "{told}");
    set("synchronous_standby_names = '*'").await;
    wait_until(
        &postgres,
        "exists (select from pg_stat_replication where sync_state = 'sync')",
    )
    .await;
    assert_eq!(told_of_loss(&postgres), [""; 0]);
}

/// Waits until a new connection has what was set.
async fn wait_for_setting(postgres: &Postgres, setting: &str) {
    let (name, value) = setting.split_once(" = ").unwrap();
    let value = value.trim_matches('\'');
    wait_until(postgres, &format!("current_setting('{name}') = '{value}'")).await;
}

async fn wait_until(postgres: &Postgres, condition: &str) {
    let options: PgConnectOptions = postgres.address().parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut connection = options.connect().await.unwrap();
        let holds = AssertSqlSafe(format!("select {condition}"));
        if sqlx::query_scalar(holds).fetch_one(&mut connection).await.unwrap() {
            return;
        }
        assert!(Instant::now() < deadline, "{condition}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whatever state it is asked for, with what it says.
async fn wait_for_readiness(server: &Server, wanted: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = server.ask("/readyz").unwrap();
        if answer.split(' ').nth(1) == Some(wanted) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How long a join may take while the database does not answer: its time, and what a busy machine takes.
const BOUNDED_WAIT: Duration = Duration::from_secs(3);

async fn timed_join(port: u16, name: &str) -> Socket {
    let asked = Instant::now();
    let (socket, _) = Socket::join(port, &format!("room of {name}"), name).await;
    assert!(asked.elapsed() < BOUNDED_WAIT, "{name} took {:?}", asked.elapsed());
    socket
}

/// Ann and Bo, of whom Bo has made Ann an offer, and Bo's id.
async fn pair(port: u16) -> (Socket, Socket, Value) {
    let (mut ann, ann_seat) = Socket::join(port, "lesson", "Ann").await;
    let (mut bo, bo_seat) = Socket::join(port, "lesson", "Bo").await;
    ann.expect("getOffer").await;
    bo.offer_to(&ann_seat["memberId"]).await;
    ann.expect("offer").await;
    (ann, bo, bo_seat["memberId"].clone())
}

async fn relay(ann: &mut Socket, bo: &mut Socket, bo_id: &Value, number: i32) {
    let candidate = json!({"remoteConnectorId": "c", "memberId": bo_id, "candidate": number});
    ann.emit("icecandidate", candidate).await;
    assert_eq!(bo.expect("icecandidate").await["candidate"], number);
}

#[tokio::test]
async fn a_class_goes_on_while_postgres_is_gone_and_everything_is_written_once_it_is_back() {
    let postgres = Postgres::own(&[]);
    let database = postgres.empty_database().await;
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.url(&database);
    let variables = [("DATABASE_URL", url.as_str())];
    let mut server = Server::start_unread(program(folder.path(), &variables), &folder.path().join("log"));
    let (mut ann, mut bo, bo_id) = pair(server.port).await;
    let mut others = Vec::new();
    for (round, end) in [Postgres::kill, Postgres::stop].into_iter().enumerate() {
        end(&postgres);
        for number in 0..20 {
            relay(&mut ann, &mut bo, &bo_id, number).await;
        }
        // Who waits for the database when it ends waits its time; nobody does once it is known to be gone.
        for number in 0..5 {
            others.push(timed_join(server.port, &format!("pupil {round} {number}")).await);
        }
        let problem = wait_for_readiness(&server, "503").await;
        assert!(problem.contains("The history is not being written"), "{problem}");
        assert!(server.ask("/livez").unwrap().starts_with("HTTP/1.1 200"));
        let past = server.ask_as_reviewer("/api/v1/sessions").unwrap();
        assert!(
            past.starts_with("HTTP/1.1 503") && past.contains("The history cannot be read for now"),
            "{past}"
        );
        postgres.start();
        wait_for_readiness(&server, "200").await;
    }
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let joined = "select count(*) || ' ' || count(distinct participant_id) from chatroom.event where kind = 'joined'";
    assert_eq!(text(&database, joined).await, "12 12");
    let gaps = "select count(*)::text from chatroom.event where kind = 'gap'";
    assert_eq!(text(&database, gaps).await, "0");
    assert_eq!(text(&database, "select state from chatroom.node").await, "stopped");
}

/// A transaction of somebody else's that holds what each group of records needs.
#[tokio::test]
async fn a_class_goes_on_while_postgres_hangs() {
    let (database, url) = database().await;
    let folder = tempfile::tempdir().unwrap();
    let variables = [("DATABASE_URL", url.as_str()), ("DATABASE_STATEMENT_TIMEOUT", "1s")];
    let mut server = Server::start_unread(program(folder.path(), &variables), &folder.path().join("log"));
    let (mut ann, mut bo, bo_id) = pair(server.port).await;
    let mut intruder: PgConnection = database.connect().await.unwrap();
    let lock = "begin; select from chatroom.node for update";
    sqlx::raw_sql(lock).execute(&mut intruder).await.unwrap();
    let _cy = timed_join(server.port, "Cy").await;
    wait_for_readiness(&server, "503").await;
    relay(&mut ann, &mut bo, &bo_id, 1).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while !wait_for_readiness(&server, "503").await.contains("statement timeout") {
        assert!(Instant::now() < deadline, "it ends what takes too long");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sqlx::raw_sql("rollback").execute(&mut intruder).await.unwrap();
    wait_for_readiness(&server, "200").await;
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let joined = "select count(*)::text from chatroom.event where kind = 'joined'";
    assert_eq!(text(&database, joined).await, "3");
}

#[tokio::test]
async fn the_server_runs_with_a_role_that_may_do_nothing_else() {
    let (database, url) = database().await;
    run(&database, include_str!("../../deploy/postgres/roles.sql")).await;
    let theirs = "create schema theirs; create table theirs.pupil as select 'Ann' as name";
    run(&database, theirs).await;
    let folder = tempfile::tempdir().unwrap();
    let url_of = |role: &str| url.replace("user=chatroom", &format!("user={role}"));
    let (owner, own) = (url_of("chatroom_owner"), url_of("chatroom_server"));

    let (code, text) = refusal(folder.path(), &[("DATABASE_URL", &own)]);
    assert!(
        code == Some(1) && text.contains("the role chatroom_server may not do"),
        "{text}"
    );
    let mut migrate = command(PROGRAM, folder.path());
    migrate.arg("migrate").env("DATABASE_URL", &owner);
    for _ in 0..2 {
        let (code, text) = said(&migrate.output().unwrap());
        let done = text.ends_with("(schema chatroom): the tables are up to date.\n");
        assert!(code == Some(0) && done, "{text}");
    }

    let mut server = Server::start(program(folder.path(), &[("DATABASE_URL", &own)]));
    let (ann, seat) = Socket::join(server.port, "room", "Ann").await;
    ann.vanish();
    let (_ann, back) = Socket::resume(server.port, "room", "Ann").await;
    assert_eq!(back["memberId"], seat["memberId"]);
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));

    let as_server = database.clone().username("chatroom_server");
    let mut connection: PgConnection = as_server.connect().await.unwrap();
    for statement in [
        "select from theirs.pupil",
        "create table chatroom.mine (n integer)",
        "drop table chatroom.event",
        "truncate chatroom.event",
        "delete from chatroom._sqlx_migrations",
        "update chatroom._sqlx_migrations set version = 9",
        "alter table chatroom.event add n integer",
        "create schema mine",
        "create role mine",
        "copy chatroom.event to program 'cat'",
    ] {
        let refused = sqlx::query(statement).execute(&mut connection).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refused}");
    }
}

/// A server that speaks TLS, with a certificate of localhost's.
struct Tls {
    postgres: Postgres,
    port: u16,
    folder: tempfile::TempDir,
}

impl Tls {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_readable(folder.path());
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            make_readable(&path);
            path.to_str().unwrap().to_owned()
        };
        let certificate = file("server.crt", &certificate.pem());
        let key = file("server.key", &key.serialize_pem());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let postgres = Postgres::own(&[
            ("listen_addresses", "localhost"),
            ("port", &port.to_string()),
            ("ssl", "on"),
            ("ssl_cert_file", &certificate),
            ("ssl_key_file", &key),
        ]);
        Self { postgres, port, folder }
    }
}

/// By whom PostgreSQL runs as where the tests run as root, and by nobody else.
fn make_readable(path: &Path) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    const NOBODY: u32 = 65_534;
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    if path.metadata().unwrap().uid() == 0 {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

#[tokio::test]
async fn the_way_to_postgres_is_protected_where_it_is_asked_for() {
    let tls = Tls::start();
    for statement in [
        "create role guarded",
        "create role ann login password 'right-seekrit' in role guarded",
        "create database class owner ann",
    ] {
        tls.postgres.execute(statement.to_owned()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = tls.folder.path().join("server.crt");
    let url = format!("postgres://ann@localhost:{}/class?sslmode=verify-full", tls.port);
    let trusting = format!("{url}&sslrootcert={}", authority.display());
    let passwords = folder.path().join("pgpass");
    std::fs::write(&passwords, format!("localhost:{}:class:ann:right-seekrit\n", tls.port)).unwrap();
    make_readable(&passwords);

    let mut start = program(folder.path(), &[("DATABASE_URL", &trusting)]);
    start.env("PGPASSFILE", &passwords);
    let mut server = Server::start(start);
    let (_ann, _) = Socket::join(server.port, "room", "Ann").await;
    let way = "select string_agg(distinct version, ' ') from pg_stat_ssl join pg_stat_activity using (pid)
        where application_name = 'chatroom-server'";
    let class = tls
        .postgres
        .url(&PgConnectOptions::new_without_pgpass().database("class"));
    assert_eq!(text(&class.parse().unwrap(), way).await, "TLSv1.3");
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));

    // Nobody has vouched for who answers; and a name that the certificate does not have is another's.
    let by_address = trusting.replace("@localhost", "@127.0.0.1");
    let password = ("PGPASSWORD", "right-seekrit");
    for (url, part) in [(&url, "invalid peer certificate"), (&by_address, "not valid for name")] {
        let (code, text) = refusal(folder.path(), &[("DATABASE_URL", url), password]);
        let is_told = text.contains("cannot be reached") && text.contains(part);
        assert!(code == Some(1) && is_told && !text.contains("seekrit"), "{text}");
    }
    let wrong = ("PGPASSWORD", "wrong-seekrit");
    let (code, text) = refusal(folder.path(), &[("DATABASE_URL", &trusting), wrong]);
    let is_told = text.contains("refused the login");
    assert!(code == Some(1) && is_told && !text.contains("seekrit"), "{text}");
    let nowhere = [("DATABASE_URL", url.as_str()), ("PGSSLROOTCERT", "/no/file")];
    let (code, text) = said(&program(folder.path(), &nowhere).output().unwrap());
    assert!(code == Some(2) && text.contains("names as sslrootcert"), "{text}");
}
