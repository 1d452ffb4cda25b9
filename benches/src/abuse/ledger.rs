//! What the class was told of who came and went, looked up in the history.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Result;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::trial::CLASS;
use crate::member::Identity;

/// What the server has acknowledged to somebody of the class.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Told {
    room: String,
    username: String,
    kind: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Joined,
    Left,
}

impl Told {
    pub(super) fn new(identity: &Identity, deed: Deed) -> Self {
        Self {
            room: identity.room.clone(),
            username: identity.username.clone(),
            kind: match deed {
                Deed::Joined => "joined",
                Deed::Left => "left",
            },
        }
    }
}

/// How many of these the history of a server that has stopped does not know.
pub(super) async fn lost(file: &Path, told: &[Told]) -> Result<usize> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut database = options.connect().await?;
    let written: Vec<(String, String, String)> = sqlx::query_as(
        "select session.room, participant.username, event.kind
         from session
         join event on event.session_id = session.id
         join participant on participant.id = event.participant_id
         where session.room like ? || ' %' and event.kind in ('joined', 'left')",
    )
    .bind(CLASS)
    .fetch_all(&mut database)
    .await?;
    database.close().await?;
    let written: HashSet<_> = written
        .iter()
        .map(|(room, username, kind)| (room.as_str(), username.as_str(), kind.as_str()))
        .collect();
    Ok(told
        .iter()
        .filter(|told| !written.contains(&(told.room.as_str(), told.username.as_str(), told.kind)))
        .count())
}
