//! The journal against real files: rows, refusals, crashes and trouble.

mod backlog;
mod batch;
mod crash;
mod erase;
mod open;
mod queue;
mod rows;
mod trouble;

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;

use super::open::{Ready, prepare};
use super::*;
use crate::model::id::{
    ClientKey, ConnectionId, ConnectorId, LinkId, MemberId, ParticipantId, RoomName, StreamType, Username,
};
use crate::model::vocabulary::{DropReason, ErrorKind, LeaveReason, LinkCloseReason};
use crate::room::record::{Change, End, Joined, LinkOffered, LiveLink, LiveMember};

/// What the tests' clock says: later than every record.
const NOW: Timestamp = Timestamp(1_000_000);
const SESSION: SessionId = SessionId(Uuid::from_u128(1));

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("chatroom.db")
    }

    fn options(&self) -> Options {
        Options::new(self.path().into())
    }

    async fn open(&self) -> Opened {
        Journal::open(self.options(), || NOW).await.unwrap()
    }

    async fn prepare(&self) -> Ready {
        prepare(self.options(), Arc::new(|| NOW)).await.unwrap()
    }

    /// A second connection, as another program has it.
    async fn intruder(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path());
        options.connect().await.unwrap()
    }

    /// The rows of a query with one text column.
    async fn rows(&self, sql: &'static str) -> Vec<String> {
        let mut connection = self.intruder().await;
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
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
