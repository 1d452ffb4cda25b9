//! Plays a class as the server would: rooms decide, their records go through the journal into a database of its own.

use std::collections::HashMap;
use std::fs;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;
use tokio::sync::{OnceCell, oneshot, watch};
use tokio_util::sync::CancellationToken;
use uuid::{Builder, Uuid};

use super::super::{Rooms, TOKEN, TestResponse, request, send, settings};
use super::naive::{GRACE, LINGER, RESTART_GRACE};
use super::script::{Act, Class, Step, Who};
use crate::history::History;
use crate::history::fixture;
use crate::journal::{DatabaseServer, Journal, OpenError, Opened, Options, ServerUrl, Source, Submitted};
use crate::model::address::AddressKey;
use crate::model::id::{ClientKey, ParticipantId, RoomName, SessionId, SocketKey, Username};
use crate::model::time::{Now, Tick, Timestamp};
use crate::model::vocabulary::{DropReason, ErrorKind};
use crate::room::input::{Join, Resume};
use crate::room::record::{Change, Record};
use crate::room::{Delivery, Effect, Ids, Input, Limits, Room};
use crate::sql::Database;
use crate::web::{Feed, Readiness, Services, router};

const LIMITS: Limits = Limits {
    capacity: 100,
    people: 0,
    people_per_address: 0,
    grace: Duration::from_millis(GRACE.unsigned_abs()),
    idle_timeout: Duration::from_millis(LINGER.unsigned_abs()),
};

const A_MOMENT: Duration = Duration::from_millis(5);

const FILE: &str = "chatroom.db";

/// A database that no class was in, made once: making its tables takes longer than most classes.
async fn empty_database() -> &'static [u8] {
    static MADE: OnceCell<Vec<u8>> = OnceCell::const_new();
    let make = || async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let opened = Journal::open(Options::new(path.clone().into()), || Timestamp(0)).await;
        opened.unwrap().journal.close(Duration::from_secs(3600)).await.unwrap();
        fs::read(path).unwrap()
    };
    MADE.get_or_init(make).await
}

async fn new_database() -> Database<TempDir, PgConnectOptions> {
    if fixture::is_on_postgres() {
        return Database::Postgres(fixture::postgres().await);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), empty_database().await).unwrap();
    Database::Sqlite(folder)
}

/// Ids that count.
#[derive(Default)]
struct Counter(u64);

impl Ids for Counter {
    fn random(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(u128::from(self.0))
    }

    fn ordered(&mut self, at: Timestamp) -> Uuid {
        self.0 += 1;
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&self.0.to_be_bytes());
        Builder::from_unix_timestamp_millis(at.0.unsigned_abs(), &tail).into_uuid()
    }
}

pub(super) struct Played {
    /// The file's folder, or the server.
    database: Database<TempDir, PgConnectOptions>,
    start: i64,
    /// What the server's clock says.
    clock: Arc<AtomicI64>,
    opened: Option<Opened>,
    rooms: HashMap<String, Room>,
    ids: Counter,
    last_socket: u64,
    /// Each person's sockets so far.
    sockets: HashMap<Who, Vec<SocketKey>>,
    records: Vec<Record>,
}

impl Played {
    pub(super) async fn of(class: &Class) -> Self {
        let mut played = Self {
            database: new_database().await,
            start: class.start,
            clock: Arc::new(AtomicI64::new(class.start)),
            opened: None,
            rooms: HashMap::new(),
            ids: Counter::default(),
            last_socket: 0,
            sockets: HashMap::new(),
            records: Vec::new(),
        };
        played.open().await;
        for step in &class.steps {
            played.take(step).await;
        }
        played.flush().await;
        played
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Act { at, act, who } => {
                self.pass(*at);
                self.act(*at, *act, who);
            }
            Step::Stop { alive, back, clean } => {
                self.pass(*alive);
                self.stop(*clean).await;
                self.clock.store(self.start + back, Ordering::Relaxed);
                self.open().await;
            }
            Step::Look { at } => self.pass(*at),
        }
    }

    /// What the rooms do by themselves up to a moment.
    fn pass(&mut self, to: i64) {
        let due = |room: &Room| room.next_timeout().map(|tick| i64::try_from(tick.0).unwrap());
        while let Some((at, name)) = self
            .rooms
            .iter()
            .filter_map(|(name, room)| due(room).map(|at| (at, name.clone())))
            .min()
            .filter(|(at, _)| *at <= to)
        {
            self.handle(&name, Input::Tick, at);
        }
        self.clock.store(self.start + to, Ordering::Relaxed);
    }

    fn act(&mut self, at: i64, act: Act, who: &Who) {
        let key = ClientKey::parse(&format!("secret of {}", who.name)).unwrap();
        let username = Username::parse(&who.name).unwrap();
        let old = self.sockets.get(who).and_then(|sockets| sockets.last().copied());
        let input = match act {
            Act::Err => return self.refuse(&who.room, old.unwrap(), at),
            Act::Join | Act::Again => Input::Join(Join {
                socket: self.socket(who),
                address: AddressKey::of(Ipv4Addr::LOCALHOST.into()),
                key,
                username,
                token: None,
                held: Vec::new(),
            }),
            Act::Resume | Act::TakeOver => Input::Resume(Resume {
                socket: self.socket(who),
                address: AddressKey::of(Ipv4Addr::LOCALHOST.into()),
                key,
                username: Some(username),
                token: None,
                held: Vec::new(),
            }),
            Act::Refused => Input::Join(Join {
                socket: SocketKey(u64::MAX),
                address: AddressKey::of(Ipv4Addr::LOCALHOST.into()),
                key: ClientKey::parse("somebody else").unwrap(),
                username,
                token: None,
                held: Vec::new(),
            }),
            Act::Leave => Input::Leave {
                socket: old.unwrap(),
                entries: Vec::new(),
            },
            Act::Move => Input::Move { socket: old.unwrap() },
            Act::Drop => Input::Disconnect {
                socket: old.unwrap(),
                why: DropReason::Reset,
            },
            Act::Close => Input::Disconnect {
                socket: old.unwrap(),
                why: DropReason::Closed,
            },
            Act::Late => Input::Disconnect {
                socket: self.sockets[who].iter().rev().nth(1).copied().unwrap_or(SocketKey(0)),
                why: DropReason::Silent,
            },
        };
        self.handle(&who.room, input, at);
    }

    fn socket(&mut self, who: &Who) -> SocketKey {
        self.last_socket += 1;
        let socket = SocketKey(self.last_socket);
        self.sockets.entry(who.clone()).or_default().push(socket);
        socket
    }

    fn handle(&mut self, name: &str, input: Input, at: i64) {
        let now = self.now(at);
        let fresh = || Room::new(RoomName::parse(name).unwrap(), LIMITS);
        let room = self.rooms.entry(name.to_owned()).or_insert_with(fresh);
        let outputs = room.handle(input, now, &mut self.ids);
        self.records.extend(outputs.records);
        for refused in outputs.refused {
            self.records.push(error(refused.session, refused.participant, now));
        }
        for effect in outputs.effects {
            match effect {
                Effect::Tell { to, socket, message } => match room.deliver(to, socket, message, now) {
                    Delivery::LeavePending(record) => self.records.push(record),
                    Delivery::Lost { overflowed, .. } => self.records.extend(overflowed),
                    Delivery::Emit(..) | Delivery::Kept | Delivery::Dropped => {}
                },
                Effect::OpenMailbox { member, socket } => {
                    room.open_mailbox(member, socket);
                }
                Effect::DropAll(_) | Effect::Refuse { .. } | Effect::Disconnect { .. } => {}
                Effect::Reply(_) | Effect::HeldReply { .. } => {}
            }
        }
    }

    /// A message is refused that never comes to its room.
    fn refuse(&mut self, room: &str, socket: SocketKey, at: i64) {
        let (session, participant) = self.rooms[room].participant_on(socket);
        self.records.push(error(session, participant, self.now(at)));
    }

    fn now(&self, at: i64) -> Now {
        Now {
            tick: Tick(at.unsigned_abs()),
            at: Timestamp(self.start + at),
            ..Now::default()
        }
    }

    async fn flush(&mut self) {
        let (tell, told) = oneshot::channel();
        let release = Box::new(move || tell.send(()).unwrap());
        let journal = &self.opened.as_ref().unwrap().journal;
        let submitted = journal.submit(Source::default(), std::mem::take(&mut self.records), Some(release));
        assert_eq!(submitted, Submitted::Accepted);
        told.await.unwrap();
    }

    async fn stop(&mut self, clean: bool) {
        self.flush().await;
        self.beat().await;
        let opened = self.opened.take().unwrap();
        if clean {
            opened.journal.close(Duration::from_secs(3600)).await.unwrap();
        }
        opened.reader.close().await;
    }

    /// What the journal does every few seconds by a clock that nobody waits for here.
    async fn beat(&self) {
        let now = self.clock.load(Ordering::Relaxed);
        match &self.database {
            Database::Sqlite(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join(FILE));
                let mut connection = options.connect().await.unwrap();
                let beat = sqlx::query("update heartbeat set at = ?").bind(now);
                beat.execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Database::Postgres(server) => {
                let mut connection = server.connect().await.unwrap();
                let beat = sqlx::query("update node set alive_at = $1").bind(now);
                beat.execute(&mut connection).await.unwrap();
            }
        }
    }

    fn options(&self) -> Options {
        match &self.database {
            Database::Sqlite(folder) => Options::new(folder.path().join(FILE).into()),
            Database::Postgres(server) => {
                let url = ServerUrl(server.clone());
                Options::on_server(DatabaseServer::new(url, "public".parse().unwrap()))
            }
        }
    }

    async fn open(&mut self) {
        let opened = self.journal().await;
        self.rooms.clear();
        let now = self.now(self.clock.load(Ordering::Relaxed) - self.start);
        let grace = Duration::from_millis(RESTART_GRACE.unsigned_abs());
        for (session, snapshot) in opened.rooms.clone() {
            let room = Room::restore(session, snapshot, LIMITS, grace, now);
            self.records.push(room.snapshot(now));
            self.rooms.insert(room.name().as_str().to_owned(), room);
        }
        self.opened = Some(opened);
    }

    /// After a crash the old connections, which in truth went with their process, need a moment to let go of the file.
    async fn journal(&self) -> Opened {
        for _ in 0..2_000 {
            let clock = Arc::clone(&self.clock);
            let options = Options {
                // On a busy machine, too, what is looked at is on disk.
                commit_timeout: Duration::from_secs(3600),
                ..self.options()
            };
            match Journal::open(options, move || Timestamp(clock.load(Ordering::Relaxed))).await {
                Err(OpenError::InUse { .. } | OpenError::Database { .. }) => tokio::time::sleep(A_MOMENT).await,
                opened => return opened.unwrap(),
            }
        }
        panic!("the database is never free");
    }

    /// A reviewer who looks at it now.
    pub(super) fn reviewer(&self) -> Reviewer {
        let opened = self.opened.as_ref().unwrap();
        let stopping = CancellationToken::new();
        let now = Timestamp(self.clock.load(Ordering::Relaxed));
        let parts = Services {
            history: History::new(opened.reader.clone()),
            live: Arc::new(Rooms {
                session: Uuid::nil(),
                resumable_for: None,
                acts: Arc::default(),
                held: Default::default(),
                overflowed: false,
            }),
            readiness: Arc::new(|| Readiness::Ready),
            removals: opened.removals.clone(),
            review: opened.review.clone(),
            feed: Feed::new(watch::Sender::new(0).subscribe(), stopping, 0),
            clock: Arc::new(move || now),
            wall_clock: Arc::new(move || now),
            for_others: Arc::new(Vec::new),
        };
        Reviewer(router(settings(), parts))
    }
}

fn error(session: Option<SessionId>, participant: Option<ParticipantId>, now: Now) -> Record {
    let change = Change::Error {
        participant,
        code: ErrorKind::Invalid,
        event: "offer".to_owned(),
        message: "offer is missing.".to_owned(),
    };
    let at = now.at;
    Record { at, session, change }
}

pub(super) struct Reviewer(Router);

impl Reviewer {
    pub(super) async fn get(&self, path: &str) -> TestResponse {
        let asked = request("GET", path)
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(Body::empty());
        let answer = send(&self.0, asked.unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer
    }
}
