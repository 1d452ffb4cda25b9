//! Writing a history as fast as SQLite takes it, into tables that the server itself has made.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chatroom_server::journal::{Journal, Options};
use chatroom_server::model::time::Timestamp;
use fastrand::Rng;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, QueryBuilder, Sqlite, SqliteConnection};

use super::play::play;
use super::rows::Rows;
use super::shape::Shape;

/// How many rows one statement writes: with the widest table's columns still within SQLite's limit of parameters.
const CHUNK: usize = 1_000;

/// Makes a database of that shape, and says how many rows each school day has brought.
///
/// # Errors
/// If there is such a file already, or it cannot be written.
pub async fn make(file: &Path, shape: Shape, mut told: impl FnMut(u64)) -> Result<()> {
    ensure!(!file.exists(), "{} exists already", file.display());
    let tables = Journal::open(Options::new(file.to_path_buf().into()), || Timestamp(0)).await?;
    tables.journal.close(Duration::from_secs(10)).await?;

    let mut connection = bulk(file).connect().await?;
    let mut rng = Rng::with_seed(shape.seed);
    let (mut rows, mut written, mut last_at) = (Rows::default(), 0, 0);
    for (index, meeting) in (0..).zip(shape.meetings()) {
        play(&meeting, &mut rng, &mut rows);
        if shape.day(index) != shape.day(index + 1) || index + 1 == shape.sessions {
            rows.sort();
            last_at = rows.events.last().context("a day without events")?.at;
            written += rows.events.len() as u64;
            write(&mut connection, &rows).await?;
            rows = Rows::default();
            told(written);
        }
    }
    sqlx::query("update heartbeat set at = ?, clean_stop = true")
        .bind(last_at)
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(())
}

/// Nothing has to survive a crash here.
fn bulk(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(false)
        .pragma("cache_size", "-2000000")
        .disable_statement_logging()
}

async fn write(connection: &mut SqliteConnection, rows: &Rows) -> Result<()> {
    sqlx::query("begin").execute(&mut *connection).await?;
    write_sessions(connection, rows).await?;
    write_people(connection, rows).await?;
    write_events(connection, rows).await?;
    write_links(connection, rows).await?;
    sqlx::query("commit").execute(connection).await?;
    Ok(())
}

async fn write_sessions(connection: &mut SqliteConnection, rows: &Rows) -> Result<()> {
    const INTO: &str = "insert into session (id, room, started_at, ended_at, peak_participants, participant_count, \
        reconnect_count, error_count) ";
    for chunk in rows.sessions.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(INTO);
        query.push_values(chunk, |mut values, row| {
            values.push_bind(row.id).push_bind(&row.room);
            values.push_bind(row.started_at).push_bind(row.ended_at);
            for count in [row.peak, row.participants, row.reconnects, row.errors] {
                values.push_bind(count as i64);
            }
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn write_people(connection: &mut SqliteConnection, rows: &Rows) -> Result<()> {
    const PEOPLE: &str =
        "insert into participant (id, session_id, username, joined_at, left_at, leave_reason, reconnect_count) ";
    const CONNECTIONS: &str = "insert into connection (session_id, id, participant_id, connected_at, disconnected_at, \
        opened_by, closed_by, away_until) ";
    for chunk in rows.participants.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(PEOPLE);
        query.push_values(chunk, |mut values, row| {
            values.push_bind(row.id).push_bind(row.session).push_bind(&row.username);
            values.push_bind(row.joined_at).push_bind(row.left_at);
            values.push_bind(row.leave_reason).push_bind(row.reconnects as i64);
        });
        query.build().execute(&mut *connection).await?;
    }
    for chunk in rows.connections.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(CONNECTIONS);
        query.push_values(chunk, |mut values, row| {
            values
                .push_bind(row.session)
                .push_bind(row.id)
                .push_bind(row.participant);
            values.push_bind(row.connected_at).push_bind(row.disconnected_at);
            values
                .push_bind(row.opened_by)
                .push_bind(row.closed_by)
                .push_bind(row.away_until);
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn write_events(connection: &mut SqliteConnection, rows: &Rows) -> Result<()> {
    const INTO: &str = "insert into event (at, session_id, participant_id, kind, detail) ";
    for chunk in rows.events.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(INTO);
        query.push_values(chunk, |mut values, row| {
            values
                .push_bind(row.at)
                .push_bind(row.session)
                .push_bind(row.participant);
            values.push_bind(row.kind).push_bind(&row.detail);
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn write_links(connection: &mut SqliteConnection, rows: &Rows) -> Result<()> {
    const INTO: &str = "insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at, answered_at, \
        offerer_candidates, answerer_candidates, renegotiations, closed_at, closed_by) ";
    for chunk in rows.links.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(INTO);
        query.push_values(chunk, |mut values, row| {
            values.push_bind(row.id).push_bind(row.session);
            values
                .push_bind(row.offerer)
                .push_bind(row.answerer)
                .push_bind(row.stream);
            values.push_bind(row.offered_at).push_bind(row.answered_at);
            values.push_bind(row.candidates[0]).push_bind(row.candidates[1]);
            values
                .push_bind(row.renegotiations)
                .push_bind(row.closed_at)
                .push_bind(row.closed_by);
        });
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}
