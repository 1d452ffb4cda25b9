//! Removals requested by a reviewer or by the retention, and what else the review has written: done by the one task that
//! writes, between the groups of records.
//!
//! A removal goes on when whoever asked for it does not wait any more. What is large is removed in steps, each a transaction
//! of its own, so that no room waits long for the disk.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use super::erase::{self, Erased};
use super::glance;
use super::node::{begin, is_first};
use super::review;
use super::review_link::{self, NotKept};
use crate::model::glance::NewGlance;
use crate::model::id::{ReviewLinkId, SessionId, Username};
use crate::model::review_link::NewReviewLink;
use crate::model::time::Timestamp;
use crate::sql::{Connection, query};

/// The most removals that wait.
const WAITING: usize = 16;
/// How many journal entries one step removes.
const STEP: i64 = 1_000;
/// How long an answer is waited for. It is removed all the same.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// How often what has become too old is looked for.
const EXPIRY: Duration = Duration::from_secs(3600);

/// The way to have something removed, or something of the review's own kept.
#[derive(Debug, Clone)]
pub struct RemovalHandle {
    sender: mpsc::Sender<Removal>,
}

/// Why something was not removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RemovalError {
    /// There is no such session.
    #[error("there is no session of this id")]
    NoSuchSession,
    /// It, or one of those that would change, still goes on.
    #[error("a session that goes on cannot be changed")]
    Live,
    /// As many links to read a part of the history are good as may be.
    #[error("there are as many review links as there may be")]
    TooManyLinks,
    /// There is no such link.
    #[error("there is no review link of this id")]
    NoSuchLink,
    /// The database does not take it for now. It may still be done later.
    #[error("the history cannot be changed for now")]
    Unavailable,
}

impl From<NotKept> for RemovalError {
    fn from(why: NotKept) -> Self {
        match why {
            NotKept::NoSuchSession => Self::NoSuchSession,
            NotKept::TooMany => Self::TooManyLinks,
        }
    }
}

impl RemovalHandle {
    pub(super) fn new() -> (Self, mpsc::Receiver<Removal>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender }, receiver)
    }

    /// RemovalHandle that nobody takes.
    #[cfg(test)]
    pub(crate) fn unheard() -> Self {
        Self::new().0
    }

    /// Removes a session and all that hangs on it.
    ///
    /// # Errors
    /// If there is none, it goes on, or the database does not take it for now.
    pub async fn delete(&self, session: SessionId) -> Result<(), RemovalError> {
        self.give(|answer| Removal::Delete {
            session,
            answer: Some(answer),
        })
        .await
    }

    /// Gives a person a name that says nothing, everywhere; a dry run only says what that would change.
    ///
    /// # Errors
    /// If they took part in a session that goes on, or the database does not take it for now.
    pub async fn erase(&self, username: Username, dry_run: bool) -> Result<Erased, RemovalError> {
        self.give(|answer| Removal::Erase {
            username,
            dry_run,
            answer,
        })
        .await
    }

    /// Remembers that one of the review's cookies is good for nothing any more, until it would have ended.
    ///
    /// # Errors
    /// If the database does not take it for now.
    pub async fn sign_out(&self, cookie: Uuid, expires_at: Timestamp) -> Result<(), RemovalError> {
        self.give(|answer| Removal::SignOut {
            cookie,
            expires_at,
            answer,
        })
        .await
    }

    /// Keeps a link to read a part of the history.
    ///
    /// # Errors
    /// If its session is not there, there are [`NewReviewLink::MOST`] links, or the database does not take it for now.
    pub async fn keep_link(&self, link: NewReviewLink) -> Result<(), RemovalError> {
        self.give(|answer| Removal::KeepLink { link, answer }).await
    }

    /// Makes such a link good for nothing, at once and for good.
    ///
    /// # Errors
    /// If there is none, or the database does not take it for now.
    pub async fn revoke_link(&self, link: ReviewLinkId) -> Result<(), RemovalError> {
        self.give(|answer| Removal::RevokeLink { link, answer }).await
    }

    /// Keeps what lists say of these sessions, as far as they are over.
    ///
    /// # Errors
    /// If the database does not take it for now.
    pub async fn keep_glances(&self, glances: Vec<NewGlance>) -> Result<(), RemovalError> {
        self.give(|answer| Removal::KeepGlances { glances, answer }).await
    }

    async fn give<T>(&self, removal: impl FnOnce(Answer<T>) -> Removal) -> Result<T, RemovalError> {
        let (answer, answered) = oneshot::channel();
        self.sender
            .try_send(removal(answer))
            .map_err(|_| RemovalError::Unavailable)?;
        match timeout(ANSWERED_WITHIN, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(RemovalError::Unavailable),
        }
    }
}

type Answer<T> = oneshot::Sender<Result<T, RemovalError>>;

/// Something to be removed.
#[derive(Debug)]
pub(super) enum Removal {
    /// A session. Without an answer it is the retention's.
    Delete {
        session: SessionId,
        answer: Option<Answer<()>>,
    },
    /// A person's name.
    Erase {
        username: Username,
        dry_run: bool,
        answer: Answer<Erased>,
    },
    /// One of the review's cookies.
    SignOut {
        cookie: Uuid,
        expires_at: Timestamp,
        answer: Answer<()>,
    },
    /// Not removed but kept: a link to read a part of the history.
    KeepLink { link: NewReviewLink, answer: Answer<()> },
    /// What lists say of sessions.
    KeepGlances {
        glances: Vec<NewGlance>,
        answer: Answer<()>,
    },
    /// A link to read a part of the history.
    RevokeLink { link: ReviewLinkId, answer: Answer<()> },
}

/// What the writer has been told to remove, and what is too old.
pub(super) struct RemovalQueue {
    removals: mpsc::Receiver<Removal>,
    /// The session that is being removed.
    running: Option<Removal>,
    retention: Option<Duration>,
    expire_at: Instant,
}

impl RemovalQueue {
    pub(super) fn new(removals: mpsc::Receiver<Removal>, retention: Option<Duration>) -> Self {
        Self {
            removals,
            running: None,
            retention,
            expire_at: Instant::now(),
        }
    }

    /// Returns when there is something to do.
    pub(super) async fn wait(&mut self) {
        if self.running.is_some() {
            return;
        }
        tokio::select! {
            Some(removal) = self.removals.recv() => self.running = Some(removal),
            () = sleep_until(self.expire_at), if self.retention.is_some() => {}
            else => std::future::pending().await,
        }
    }

    /// Does one step of what there is to do, if there is anything. After an error the connection is not to be used again.
    pub(super) async fn step(&mut self, connection: &mut Connection, now: Timestamp) -> sqlx::Result<()> {
        match self.running.take().or_else(|| self.removals.try_recv().ok()) {
            Some(Removal::Delete { session, answer }) => self.delete(connection, session, answer).await,
            Some(Removal::Erase {
                username,
                dry_run,
                answer,
            }) => {
                let erased = erase::erase(connection, &username, dry_run).await;
                finish(Some(answer), erased.map(|erased| erased.ok_or(RemovalError::Live)))
            }
            Some(Removal::SignOut {
                cookie,
                expires_at,
                answer,
            }) => {
                let kept = review::sign_out(connection, cookie, expires_at, now).await;
                finish(Some(answer), kept.map(Ok))
            }
            Some(Removal::KeepLink { link, answer }) => {
                let kept = review_link::keep(connection, &link).await;
                finish(Some(answer), kept.map(|kept| kept.map_err(RemovalError::from)))
            }
            Some(Removal::KeepGlances { glances, answer }) => {
                let kept = glance::keep(connection, &glances).await;
                finish(Some(answer), kept.map(Ok))
            }
            Some(Removal::RevokeLink { link, answer }) => {
                let revoked = review_link::revoke(connection, link).await;
                let revoked = revoked.map(|was_there| was_there.then_some(()).ok_or(RemovalError::NoSuchLink));
                finish(Some(answer), revoked)
            }
            None => self.expire(connection, now).await,
        }
    }

    /// Whether [`RemovalQueue::step`] has something to do now.
    pub(super) fn is_due(&self) -> bool {
        self.running.is_some()
            || !self.removals.is_empty()
            || (self.retention.is_some() && Instant::now() >= self.expire_at)
    }

    async fn delete(
        &mut self,
        connection: &mut Connection,
        session: SessionId,
        answer: Option<Answer<()>>,
    ) -> sqlx::Result<()> {
        match delete_some(connection, session).await {
            Ok(Ok(Progress::More)) => {
                self.running = Some(Removal::Delete { session, answer });
                Ok(())
            }
            Ok(Ok(Progress::Done)) => finish(answer, Ok(Ok(()))),
            Ok(Err(refusal)) => finish(answer, Ok(Err(refusal))),
            Err(error) => finish(answer, Err(error)),
        }
    }

    /// Begins with the oldest session that is too old; when there is nothing left, looks again after a while.
    async fn expire(&mut self, connection: &mut Connection, now: Timestamp) -> sqlx::Result<()> {
        let Some(retention) = self.retention.filter(|_| Instant::now() >= self.expire_at) else {
            return Ok(());
        };
        let retention = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp(now.0.saturating_sub(retention));
        let again_at = std::mem::replace(&mut self.expire_at, Instant::now() + EXPIRY);
        // One node does it.
        if self.running.is_none() && !is_first(connection).await? {
            return Ok(());
        }
        if let Some(session) = expired(connection, before).await? {
            tracing::info!(%session, "a session is older than the retention: it is removed");
            self.running = Some(Removal::Delete { session, answer: None });
            self.expire_at = again_at;
        } else if delete_events_without_session(connection, before).await? == STEP {
            self.expire_at = again_at;
        }
        Ok(())
    }
}

/// Answers whoever waits. A removal that the database failed is given up: what it had done in this step is undone.
fn finish<T>(answer: Option<Answer<T>>, done: sqlx::Result<Result<T, RemovalError>>) -> sqlx::Result<()> {
    let (answered, result) = match done {
        Ok(answered) => (answered, Ok(())),
        Err(error) => (Err(RemovalError::Unavailable), Err(error)),
    };
    // Whoever asked may have gone.
    let _ = answer.map(|answer| answer.send(answered));
    result
}

enum Progress {
    More,
    Done,
}

/// Removes entries of the journal first, a few at a time; what is left goes with the session's own row.
async fn delete_some(connection: &mut Connection, session: SessionId) -> sqlx::Result<Result<Progress, RemovalError>> {
    begin(connection).await?;
    let progress = delete_step(connection, session).await?;
    connection.run("commit").await?;
    Ok(progress)
}

async fn delete_step(connection: &mut Connection, session: SessionId) -> sqlx::Result<Result<Progress, RemovalError>> {
    let ended = query!(
        &mut *connection,
        fetch_optional scalar,
        r#"select ended_at is not null as "ended!: bool" from session where id = $1"#,
        session.0
    )?;
    match ended {
        None => return Ok(Err(RemovalError::NoSuchSession)),
        Some(false) => return Ok(Err(RemovalError::Live)),
        Some(true) => {}
    }
    let removed = query!(
        &mut *connection,
        execute,
        "delete from event where seq in (select seq from event where session_id = $1 order by seq limit $2)",
        session.0,
        STEP
    )?;
    if removed.cast_signed() == STEP {
        return Ok(Ok(Progress::More));
    }
    query!(
        connection,
        execute,
        sqlite: "delete from session where id = ?",
        // An ended session has no members, and so nothing that is live.
        postgres: "with people as (delete from participant where session_id = $1),
                       presence as (delete from connection where session_id = $1),
                       links as (delete from link where session_id = $1),
                       gone as (delete from gone_member where session_id = $1),
                       review_links as (delete from review_link where session_id = $1),
                       glances as (delete from session_glance where session_id = $1)
                   delete from session where id = $1",
        session.0
    )?;
    Ok(Ok(Progress::Done))
}

/// Removes some of the entries from before a moment that belong to no session; says how many.
async fn delete_events_without_session(connection: &mut Connection, before: Timestamp) -> sqlx::Result<i64> {
    begin(connection).await?;
    let removed = query!(
        &mut *connection,
        execute,
        "delete from event
         where seq in (select seq from event where session_id is null and at < $1 order by at limit $2)",
        before.0,
        STEP
    )?;
    connection.run("commit").await?;
    Ok(removed.cast_signed())
}

/// The oldest session that ended before a moment. It started before that too, so that not all have to be looked at.
async fn expired(connection: &mut Connection, before: Timestamp) -> sqlx::Result<Option<SessionId>> {
    let first_later = SessionId::first_at(before);
    let id = query!(
        connection,
        fetch_optional scalar,
        r#"select id as "id: Uuid" from session where id < $1 and ended_at < $2 order by id limit 1"#,
        first_later.0,
        before.0
    )?;
    Ok(id.map(SessionId))
}
