//! The journal of a session, entry by entry.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::page::{Page, Slice};
use super::{Error, History};
use crate::model::id::{ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::EventKind;
use crate::sql::{json, query};

/// The most entries that one page looks at. The next page goes on from there, however few had a wanted kind.
const EXAMINED: i64 = 10_000;

/// One entry of the journal.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its number: strictly increasing over all sessions.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// In which session; of none are a gap, and an error that a client in no room was told.
    pub session_id: Option<SessionId>,
    /// Whom it happened to, if anybody.
    pub participant_id: Option<ParticipantId>,
    /// Their name.
    pub username: Option<String>,
    /// What else there is to say, by kind.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Box<RawValue>>,
}

/// An event as the queries give it.
pub(super) struct EventRow {
    pub(super) seq: i64,
    pub(super) at: Timestamp,
    pub(super) kind: EventKind,
    pub(super) session_id: Option<SessionId>,
    pub(super) participant_id: Option<ParticipantId>,
    pub(super) username: Option<String>,
    pub(super) detail: Option<String>,
}

impl TryFrom<EventRow> for Event {
    type Error = Error;

    fn try_from(row: EventRow) -> Result<Self, Error> {
        let detail = row.detail.map(RawValue::from_string).transpose();
        Ok(Self {
            seq: row.seq,
            at: row.at,
            kind: row.kind,
            session_id: row.session_id,
            participant_id: row.participant_id,
            username: row.username,
            detail: detail.map_err(|source| Error::Detail { seq: row.seq, source })?,
        })
    }
}

impl History {
    /// The entries of a session, by number; only those of the given kinds, or all if none are given.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn events(
        &self,
        session: SessionId,
        kinds: &[EventKind],
        page: &Page<i64>,
    ) -> Result<Slice<Event, i64>, Error> {
        let after = page.after.unwrap_or(0);
        // What comes later than this is for the next page, also if it is committed between the two reads.
        let last_examined = self.last_examined(session, after).await?;
        let up_to = last_examined.unwrap_or(i64::MAX);
        let kinds = (!kinds.is_empty()).then(|| json(kinds)).transpose()?;
        let limit = page.probe();
        let rows = query!(
            &self.reader,
            fetch_all as EventRow,
            sqlite: r#"
            select event.seq as "seq!", event.at as "at: Timestamp", event.kind as "kind: EventKind",
                event.session_id as "session_id: SessionId", event.participant_id as "participant_id: ParticipantId",
                participant.username as "username?", event.detail
            from event
            left join participant on participant.id = event.participant_id
            where event.session_id = ?1 and event.seq > ?2 and event.seq <= ?3
                and (?4 is null or event.kind in (select value from json_each(?4)))
            order by event.seq
            limit ?5
            "#,
            postgres: r#"
            select event.seq as "seq!", event.at as "at: Timestamp", event.kind as "kind: EventKind",
                event.session_id as "session_id: SessionId", event.participant_id as "participant_id: ParticipantId",
                participant.username as "username?", event.detail
            from event
            left join participant on participant.id = event.participant_id
            where event.session_id = $1 and event.seq > $2 and event.seq <= $3
                and ($4::text is null or event.kind in (select json_array_elements_text($4::text::json)))
            order by event.seq
            limit $5
            "#,
            session.0,
            after,
            up_to,
            kinds,
            limit
        )?;
        let events = rows.into_iter().map(Event::try_from).collect::<Result<_, _>>()?;
        let mut slice = Slice::cut(events, page.limit, |event: &Event| event.seq);
        slice.next = slice.next.or(last_examined);
        Ok(slice)
    }

    /// Where the page before the one that begins after an entry begins itself, of so many entries of the given kinds: the
    /// number that it comes after; nothing if the session has no entry up to that one.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn page_before(
        &self,
        session: SessionId,
        kinds: &[EventKind],
        page: &Page<i64>,
    ) -> Result<Option<i64>, Error> {
        let Some(after) = page.after else { return Ok(None) };
        let kinds = json(kinds)?;
        let others = i64::try_from(page.limit).unwrap_or(i64::MAX) - 1;
        let first = query!(
            &self.reader,
            fetch_one scalar,
            sqlite: r#"
            with some as materialized (
                select seq, kind from event where session_id = ?1 and seq <= ?2 order by seq desc limit ?3
            )
            select coalesce(
                (
                    select seq from some where kind in (select value from json_each(?4))
                    order by seq desc limit 1 offset ?5
                ),
                (select min(seq) from some)
            ) as "seq: i64"
            "#,
            postgres: r#"
            with latest as materialized (
                select seq, kind from event where session_id = $1 and seq <= $2 order by seq desc limit $3
            )
            select coalesce(
                (
                    select seq from latest where kind in (select json_array_elements_text($4::text::json))
                    order by seq desc limit 1 offset $5
                ),
                (select min(seq) from latest)
            ) as "seq: i64"
            "#,
            session.0,
            after,
            EXAMINED,
            kinds,
            others
        )?;
        Ok(first.map(|first| first - 1))
    }

    /// When the last of a session's entries up to a number was; nothing if there is none.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn moment_up_to(&self, session: SessionId, seq: i64) -> Result<Option<Timestamp>, Error> {
        let at = query!(
            &self.reader,
            fetch_optional scalar,
            r#"
            select at as "at: Timestamp" from event where session_id = $1 and seq <= $2 order by seq desc limit 1
            "#,
            session.0,
            seq
        )?;
        Ok(at)
    }

    /// The number of a session's latest entry; 0 if it has none.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn last_seq(&self, session: SessionId) -> Result<i64, Error> {
        let seq = query!(
            &self.reader,
            fetch_optional scalar,
            r#"select seq as "seq!" from event where session_id = $1 order by seq desc limit 1"#,
            session.0
        )?;
        Ok(seq.unwrap_or(0))
    }

    /// Where one page has to stop looking; `None` if the session ends before.
    async fn last_examined(&self, session: SessionId, after: i64) -> Result<Option<i64>, Error> {
        let seq = query!(
            &self.reader,
            fetch_optional scalar,
            r#"
            select seq as "seq!" from event where session_id = $1 and seq > $2
            order by seq limit 1 offset $3
            "#,
            session.0,
            after,
            EXAMINED
        )?;
        Ok(seq)
    }
}
