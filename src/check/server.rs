//! The look at a history in PostgreSQL, from one snapshot.

use futures_util::TryStreamExt;
use serde::de::IgnoredAny;
use sqlx::{PgConnection, query, query_as, query_scalar};

use super::invariants::INVARIANTS;
use super::outcome::{Error, Found, Looked, sentence};
use super::words;
use crate::journal::{Age, DatabaseServer, OpenError, replica, server_age};
use crate::progress::Progress;

/// What a file's foreign keys see to: these tables have none.
const STRAYS: &str = "
    select from participant as child where not exists (select from session where id = child.session_id)
    union all select from connection as child where not exists (
        select from participant where id = child.participant_id and session_id = child.session_id)
    union all select from event as child
        where session_id is not null and not exists (select from session where id = child.session_id)
    union all select from link as child where not exists (select from session where id = child.session_id)
        or not exists (select from participant where id = child.offerer_id)
        or not exists (select from participant where id = child.answerer_id)
    union all select from member as child where not exists (select from session where id = child.session_id)
    union all select from live_link as child
        where not exists (select from link where session_id = child.session_id and id = child.link_id)
    union all select from owed_leave as child where not exists (select from member where id = child.member_id)
    union all select from gone_member as child where not exists (select from session where id = child.session_id)
    union all select from review_link as child
        where session_id is not null and not exists (select from session where id = child.session_id)";

pub(super) async fn look(server: &DatabaseServer) -> Result<Looked, Error> {
    let mut connection = server.connect().await?;
    let begin = "begin isolation level repeatable read, read only";
    let failed = |source| server.failure(source);
    query(begin).execute(&mut connection).await.map_err(failed)?;
    match server_age(server, &mut connection).await? {
        None => Ok((Found::Nothing, Vec::new())),
        Some(Age::Earlier) => Ok((Found::EarlierTables, Vec::new())),
        Some(Age::Newer) => Err(OpenError::Newer(server.to_string()).into()),
        Some(Age::Current) => {
            replica(server).await?;
            Ok(look_at_rows(&mut connection).await.map_err(failed)?)
        }
    }
}

async fn look_at_rows(connection: &mut PgConnection) -> sqlx::Result<Looked> {
    let (sessions, events, gaps): (i64, i64, i64) = query_as(
        "select (select count(*) from session), (select count(*) from event),
                (select count(*) from event where kind = 'gap')",
    )
    .fetch_one(&mut *connection)
    .await?;
    // References and details are two more.
    let progress = Progress::of("rules", INVARIANTS.len() as u64 + 2);
    let mut faults = Vec::new();
    faults.extend(fault(connection, "every reference leads somewhere", STRAYS).await?);
    progress.add(1);
    faults.extend(fault_of_details(connection).await?);
    progress.add(1);
    let holds = |survives_gaps| gaps == 0 || survives_gaps;
    for invariant in INVARIANTS.iter().filter(|invariant| holds(invariant.survives_gaps)) {
        if let Some(broken_by) = invariant.broken_by_in_postgres {
            faults.extend(fault(connection, invariant.what, broken_by).await?);
        }
        progress.add(1);
    }
    faults.extend(words::faults_in_postgres(connection).await?);
    Ok((Found::Whole { sessions, events, gaps }, faults))
}

/// What breaks a rule, if anything does.
async fn fault(connection: &mut PgConnection, what: &str, broken_by: &'static str) -> sqlx::Result<Option<String>> {
    let rows = query(broken_by).fetch(connection);
    let rows = rows.try_fold(0, async |rows: u64, _| Ok(rows + 1)).await?;
    Ok(sentence(what, rows))
}

/// Whether what events say besides is JSON.
async fn fault_of_details(connection: &mut PgConnection) -> sqlx::Result<Option<String>> {
    let details = query_scalar::<_, String>("select detail from event where detail is not null").fetch(connection);
    let is_broken = |detail: &str| serde_json::from_str::<IgnoredAny>(detail).is_err();
    let broken = details.try_fold(
        0,
        async |broken: u64, detail| Ok(broken + u64::from(is_broken(&detail))),
    );
    Ok(sentence("what an event says besides is JSON", broken.await?))
}
