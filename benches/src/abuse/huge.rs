//! A session that somebody has swollen: 50,000 names, and links between many of them.

use std::path::Path;

use anyhow::Result;
use chatroom_server::journal::{Journal, Options};
use chatroom_server::model::time::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

/// The session's id, as addresses of the review have it.
pub(super) const SESSION: &str = "01990000-0000-7000-8000-000000000001";

const PEOPLE: i64 = 50_000;
const LINKS: i64 = 200_000;
const EVENTS: i64 = 200_000;
/// 2026-03-01T09:00:00Z.
const START_MS: i64 = 1_772_355_600_000;

/// Makes a history with that session in it.
pub(super) async fn make(file: &Path) -> Result<()> {
    let opened = Journal::open(Options::new(file.to_path_buf().into()), || Timestamp(START_MS)).await?;
    opened.journal.close(std::time::Duration::from_secs(10)).await?;
    let options = SqliteConnectOptions::new()
        .filename(file)
        .synchronous(SqliteSynchronous::Off);
    let mut database = options.connect().await?;
    for statement in [
        "insert into session (id, room, started_at, ended_at, peak_participants, participant_count)
         values (unhex(replace(?1, '-', '')), 'swollen', ?2, ?2 + 7200000, ?3, ?3)",
        "with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ?3)
         insert into participant (id, session_id, username, joined_at, left_at, leave_reason)
         select unhex(printf('019900000002700080000000%08x', i)),
                unhex(replace(?1, '-', '')), printf('name %d', i), ?2 + i * 100, ?2 + i * 100 + 60000, 'left' from n",
        "with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ?3)
         insert into connection (session_id, id, participant_id, connected_at, disconnected_at, opened_by, closed_by, away_until)
         select unhex(replace(?1, '-', '')), unhex(printf('019900000003700080000000%08x', i)),
                unhex(printf('019900000002700080000000%08x', i)), ?2 + i * 100, ?2 + i * 100 + 60000, 'join', 'left',
                ?2 + i * 100 + 60000 from n",
        "with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ?4)
         insert into link (id, session_id, offerer_id, answerer_id, stream_type, offered_at, answered_at, closed_at, closed_by)
         select unhex(printf('019900000004700080000000%08x', i)), unhex(replace(?1, '-', '')),
                unhex(printf('019900000002700080000000%08x', i % ?3)),
                unhex(printf('019900000002700080000000%08x', (i + 1 + i / ?3) % ?3)), 'user',
                ?2 + i, ?2 + i + 50, ?2 + i + 60000, 'left' from n",
        "with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ?5)
         insert into event (at, session_id, participant_id, kind, detail)
         select ?2 + i * 10, unhex(replace(?1, '-', '')), unhex(printf('019900000002700080000000%08x', i % ?3)), 'joined',
                '{\"members\":1}' from n",
    ] {
        sqlx::query(statement)
            .bind(SESSION)
            .bind(START_MS)
            .bind(PEOPLE)
            .bind(LINKS)
            .bind(EVENTS)
            .execute(&mut database)
            .await?;
    }
    database.close().await?;
    Ok(())
}
