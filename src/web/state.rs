//! What the handlers share, and what they ask the rooms as they are at this moment.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Extensions;
use futures_util::future::BoxFuture;
use utoipa::openapi::OpenApi;

use super::feed::Feed;
use super::http::access::Access;
use super::http::error::{Doomed, Error};
use super::http::forbidden_log::ForbiddenLog;
use super::http::throttle::{GuessCost, Throttle, asker};
use super::http::turns::QuestionTurns;
use super::settings::Settings;
use crate::history::History;
use crate::history::sessions::Session;
use crate::join_token::{Entry, Forbidden, Shown};
use crate::journal::{Erased, RemovalError, RemovalHandle, ReviewSecrets};
use crate::limit::{KeyedRate, Quota};
use crate::model::act::{Act, CannotAct, StillHeld};
use crate::model::id::{ClientKey, MemberId, RoomName, SessionId, Username};
use crate::model::time::Timestamp;

/// Fewer characters of a client's id can be guessed.
const SAFE_ID_CHARS: usize = 16;

/// Tells the time.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Tells whether everything works.
pub type ReadinessProbe = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// Tells the addresses that people on other machines type, the best first; if there are none, those for this machine. Each
/// is an origin, without the path that everything is below.
pub type AddressBook = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// What the routes are made of.
pub struct Services {
    /// The past.
    pub history: History,
    /// The rooms as they are now.
    pub live: Arc<dyn LiveRooms>,
    /// Whether everything works.
    pub readiness: ReadinessProbe,
    /// The way to have something removed.
    pub removals: RemovalHandle,
    /// What happens, as it happens.
    pub feed: Feed,
    /// What the review's cookies are told by.
    pub review: ReviewSecrets,
    /// The calendar's time.
    pub clock: WallClock,
    /// The time by which others see what we give them expire.
    pub wall_clock: WallClock,
    /// What to type on another machine.
    pub for_others: AddressBook,
}

/// What the handlers share.
pub(crate) struct AppState {
    pub(crate) settings: Settings,
    pub(crate) turn_credentials: KeyedRate<MemberId>,
    pub(crate) access: Access,
    pub(crate) ids: Throttle,
    tokens: Throttle,
    forbidden: ForbiddenLog,
    pub(crate) history: History,
    pub(crate) live: Arc<dyn LiveRooms>,
    pub(crate) readiness: ReadinessProbe,
    pub(crate) removals: RemovalHandle,
    pub(crate) feed: Feed,
    pub(crate) clock: WallClock,
    pub(crate) wall_clock: WallClock,
    pub(crate) for_others: AddressBook,
    pub(crate) turns: QuestionTurns,
    /// The API as its document says it.
    pub(crate) document: OpenApi,
}

impl AppState {
    pub(crate) fn new(settings: Settings, services: Services, document: OpenApi) -> Self {
        Self {
            access: Access::new(&settings, services.review),
            ids: Throttle::new("id of a client", settings.guesses_per_minute),
            tokens: Throttle::new("token to join", settings.guesses_per_minute),
            forbidden: ForbiddenLog::default(),
            turns: QuestionTurns::new(settings.questions),
            turn_credentials: KeyedRate::new(Quota::per_minute(settings.turn_credentials_per_member)),
            settings,
            history: services.history,
            live: services.live,
            readiness: services.readiness,
            removals: services.removals,
            feed: services.feed,
            clock: services.clock,
            wall_clock: services.wall_clock,
            for_others: services.for_others,
            document,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The time by which credentials and cookies expire: the history's may be another, while a clock that was set back is
    /// followed slowly.
    pub(crate) fn wall_now(&self) -> Timestamp {
        (self.wall_clock)()
    }

    /// A session of the history.
    pub(crate) async fn session(&self, id: SessionId, now: Timestamp) -> Result<Session, Error> {
        self.history.session(id, now).await?.ok_or(Error::NoSuchSession)
    }

    /// Whether somebody could come in, by the rules of a join, with what they show. Showing what is none of ours often
    /// waits.
    pub(crate) async fn check_entry(
        &self,
        room: &RoomName,
        username: Option<&Username>,
        shown: &Shown,
        is_back: bool,
        extensions: &Extensions,
    ) -> Result<(), Error> {
        let rules = &self.settings.entry_rules;
        let entry = Entry {
            room,
            username,
            is_back,
            pass: &rules.read(shown),
        };
        let checked = rules.check(&entry, self.wall_now());
        let wrong = match checked {
            Ok(()) | Err(Forbidden::Missing | Forbidden::RoomNotAllowed) => None,
            Err(Forbidden::Signature) => Some(GuessCost::GUESS),
            Err(_) => Some(GuessCost::UNLIKELY),
        };
        if let Err(reason) = &checked {
            self.forbidden.tell(room, username, asker(extensions), reason);
        }
        self.tokens.settle(asker(extensions), wrong).await;
        checked.map_err(Error::Forbidden)
    }

    /// Removes a session and all that hangs on it.
    pub(crate) async fn remove_session(&self, id: SessionId) -> Result<(), Error> {
        let removed = self.removals.delete(id).await;
        removed.map_err(|error| not_removed(error, Doomed::Session))
    }

    /// Takes a person's name out of everything; a dry run only says what that would change.
    pub(crate) async fn erase(&self, username: Username, dry_run: bool) -> Result<Erased, Error> {
        let erased = self.removals.erase(username, dry_run).await;
        erased.map_err(|error| not_removed(error, Doomed::Person))
    }

    /// Does what a teacher wants with a room, and returns once the history has it.
    pub(crate) async fn act(&self, room: &RoomName, act: Act) -> Result<(), Error> {
        match self.live.act(room, act).await {
            Ok(done) => done.map_err(Error::CannotAct),
            Err(RoomOutOfReach) => Err(Error::NotChanged),
        }
    }

    /// Who is known in a room by an id. Asking often for what is none waits.
    pub(crate) async fn membership(
        &self,
        room: &RoomName,
        id: &str,
        extensions: &Extensions,
    ) -> Result<Option<Recovery>, Error> {
        let key = ClientKey::parse(id);
        let find = async || match &key {
            Ok(key) => self.live.recovery(room, key).await.map_err(Error::from),
            // An id that nobody could have is nobody's.
            Err(_) => Ok(None),
        };
        let cost = if id.chars().count() < SAFE_ID_CHARS {
            GuessCost::GUESS
        } else {
            GuessCost::UNLIKELY
        };
        let wrong = find().await?.is_none().then_some(cost);
        self.ids.settle(asker(extensions), wrong).await;
        // As it is after the wait.
        find().await
    }
}

/// The rooms as they are now. Of a server that is alone all of it is answered at once, without waiting for anything but a
/// room's lock; else the server is asked that has the room.
pub trait LiveRooms: Send + Sync + 'static {
    /// Whether a join of this name would be refused as a repeat: a member has it, present or within its grace.
    fn name_taken<'a>(&'a self, room: &'a RoomName, name: &'a Username) -> BoxFuture<'a, Result<bool, RoomOutOfReach>>;

    /// What a client that proves itself with `key` can resume; `None` if it is not a member of the room.
    fn recovery<'a>(
        &'a self,
        room: &'a RoomName,
        key: &'a ClientKey,
    ) -> BoxFuture<'a, Result<Option<Recovery>, RoomOutOfReach>>;

    /// Does what a teacher wants with a room, and returns once the history has it; or says why it is not done, and nothing has
    /// changed. Of a room out of reach it is not known.
    fn act<'a>(&'a self, room: &'a RoomName, act: Act) -> BoxFuture<'a, Result<Result<(), CannotAct>, RoomOutOfReach>>;

    /// What teachers' acts still keep from a room. Nothing is known of one that is out of reach.
    fn held<'a>(&'a self, room: &'a RoomName) -> BoxFuture<'a, StillHeld>;

    /// The rooms that are closed, or that keep somebody out, by name; without those out of reach.
    fn rooms_held(&self) -> BoxFuture<'_, Vec<(RoomName, StillHeld)>>;
}

/// The server that has the room does not answer for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomOutOfReach;

impl From<RoomOutOfReach> for Error {
    fn from(_: RoomOutOfReach) -> Self {
        Self::NotReady("The server that has this room does not answer for now. Try again in a moment.".to_owned())
    }
}

/// A membership that may be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The member.
    pub member: MemberId,
    /// The session it is a member of.
    pub session: SessionId,
    /// How much of its grace is left; `None` if it is present now.
    pub resumable_for: Option<Duration>,
    /// Whether its mailbox overflowed: then it can no longer resume.
    pub overflowed: bool,
}

/// Whether everything works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// Signaling works, but something else does not.
    Degraded {
        /// What, in words that anybody may read: no paths, no secrets.
        reason: String,
    },
}

pub(super) fn not_removed(error: RemovalError, what: Doomed) -> Error {
    match error {
        RemovalError::NoSuchSession => Error::NoSuchSession,
        RemovalError::Live => Error::Live(what),
        RemovalError::TooManyLinks => Error::TooManyLinks,
        RemovalError::NoSuchLink => Error::NoSuchLink,
        RemovalError::Unavailable => Error::NotChanged,
    }
}
