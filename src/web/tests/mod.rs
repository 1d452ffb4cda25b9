//! The router as a whole, over a database like the journal's.

mod access;
mod acts;
mod document;
mod downloads;
mod feed;
mod ice_servers;
mod invitations;
mod languages;
mod multitude;
mod pages;
mod project;
mod recovery;
mod removal;
mod review_links;
mod rooms;
mod rooms_page;
mod sessions;
mod shared_routes;
mod strangers;
mod truth;

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

use super::{
    AddressBook, Feed, LiveRooms, QuestionLimits, Readiness, Recovery, RoomOutOfReach, Scheme, Services, Settings,
    router, split_routers,
};
use crate::config::{BasePath, HostNames, IceServers, Origins, TrustedProxies};
use crate::history::History;
use crate::history::fixture::{Connection, Fixture, OfferedLink, START_MS};
use crate::join_token::{EntryRules, RoomPatterns};
use crate::journal::{DatabaseServer, Options, RemovalHandle, ReviewSecrets, ServerUrl};
use crate::model::act::{Act, CannotAct, StillHeld};
use crate::model::id::{ClientKey, MemberId, RoomName, SessionId, Username};
use crate::model::time::Timestamp;
use crate::model::vocabulary::{DropReason, EventKind, LeaveReason, LinkCloseReason};

const TOKEN: &str = "a-token-for-reviewers";
const CLIENT: &str = "6f9d1d2c-0000-4000-8000-000000000001";

/// How many event streams there may be.
const STREAMS: usize = 64;

pub(super) struct TestResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl TestResponse {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The cookie that is given, as a browser sends it back.
    fn cookie(&self) -> &str {
        self.header("set-cookie").unwrap().split(';').next().unwrap()
    }

    /// Status, code and parameter of a problem.
    fn problem(&self) -> (u16, String, String) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text
        );
        let json = self.json();
        assert_eq!(json["status"], self.status.as_u16());
        assert_eq!(json["type"], "about:blank");
        assert!(json["title"].is_string() && json["detail"].is_string());
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), text("code"), text("parameter"))
    }
}

/// One member of room `Chemie 101`, who may be away.
#[derive(Clone)]
struct Rooms {
    session: Uuid,
    resumable_for: Option<Duration>,
    overflowed: bool,
    /// What a teacher has done.
    acts: Arc<Mutex<Vec<Act>>>,
    /// What holds in the room `over`.
    held: StillHeld,
}

impl LiveRooms for Rooms {
    fn name_taken<'a>(&'a self, room: &'a RoomName, name: &'a Username) -> BoxFuture<'a, Result<bool, RoomOutOfReach>> {
        ready(Ok(room.as_str() == "Chemie 101" && name.as_str() == "Ann")).boxed()
    }

    fn recovery<'a>(
        &'a self,
        room: &'a RoomName,
        key: &'a ClientKey,
    ) -> BoxFuture<'a, Result<Option<Recovery>, RoomOutOfReach>> {
        let is_member = room.as_str() == "Chemie 101" && *key == ClientKey::parse(CLIENT).unwrap();
        let recovery = is_member.then_some(Recovery {
            member: MemberId(Uuid::from_u128(7)),
            session: SessionId(self.session),
            resumable_for: self.resumable_for,
            overflowed: self.overflowed,
        });
        ready(Ok(recovery)).boxed()
    }

    fn act<'a>(&'a self, room: &'a RoomName, act: Act) -> BoxFuture<'a, Result<Result<(), CannotAct>, RoomOutOfReach>> {
        let is_stranger = matches!(&act, Act::Remove { username, .. } if !["Ann", "Bo"].contains(&username.as_str()));
        let done = match room.as_str() {
            "out of reach" => Err(RoomOutOfReach),
            "Chemie 101" if is_stranger => Ok(Err(CannotAct::NoSuchMember)),
            "Chemie 101" => {
                self.acts.lock().unwrap().push(act);
                Ok(Ok(()))
            }
            _ => Ok(Err(CannotAct::NoSession)),
        };
        ready(done).boxed()
    }

    fn held<'a>(&'a self, room: &'a RoomName) -> BoxFuture<'a, StillHeld> {
        let held = if room.as_str() == "over" {
            self.held.clone()
        } else {
            StillHeld {
                locked: matches!(self.acts.lock().unwrap().last(), Some(Act::Lock(true))),
                ..StillHeld::default()
            }
        };
        ready(held).boxed()
    }

    fn rooms_held(&self) -> BoxFuture<'_, Vec<(RoomName, StillHeld)>> {
        let is_held = self.held != StillHeld::default();
        let over = RoomName::parse("over").unwrap();
        ready(is_held.then(|| (over, self.held.clone())).into_iter().collect()).boxed()
    }
}

/// Two lessons in one room. The first is over (an hour); the second goes on: Ann is there, Bo is away.
struct Story {
    fixture: Fixture,
    first: Uuid,
    second: Uuid,
    now: i64,
    /// How many seconds the wall clock is ahead of the history's.
    wall_ahead: i64,
    settings: Settings,
    live: Rooms,
    readiness: Readiness,
    review: ReviewSecrets,
    for_others: AddressBook,
    committed: watch::Sender<i64>,
    /// Over at first, so that a stream of events has an end.
    stopping: CancellationToken,
}

impl Story {
    /// The cookie of a reviewer who has followed the link with the token.
    async fn sign_in(&self) -> String {
        let link = request("GET", &format!("/review?token={TOKEN}")).body(Body::empty());
        self.send(link.unwrap()).await.cookie().to_owned()
    }

    async fn new() -> Self {
        Self::in_database(Fixture::new().await).await
    }

    async fn in_database(fixture: Fixture) -> Self {
        let first = fixture.session("Chemie 101", 0, Some(3600)).await;
        first_lesson(&fixture, first).await;
        let second = fixture.session("Chemie 101", 7200, None).await;
        second_lesson(&fixture, second).await;
        let stopping = CancellationToken::new();
        stopping.cancel();
        Self {
            fixture,
            first,
            second,
            now: 7310,
            wall_ahead: 0,
            settings: settings(),
            live: Rooms {
                session: second,
                resumable_for: Some(Duration::from_millis(5000)),
                overflowed: false,
                acts: Arc::default(),
                held: StillHeld::default(),
            },
            readiness: Readiness::Ready,
            review: ReviewSecrets::default(),
            for_others: Arc::new(|| {
                vec![
                    "http://192.0.2.7:3000".to_owned(),
                    "http://[2001:db8::7]:3000".to_owned(),
                ]
            }),
            committed: watch::Sender::new(14),
            stopping,
        }
    }

    /// How a journal opens its database.
    fn journal_options(&self) -> Options {
        match self.fixture.server() {
            Some(server) => {
                let url = ServerUrl(server.clone());
                Options::on_server(DatabaseServer::new(url, "public".parse().unwrap()))
            }
            None => Options::new(self.fixture.path().into()),
        }
    }

    async fn router(&self) -> Router {
        self.router_with(RemovalHandle::unheard()).await
    }

    async fn router_with(&self, removals: RemovalHandle) -> Router {
        self.router_of(self.fixture.history().await, removals)
    }

    fn router_of(&self, history: History, removals: RemovalHandle) -> Router {
        router(self.settings.clone(), self.parts(history, removals))
    }

    fn parts(&self, history: History, removals: RemovalHandle) -> Services {
        let readiness = self.readiness.clone();
        let now = Timestamp(START_MS + self.now * 1000);
        let wall = Timestamp(now.0 + self.wall_ahead * 1000);
        Services {
            history,
            live: Arc::new(self.live.clone()),
            readiness: Arc::new(move || readiness.clone()),
            removals,
            review: self.review.clone(),
            feed: Feed::new(self.committed.subscribe(), self.stopping.clone(), STREAMS),
            clock: Arc::new(move || now),
            wall_clock: Arc::new(move || wall),
            for_others: self.for_others.clone(),
        }
    }

    async fn send(&self, request: Request<Body>) -> TestResponse {
        send(&self.router().await, request).await
    }

    /// Asks as a reviewer.
    async fn get(&self, path: &str) -> TestResponse {
        self.send(
            request("GET", path)
                .header("authorization", format!("Bearer {TOKEN}"))
                .body(Body::empty())
                .unwrap(),
        )
        .await
    }

    /// Asks as a reviewer for what has to be there.
    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        answer.json()
    }
}

fn settings() -> Settings {
    Settings {
        review_token: TOKEN.to_owned(),
        guesses_per_minute: 600,
        trusted_proxies: TrustedProxies::parse("127.0.0.1").unwrap(),
        entry_rules: Arc::new(EntryRules::new(RoomPatterns::parse("*").unwrap(), None)),
        join_secret: None,
        has_review_apart: false,
        has_page: false,
        public_rooms: false,
        questions: QuestionLimits {
            at_once: 2,
            of_address: 16,
        },
        base_path: BasePath::default(),
        allowed_hosts: HostNames::parse("class.example").unwrap(),
        allowed_origins: Origins::Any,
        ice_servers: IceServers::default(),
        turn_secret: None,
        turn_ttl: Duration::from_secs(3600),
        turn_credentials_per_member: 3,
        scheme: Scheme::Http,
        is_review_elsewhere: false,
    }
}

async fn first_lesson(fixture: &Fixture, session: Uuid) {
    let (ann, _) = fixture
        .person(
            session,
            "Ann",
            Some((3600, LeaveReason::Left)),
            &[Connection::ended(0, 3600, LeaveReason::Left)],
        )
        .await;
    let connections = [
        Connection::lost(60, 600, Some(630)),
        Connection::ended(630, 1000, LeaveReason::Replaced),
        Connection::ended(1000, 1800, LeaveReason::Left),
        Connection::ended(2400, 3600, LeaveReason::Left),
    ];
    let (bo, _) = fixture
        .person(session, "Bo", Some((3600, LeaveReason::Left)), &connections)
        .await;
    let connections = [Connection::lost(100, 200, Some(215))];
    let (cy, _) = fixture
        .person(session, "Cy", Some((215, LeaveReason::Timeout)), &connections)
        .await;

    fixture.event(session, None, 0, EventKind::SessionStarted, None).await;
    for (person, at, kind, detail) in [
        (ann, 0, EventKind::Joined, Some(json!({"members": 1}))),
        (bo, 60, EventKind::Joined, Some(json!({"members": 2}))),
        (cy, 100, EventKind::Joined, Some(json!({"members": 3}))),
        (
            cy,
            200,
            EventKind::Disconnected,
            Some(json!({"why": DropReason::Silent})),
        ),
        (cy, 215, EventKind::Left, Some(json!({"reason": LeaveReason::Timeout}))),
        (bo, 300, EventKind::Error, Some(json!({"code": "invalid"}))),
        (bo, 600, EventKind::Disconnected, None),
        (bo, 630, EventKind::Reconnected, None),
    ] {
        fixture.event(session, Some(person), at, kind, detail).await;
    }
    fixture.event(session, None, 3660, EventKind::SessionEnded, None).await;

    for (between, stream, answered, candidates, closed) in [
        ((ann, bo), "user", Some(62), (12, 9), (1800, LinkCloseReason::Left)),
        ((ann, bo), "display", None, (0, 0), (1800, LinkCloseReason::Left)),
        ((ann, cy), "user", None, (4, 0), (215, LinkCloseReason::Left)),
    ] {
        let link = OfferedLink {
            between,
            stream,
            offered: 61,
            answered,
            candidates,
            connected: None,
            closed: Some(closed),
        };
        fixture.link(session, link).await;
    }
}

async fn second_lesson(fixture: &Fixture, session: Uuid) {
    let ann = fixture.person(session, "Ann", None, &[Connection::open(7200)]).await;
    let bo = fixture
        .person(session, "Bo", None, &[Connection::lost(7250, 7300, None)])
        .await;
    fixture.member(session, ann, 1, None).await;
    fixture.member(session, bo, 2, Some((7300, 7315))).await;
    fixture
        .event(session, None, 7200, EventKind::SessionStarted, None)
        .await;
    for (person, at, kind) in [
        (ann.0, 7200, EventKind::Joined),
        (bo.0, 7250, EventKind::Joined),
        (bo.0, 7300, EventKind::Disconnected),
    ] {
        fixture.event(session, Some(person), at, kind, None).await;
    }
}

/// The time that a number of seconds after the start of all stories is written as.
fn time(seconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(START_MS + seconds * 1000).unwrap();
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:3000")
}

async fn send(router: &Router, request: Request<Body>) -> TestResponse {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    TestResponse {
        status: parts.status,
        headers: parts.headers,
        text,
    }
}

/// What `name` is in each row of a list.
fn column(list: &Value, name: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(&row[name]))
        .collect()
}

/// Reads a list to its end, page by page.
async fn walk(story: &Story, path: &str, limit: usize, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mark = if path.contains('?') { '&' } else { '?' };
    let mut next = format!("{path}{mark}limit={limit}");
    loop {
        let list = story.json(&next).await;
        let rows = column(&list, name);
        assert!(rows.len() <= limit, "{next}");
        found.extend(rows);
        let Some(cursor) = list["nextCursor"].as_str() else {
            return found;
        };
        assert!(found.len() < 10_000, "{path} never ends");
        next = format!("{path}{mark}limit={limit}&cursor={cursor}");
    }
}
