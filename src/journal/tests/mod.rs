//! The journal against real files: rows, refusals, crashes and trouble.

mod backlog;
mod batch;
mod crash;
mod erase;
mod open;
mod postgres;
mod queue;
mod read;
mod rows;
mod trouble;

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;

use super::open::{Ready, prepare};
use super::*;
use crate::history::fixture;
use crate::model::id::{
    ClientKey, ConnectionId, ConnectorId, LinkId, MemberId, ParticipantId, RoomName, StreamType, Username,
};
use crate::model::vocabulary::{DropReason, ErrorKind, LeaveReason, LinkCloseReason};
use crate::room::record::{Change, End, Joined, LinkOffered, LiveLink, LiveMember};

/// What the tests' clock says: later than every record.
const NOW: Timestamp = Timestamp(1_000_000);
const SESSION: SessionId = SessionId(Uuid::from_u128(1));

/// A database of a test's own.
struct Bench {
    folder: TempDir,
    /// It is not in the folder, but there.
    server: Option<PgConnectOptions>,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            server: None,
        }
    }

    async fn on_postgres() -> Self {
        Self {
            server: Some(fixture::postgres().await),
            ..Self::new()
        }
    }

    /// One of each kind: what holds for the file holds for PostgreSQL.
    async fn both() -> [Self; 2] {
        [Self::new(), Self::on_postgres().await]
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("chatroom.db")
    }

    fn options(&self) -> Options {
        match self.server() {
            Some(server) => Options::on_server(server),
            None => Options::new(self.path().into()),
        }
    }

    fn server(&self) -> Option<DatabaseServer> {
        let options = self.server.clone()?;
        Some(DatabaseServer::new(ServerUrl(options), "public".parse().unwrap()))
    }

    async fn open(&self) -> Opened {
        Journal::open(self.options(), || NOW).await.unwrap()
    }

    /// What is in order, and the thread that what waits on the network needs.
    async fn prepare(&self) -> (Ready, WriterThread) {
        let thread = WriterThread::start(self.server.is_some()).unwrap();
        let ready = prepare(self.options(), Arc::new(|| NOW), &thread).await.unwrap();
        (ready, thread)
    }

    /// A second connection to the file, as another program has it.
    async fn intruder(&self) -> SqliteConnection {
        assert!(self.server.is_none(), "it is not in a file");
        let options = SqliteConnectOptions::new().filename(self.path());
        options.connect().await.unwrap()
    }

    /// Changes something behind the journal's back.
    async fn meddle(&self, sql: &'static str) {
        match &self.server {
            None => drop(sqlx::raw_sql(sql).execute(&mut self.intruder().await).await.unwrap()),
            Some(server) => {
                let mut connection = server.connect().await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            }
        }
    }

    /// The rows of a query with one text column.
    async fn rows(&self, sql: &'static str) -> Vec<String> {
        match &self.server {
            None => sqlx::query_scalar(sql)
                .fetch_all(&mut self.intruder().await)
                .await
                .unwrap(),
            Some(server) => {
                let mut connection = server.connect().await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
            }
        }
    }
}

/// Submits, and waits until everything up to here is released.
async fn write(journal: &Journal, records: Vec<Record>) {
    assert_eq!(journal.submit(Source::default(), records, None), Submitted::Accepted);
    released(journal).await;
}

async fn released(journal: &Journal) {
    let (tell, told) = tokio::sync::oneshot::channel();
    let _ = journal.submit(
        Source::default(),
        Vec::new(),
        Some(Box::new(move || tell.send(()).unwrap())),
    );
    told.await.unwrap();
}

/// The number of the last entry.
async fn newest_seq(bench: &Bench) -> i64 {
    let rows = bench.rows("select max(seq) || '' from event").await;
    rows[0].parse().unwrap()
}

/// The same, once the journal says so, which may be a moment after what was written is released.
async fn committed(bench: &Bench, journal: &Journal) -> i64 {
    let newest = newest_seq(bench).await;
    let mut committed = journal.committed();
    let told = tokio::time::timeout(Duration::from_secs(5), committed.wait_for(|&seq| seq == newest));
    assert!(told.await.is_ok(), "it says another");
    newest
}

fn at(ms: i64, mut change: Change) -> Record {
    if let Change::Left { left_at, .. } = &mut change {
        *left_at = Timestamp(ms);
    }
    Record {
        at: Timestamp(ms),
        session: Some(SESSION),
        change,
    }
}

fn started(room: &str) -> Change {
    Change::SessionStarted {
        room: RoomName::parse(room).unwrap(),
    }
}

fn participant(person: u128) -> ParticipantId {
    ParticipantId(Uuid::from_u128(100 + person))
}

fn member(person: u128) -> MemberId {
    MemberId(Uuid::from_u128(200 + person))
}

/// The `nth` connection of a person.
fn connection(person: u128, nth: u128) -> ConnectionId {
    ConnectionId(Uuid::from_u128(300 + 10 * person + nth))
}

fn link(number: u128) -> LinkId {
    LinkId(Uuid::from_u128(900 + number))
}

fn end(person: u128) -> End {
    End {
        member: member(person),
        participant: participant(person),
    }
}

fn name(person: u128) -> Username {
    Username::parse(&format!("person {person}")).unwrap()
}

fn key(person: u128) -> ClientKey {
    ClientKey::parse(&format!("secret of {person}")).unwrap()
}

/// `nth` is the connection's number, 0 for the first time.
fn joined(person: u128, nth: u128, members: u32) -> Change {
    Change::Joined(Joined {
        participant: participant(person),
        username: name(person),
        member: member(person),
        key: key(person),
        connection: connection(person, nth),
        position: u64::try_from(person).unwrap(),
        members,
    })
}

/// After they left: they are another member.
fn joined_again(person: u128, nth: u128, members: u32) -> Change {
    let Change::Joined(joined) = joined(person, nth, members) else {
        unreachable!("it joined");
    };
    let member = member(person + 50);
    Change::Joined(Joined { member, ..joined })
}

fn disconnected(person: u128, nth: u128) -> Change {
    Change::Disconnected {
        participant: participant(person),
        username: name(person),
        member: member(person),
        connection: connection(person, nth),
        until: Timestamp(9_000),
        why: DropReason::Reset,
        leaves_as: None,
    }
}

fn reconnected(person: u128, nth: u128, took_over: bool) -> Change {
    Change::Reconnected {
        participant: participant(person),
        username: name(person),
        member: member(person),
        connection: connection(person, nth),
        previous: connection(person, nth - 1),
        took_over,
    }
}

fn left(person: u128, nth: u128, reason: LeaveReason) -> Change {
    Change::Left {
        participant: participant(person),
        username: name(person),
        member: member(person),
        open_connection: None,
        last_connection: connection(person, nth),
        reason,
        left_at: Timestamp(0),
    }
}

fn error() -> Change {
    Change::Error {
        participant: Some(participant(1)),
        code: ErrorKind::Invalid,
        event: "of\u{0}fer \u{1F600}".into(),
        message: "\"offer\" must not be empty".into(),
    }
}

fn offered(number: u128, from: u128, to: u128) -> Change {
    Change::LinkOffered(LinkOffered {
        link: link(number),
        offerer: end(from),
        connector: ConnectorId::parse("mine").unwrap(),
        answerer: end(to),
        stream: StreamType::user(),
    })
}

fn answered(number: u128) -> Change {
    Change::LinkAnswered {
        link: link(number),
        connector: ConnectorId::parse("yours").unwrap(),
    }
}
