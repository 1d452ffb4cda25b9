//! Erasing a person: every row stays, so that totals stay right, and none has their name.

use serde::Serialize;
use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use uuid::Uuid;

use super::node::begin;
use crate::model::id::Username;
use crate::sql::{Connection, Database, json, query};

/// What erasing a person changes, or would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// The name that takes the place of the person's; nothing if nobody of that name was ever there, and for a dry run.
    pub replaced_by: Option<String>,
    /// In how many sessions they took part.
    pub sessions: i64,
    /// How many stretches of presence lose their name.
    pub connections: i64,
    /// How many peer connections do.
    pub links: i64,
    /// How many entries of the journal do.
    pub events: i64,
}

/// Gives a person another name everywhere, or says what that would change. Nothing if they are in a session that goes on.
pub(super) async fn erase(
    connection: &mut Connection,
    username: &Username,
    dry_run: bool,
) -> sqlx::Result<Option<Erased>> {
    // Writing people anew must not remove what refers to them. Within a transaction this could not be set.
    set_foreign_keys(connection, "pragma foreign_keys = off").await?;
    begin(connection).await?;
    let erased = transact(connection, username.as_str(), dry_run).await?;
    connection.run("commit").await?;
    set_foreign_keys(connection, "pragma foreign_keys = on").await?;
    if let Database::Sqlite(connection) = connection
        && !dry_run
        && erased.is_some()
    {
        checkpoint(connection).await?;
    }
    Ok(erased)
}

/// Only the file has any.
async fn set_foreign_keys(connection: &mut Connection, pragma: &'static str) -> sqlx::Result<()> {
    match connection {
        Database::Sqlite(_) => connection.run(pragma).await,
        Database::Postgres(_) => Ok(()),
    }
}

async fn transact(connection: &mut Connection, name: &str, dry_run: bool) -> sqlx::Result<Option<Erased>> {
    // A room that goes on knows its people by name, and would write it again.
    let is_live = query!(
        &mut *connection,
        fetch_one scalar,
        r#"select exists (
               select 1 from participant join session on session.id = participant.session_id
               where participant.username = $1 and session.ended_at is null
           ) as "is_live!: bool""#,
        name
    )?;
    if is_live {
        return Ok(None);
    }
    let mut erased = count(connection, name).await?;
    if !dry_run && erased.sessions > 0 {
        let label = free_label(connection).await?;
        // Names are NFC; a client's own words are as the client wrote them.
        for form in [name, &name.nfd().collect::<String>()] {
            redact_client_text(connection, name, form).await?;
        }
        rename(connection, name, &label).await?;
        if let Database::Sqlite(connection) = connection {
            for table in ["participant", "review_link"] {
                rewrite(connection, table).await?;
            }
        }
        erased.replaced_by = Some(label);
    }
    Ok(Some(erased))
}

struct Counts {
    sessions: i64,
    connections: i64,
    links: i64,
    events: i64,
}

async fn count(connection: &mut Connection, name: &str) -> sqlx::Result<Erased> {
    let counts = query!(
        connection,
        fetch_one as Counts,
        r#"with person as (select id, session_id from participant where username = $1)
           select (select count(*) from person) as "sessions!: i64",
               (select count(*) from person join connection on connection.session_id = person.session_id and connection.participant_id = person.id)
                   as "connections!: i64",
               (select count(*) from person join link on link.offerer_id = person.id)
                   + (select count(*) from person join link on link.answerer_id = person.id) as "links!: i64",
               (select count(*) from person
                join event on event.session_id = person.session_id and event.participant_id = person.id)
                   as "events!: i64""#,
        name
    )?;
    Ok(Erased {
        replaced_by: None,
        sessions: counts.sessions,
        connections: counts.connections,
        links: counts.links,
        events: counts.events,
    })
}

/// A name that nobody has or had. The same in all sessions: they remain those of one person.
async fn free_label(connection: &mut Connection) -> sqlx::Result<String> {
    loop {
        let random = Uuid::new_v4().simple().to_string();
        let label = format!("erased-{}", &random[..8]);
        let taken = query!(
            &mut *connection,
            fetch_one scalar,
            r#"select exists (select 1 from participant where username = $1) as "taken!: bool""#,
            label
        )?;
        if !taken {
            return Ok(label);
        }
    }
}

/// Makes the name unreadable in what clients worded themselves where the person was, and where nobody knows who it was.
/// Two such texts there are: the name of an event that does not exist, as a page that is being written may well send a
/// person's name there, and the kind of a stream.
async fn redact_client_text(connection: &mut Connection, name: &str, form: &str) -> sqlx::Result<()> {
    // Of the same length, so that the file's row stays where it is.
    let blot = "*".repeat(form.len());
    match connection {
        Database::Sqlite(connection) => redact_in_file(connection, name, form, &blot).await,
        Database::Postgres(connection) => redact_in_postgres(connection, name, form, &blot).await,
    }
}

async fn redact_in_file(connection: &mut SqliteConnection, name: &str, form: &str, blot: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update event set detail = json_set(detail, '$.event', replace(detail ->> '$.event', ?1, ?2))
         where seq in (select event.seq from participant join event on event.session_id = participant.session_id
                       where participant.username = ?3
                       union all
                       select seq from event where session_id is null)
             and kind = 'error' and instr(detail ->> '$.event', ?1) > 0
             and detail ->> '$.event' not in
                 ('join', 'leave', 'offer', 'answer', 'icecandidate', 'reconnect', 'reconnectWork')",
        form,
        blot,
        name
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update link set stream_type = replace(stream_type, ?1, ?2)
         where session_id in (select session_id from participant where username = ?3)
             and instr(stream_type, ?1) > 0 and stream_type not in ('user', 'display', 'remoteDisplay')",
        form,
        blot,
        name
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The same by the letters of the details: PostgreSQL reads no JSON in which a text has a NUL, and clients' texts may.
async fn redact_in_postgres(connection: &mut PgConnection, name: &str, form: &str, blot: &str) -> sqlx::Result<()> {
    let written = json(form)?;
    // Without the quotes around it; the name may end with some of its own.
    let written = &written[1..written.len() - 1];
    sqlx::query!(
        r#"/*postgres*/ with worded as (
               select seq, substring(detail from '"event":("(?:[^"\\]|\\.)*")') as event
               from event
               where seq in (select event.seq from participant join event on event.session_id = participant.session_id
                             where participant.username = $3
                             union all
                             select seq from event where session_id is null)
                   and kind = 'error'
           )
           update event
           set detail = replace(detail, '"event":' || worded.event, '"event":' || replace(worded.event, $1, $2))
           from worded
           where event.seq = worded.seq and position($1 in worded.event) > 0
               and worded.event not in
                   ('"join"', '"leave"', '"offer"', '"answer"', '"icecandidate"', '"reconnect"', '"reconnectWork"')"#,
        written,
        blot,
        name
    )
    .execute(&mut *connection)
    .await?;
    // One place of each at a time: bytes have no `replace`.
    let mut is_done = form == blot;
    while !is_done {
        let redacted = sqlx::query!(
            "/*postgres*/ update link set stream_type = overlay(stream_type placing $2 from position($1 in stream_type))
             where session_id in (select session_id from participant where username = $3)
                 and position($1 in stream_type) > 0 and stream_type not in ('user', 'display', 'remoteDisplay')",
            form.as_bytes(),
            blot.as_bytes(),
            name
        )
        .execute(&mut *connection)
        .await?;
        is_done = redacted.rows_affected() == 0;
    }
    Ok(())
}

async fn rename(connection: &mut Connection, name: &str, label: &str) -> sqlx::Result<()> {
    query!(
        &mut *connection,
        execute,
        "update participant set username = $2 where username = $1",
        name,
        label
    )?;
    query!(
        connection,
        execute,
        "update review_link set name = $2 where name = $1",
        name,
        label
    )?;
    Ok(())
}

/// Writes a table and its indices into pages that were overwritten with zeros before. SQLite overwrites what is
/// deleted, but not what it moves: pages that were once split may still have copies of names in their free space.
async fn rewrite(connection: &mut SqliteConnection, table: &str) -> sqlx::Result<()> {
    let indices: Vec<(String, String)> =
        sqlx::query_as("select name, sql from sqlite_schema where type = 'index' and tbl_name = ? and sql is not null")
            .bind(table)
            .fetch_all(&mut *connection)
            .await?;
    let dropped = indices.iter().map(|(name, _)| format!("drop index {name}"));
    let refilled = [
        format!("create temp table rewritten as select * from {table}"),
        format!("delete from {table}"),
        format!("insert into {table} select * from rewritten order by id"),
        "drop table rewritten".to_owned(),
    ];
    // An index made of a whole table is sorted first: five times faster than row by row.
    let made = indices.iter().map(|(_, sql)| sql.clone());
    for statement in dropped.chain(refilled).chain(made) {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Brings what was erased from the log into the database file, where the freed bytes are overwritten, and cuts the log.
/// A reader that is at it only delays that to the next checkpoint.
async fn checkpoint(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("pragma wal_checkpoint(truncate)")
        .execute(connection)
        .await?;
    Ok(())
}
