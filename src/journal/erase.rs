//! Erasing a person: every row stays, so that totals stay right, and none has their name.

use sqlx::SqliteConnection;
use uuid::Uuid;

use super::orders::{Erased, OrderError};
use crate::room::id::Username;

/// Gives a person another name everywhere, or says what that would change.
pub(super) async fn erase(
    connection: &mut SqliteConnection,
    username: &Username,
    dry_run: bool,
) -> sqlx::Result<Result<Erased, OrderError>> {
    sqlx::query("begin immediate").execute(&mut *connection).await?;
    let erased = transact(connection, username.as_str(), dry_run).await?;
    sqlx::query("commit").execute(&mut *connection).await?;
    if !dry_run && erased.is_ok() {
        checkpoint(connection).await?;
    }
    Ok(erased)
}

async fn transact(
    connection: &mut SqliteConnection,
    name: &str,
    dry_run: bool,
) -> sqlx::Result<Result<Erased, OrderError>> {
    // A room that goes on knows its people by name, and would write it again.
    let is_live = sqlx::query_scalar!(
        r#"select exists (
               select 1 from participant join session on session.id = participant.session_id
               where participant.username = ? and session.ended_at is null
           ) as "is_live!: bool""#,
        name
    )
    .fetch_one(&mut *connection)
    .await?;
    if is_live {
        return Ok(Err(OrderError::Live));
    }
    let mut erased = count(connection, name).await?;
    if !dry_run && erased.sessions > 0 {
        let label = free_label(connection).await?;
        rename(connection, name, &label).await?;
        erased.replaced_by = Some(label);
    }
    Ok(Ok(erased))
}

async fn count(connection: &mut SqliteConnection, name: &str) -> sqlx::Result<Erased> {
    let counts = sqlx::query!(
        r#"with person as (select id, session_id from participant where username = ?)
           select (select count(*) from person) as "sessions!: i64",
               (select count(*) from person join connection on connection.participant_id = person.id)
                   as "connections!: i64",
               (select count(*) from person join link on link.offerer_id = person.id)
                   + (select count(*) from person join link on link.answerer_id = person.id) as "links!: i64",
               (select count(*) from person
                join event on event.session_id = person.session_id and event.participant_id = person.id)
                   as "events!: i64""#,
        name
    )
    .fetch_one(connection)
    .await?;
    Ok(Erased {
        replaced_by: None,
        sessions: counts.sessions,
        connections: counts.connections,
        links: counts.links,
        events: counts.events,
    })
}

/// A name that nobody has or had. The same in all sessions: they remain those of one person.
async fn free_label(connection: &mut SqliteConnection) -> sqlx::Result<String> {
    loop {
        let random = Uuid::new_v4().simple().to_string();
        let label = format!("erased-{}", &random[..8]);
        let taken = sqlx::query_scalar!(
            r#"select exists (select 1 from participant where username = ?) as "taken!: bool""#,
            label
        )
        .fetch_one(&mut *connection)
        .await?;
        if !taken {
            return Ok(label);
        }
    }
}

async fn rename(connection: &mut SqliteConnection, name: &str, label: &str) -> sqlx::Result<()> {
    // The one text of a client's own in the journal is the name of an event that does not exist: a page that is being
    // written may well send a person's name there.
    sqlx::query!(
        "update event set detail = json_set(detail, '$.event', replace(detail ->> '$.event', ?1, ?2))
         where session_id in (select session_id from participant where username = ?1)
             and kind = 'error' and instr(detail ->> '$.event', ?1) > 0
             and detail ->> '$.event' not in
                 ('join', 'leave', 'offer', 'answer', 'icecandidate', 'reconnect', 'reconnectWork')",
        name,
        label
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("update participant set username = ?2 where username = ?1", name, label)
        .execute(connection)
        .await?;
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
