//! People and their connections, as the queries give them: SQLite as two JSON lists, PostgreSQL as rows, each of which costs it
//! a fifth of what its JSON does.

use serde::Deserialize;
use uuid::Uuid;

use super::Error;
use super::json::{Millis, from_json};
use crate::model::vocabulary::{ConnectionCloseReason, ConnectionOpenReason, LeaveReason};
use crate::sql::damaged;

/// A participant.
#[derive(Deserialize)]
pub(super) struct ParticipantRow {
    pub(super) session: Uuid,
    pub(super) id: Uuid,
    pub(super) username: String,
    pub(super) joined_at: Millis,
    pub(super) left_at: Option<Millis>,
    pub(super) leave_reason: Option<LeaveReason>,
    pub(super) reconnect_count: i64,
}

/// An interval with a live socket.
#[derive(Debug, Deserialize)]
pub(super) struct ConnectionRow {
    pub(super) participant: Uuid,
    pub(super) connected_at: Millis,
    pub(super) disconnected_at: Option<Millis>,
    /// Until when its owner was away after it; nothing while they still are.
    pub(super) away_until: Option<Millis>,
    pub(super) closed_by: Option<ConnectionCloseReason>,
    pub(super) opened_by: ConnectionOpenReason,
}

/// People and connections of one moment.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) people: Vec<ParticipantRow>,
    pub(super) connections: Vec<ConnectionRow>,
}

/// What SQLite gives.
pub(super) struct Lists {
    pub(super) people: String,
    pub(super) connections: String,
}

impl TryFrom<Lists> for Rows {
    type Error = Error;

    fn try_from(lists: Lists) -> Result<Self, Error> {
        Ok(Self {
            people: from_json(&lists.people)?,
            connections: from_json(&lists.connections)?,
        })
    }
}

/// What PostgreSQL gives.
pub(super) struct PersonOrConnection {
    /// A person's; nothing of a connection.
    pub(super) session: Option<Uuid>,
    /// The person's, also of a connection.
    pub(super) id: Uuid,
    /// The name, or what opened the connection.
    pub(super) name: String,
    pub(super) begin: i64,
    pub(super) end: Option<i64>,
    /// Why the person left, or what closed the connection.
    pub(super) reason: Option<String>,
    /// How often the person came back, or until when they were away after the connection.
    pub(super) number: Option<i64>,
}

impl TryFrom<Vec<PersonOrConnection>> for Rows {
    type Error = Error;

    fn try_from(mixed: Vec<PersonOrConnection>) -> Result<Self, Error> {
        let mut rows = Self::default();
        for row in mixed {
            match row.session {
                Some(session) => rows.people.push(row.person(session)?),
                None => rows.connections.push(row.connection()?),
            }
        }
        Ok(rows)
    }
}

impl PersonOrConnection {
    fn person(self, session: Uuid) -> sqlx::Result<ParticipantRow> {
        Ok(ParticipantRow {
            session,
            id: self.id,
            username: self.name,
            joined_at: Millis(self.begin),
            left_at: self.end.map(Millis),
            leave_reason: word(self.reason.as_deref(), LeaveReason::parse)?,
            reconnect_count: self.number.unwrap_or_default(),
        })
    }

    fn connection(self) -> sqlx::Result<ConnectionRow> {
        let opened_by = ConnectionOpenReason::parse(&self.name);
        Ok(ConnectionRow {
            participant: self.id,
            connected_at: Millis(self.begin),
            disconnected_at: self.end.map(Millis),
            away_until: self.number.map(Millis),
            closed_by: word(self.reason.as_deref(), ConnectionCloseReason::parse)?,
            opened_by: opened_by.ok_or_else(|| damaged(format_args!("{:?} opens no connection", self.name)))?,
        })
    }
}

fn word<T>(stored: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> sqlx::Result<Option<T>> {
    let known = |word: &str| parse(word).ok_or_else(|| damaged(format_args!("{word:?} is no reason")));
    stored.map(known).transpose()
}

/// Asks PostgreSQL for people and for connections, each those of a query, which must not end in a comment: their rows follow
/// each other.
macro_rules! query_postgres_for_people {
    ($pool:expr, $people:literal, $connections:literal, $($bound:expr),+ $(,)?) => {
        sqlx::query_as!(
            PersonOrConnection,
            r#"/*postgres*/
            select session_id as session, id as "id!", username as "name!", joined_at as "begin!", left_at as "end", leave_reason as reason, reconnect_count as number
            from (
            "# + $people + r#"
            ) as own
            union all
            select null, participant_id, opened_by, connected_at, disconnected_at, closed_by, away_until
            from (
            "# + $connections + r#"
            ) as own
            "#,
            $($bound),+
        )
        .fetch_all($pool)
        .await
    };
}
pub(super) use query_postgres_for_people as query_people_of_postgres;

/// Asks for people and for connections, each those of a query, for [`Rows`]. Both are of one moment, as it is one question:
/// whoever has left has no connection that goes on.
macro_rules! query_people_of_either {
    (
        $on:expr,
        sqlite: ($people:literal, $connections:literal),
        postgres: ($people_of_postgres:literal, $connections_of_postgres:literal),
        $($bound:expr),+ $(,)?
    ) => {
        match $on {
            Database::Sqlite(pool) => {
                let lists = sqlx::query_as!(
                    Lists,
                    r#"
                    select
                        (
                            select json_group_array(json_array(hex(session_id), hex(id), username, joined_at, left_at,
                                                               leave_reason, reconnect_count))
                            from (
                    "# + $people + r#"
                            ) as some
                        ) as "people!: String",
                        (
                            select json_group_array(json_array(hex(participant_id), connected_at, disconnected_at,
                                                               away_until, closed_by, opened_by))
                            from (
                    "# + $connections + r#"
                            ) as some
                        ) as "connections!: String"
                    "#,
                    $($bound),+
                )
                .fetch_one(pool)
                .await;
                Rows::try_from(lists?)
            }
            Database::Postgres(pool) => {
                let rows = query_people_of_postgres!(
                    pool,
                    $people_of_postgres,
                    $connections_of_postgres,
                    $($bound),+
                );
                Rows::try_from(rows?)
            }
        }
    };
}
pub(super) use query_people_of_either as query_people;
