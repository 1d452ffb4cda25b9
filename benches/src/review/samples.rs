//! What is asked about: some of everything at random, and the worst of each kind.

use std::path::Path;

use anyhow::Result;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, FromRow, SqliteConnection};
use uuid::Uuid;

/// How many of a kind are picked.
const SOME: u32 = 200;

/// A session, and a moment in its middle.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Session {
    pub(super) id: Uuid,
    pub(super) room: String,
    pub(super) middle: i64,
}

/// Picked from a history.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) sessions: Vec<Session>,
    /// With as many people as a class can have.
    pub(super) large: Vec<Session>,
    /// With hundreds.
    pub(super) crowds: Vec<Session>,
    /// With the most errors.
    pub(super) noisiest: Session,
    pub(super) people: Vec<String>,
    /// In the most sessions.
    pub(super) busiest: String,
    /// Used most often.
    pub(super) favourite: String,
    /// How many entries the journal has.
    pub(super) events: i64,
    /// How large all tables and their indices are.
    pub(super) bytes: i64,
}

impl Samples {
    pub(super) async fn pick(file: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut connection = options.disable_statement_logging().connect().await?;
        let samples = Self {
            sessions: sessions(&mut connection, "true order by random()", SOME).await?,
            large: sessions(
                &mut connection,
                "participant_count between 45 and 60 order by random()",
                SOME,
            )
            .await?,
            crowds: sessions(&mut connection, "true order by participant_count desc", 5).await?,
            noisiest: sessions(&mut connection, "true order by error_count desc", 1)
                .await?
                .remove(0),
            people: names(
                &mut connection,
                "select username from participant where random() % 500 = 0 limit ?",
                SOME,
            )
            .await?,
            busiest: names(
                &mut connection,
                "select username from participant group by username order by count(*) desc limit ?",
                1,
            )
            .await?
            .remove(0),
            favourite: names(
                &mut connection,
                "select room from session group by room order by count(*) desc limit ?",
                1,
            )
            .await?
            .remove(0),
            events: number(&mut connection, "select count(*) from event").await?,
            bytes: number(
                &mut connection,
                "select page_count * page_size from pragma_page_count, pragma_page_size",
            )
            .await?,
        };
        connection.close().await?;
        Ok(samples)
    }
}

async fn sessions(connection: &mut SqliteConnection, which: &'static str, most: u32) -> Result<Vec<Session>> {
    let mut query = sqlx::QueryBuilder::new(
        "select id, room, (started_at + ended_at) / 2 as middle from session where ended_at is not null and ",
    );
    query.push(which).push(" limit ").push_bind(most);
    Ok(query.build_query_as().fetch_all(connection).await?)
}

async fn number(connection: &mut SqliteConnection, query: &'static str) -> Result<i64> {
    Ok(sqlx::query_scalar(query).fetch_one(connection).await?)
}

async fn names(connection: &mut SqliteConnection, query: &'static str, most: u32) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(query).bind(most).fetch_all(connection).await?)
}
