//! What holds of every history, in whatever state a crash leaves it.

/// One rule, with a query for what breaks it.
#[derive(Debug)]
pub struct Invariant {
    /// The rule, in words.
    pub what: &'static str,
    /// Gives a row for each place where it does not hold, in a file.
    pub broken_by: &'static str,
    /// The same in PostgreSQL; nothing where that sees to it by itself.
    pub broken_by_in_postgres: Option<&'static str>,
    /// Whether it holds also where records were lost: rows are repaired then, entries of the journal are not.
    pub survives_gaps: bool,
}

const fn always(what: &'static str, broken_by: &'static str) -> Invariant {
    Invariant {
        what,
        broken_by,
        broken_by_in_postgres: Some(broken_by),
        survives_gaps: true,
    }
}

const fn without_gaps(what: &'static str, broken_by: &'static str) -> Invariant {
    Invariant {
        what,
        broken_by,
        broken_by_in_postgres: Some(broken_by),
        survives_gaps: false,
    }
}

impl Invariant {
    /// The rule with another text for PostgreSQL.
    const fn in_postgres(self, broken_by: Option<&'static str>) -> Self {
        Self {
            broken_by_in_postgres: broken_by,
            ..self
        }
    }
}

/// All of them.
pub const INVARIANTS: &[Invariant] = &[
    // SQLite's own look at a file leaves these out where the file is opened only to be read.
    always(
        "every row is as its table's CHECK says",
        "select 1 from session where length(id) <> 16
         union all select 1 from participant where length(id) <> 16
         union all select 1 from connection where length(id) <> 16
         union all select 1 from link where length(id) <> 16
         union all select 1 from member where length(id) <> 16 or length(client_key) <> 32
         union all select 1 from heartbeat where id <> 1
         union all select 1 from review_secret where id <> 1 or length(salt) <> 32
         union all select 1 from review_sign_out where length(id) <> 16
         union all select 1 from review_link
                   where length(id) <> 16 or key_mark not between 0 and 255 or (session_id is null) = (room is null)",
    )
    .in_postgres(None),
    always(
        "a participant's connections do not overlap, nor the away times between them",
        "select 1 from (
             select disconnected_at, away_until,
                    lead(connected_at) over (partition by participant_id order by connected_at, id) as next
             from connection) as times
         where next is not null and (disconnected_at is null or away_until is null or away_until > next)",
    ),
    always(
        "a connection ends after it began",
        "select 1 from connection where disconnected_at < connected_at or away_until < disconnected_at",
    ),
    always(
        "a session ends after it began",
        "select 1 from session where ended_at < started_at",
    ),
    always(
        "a participant leaves after they joined, and for a reason",
        "select 1 from participant where left_at < joined_at or (left_at is null) <> (leave_reason is null)",
    ),
    always(
        "a link is answered and closed after it was offered",
        "select 1 from link where answered_at < offered_at or closed_at < offered_at",
    ),
    always(
        "rooms and people have names",
        "select 1 from session where trim(room) = ''
         union all
         select 1 from participant where trim(username) = ''",
    ),
    always(
        "what an event says besides is JSON",
        "select 1 from event where not json_valid(detail)",
    )
    // Before its version 16 it has no such question: the look at a server's details is another.
    .in_postgres(None),
    always(
        "the server's last sign of life is kept",
        "select 1 where not exists (select 1 from heartbeat)",
    )
    .in_postgres(Some("select 1 where not exists (select 1 from node)")),
    without_gaps(
        "a connection for each time somebody came",
        "select 1 from participant
         where (select count(*) from connection
                where connection.session_id = participant.session_id and participant_id = participant.id)
            <> (select count(*) from event indexed by event_by_session
                where event.session_id = participant.session_id and participant_id = participant.id
                  and kind in ('joined', 'reconnected'))",
    )
    .in_postgres(Some(
        "select 1 from participant
         where (select count(*) from connection
                where connection.session_id = participant.session_id and participant_id = participant.id)
            <> (select count(*) from event
                where event.session_id = participant.session_id and participant_id = participant.id
                  and kind in ('joined', 'reconnected'))",
    )),
    always(
        "an open participant is a member",
        "select 1 from participant where (left_at is null) <> (id in (select participant_id from member))",
    ),
    always(
        "an open connection is a member's",
        "select 1 from connection where (away_until is null) <> (id in (select connection_id from member))",
    ),
    always(
        "a live connection is a present member's",
        "select 1 from connection
         where (disconnected_at is null) <> (id in (select connection_id from member where away_since is null))",
    ),
    always(
        "an open link is between members",
        "select 1 from link where (closed_at is null) <> (id in (
             select link_id from live_link
             where offerer_member in (select id from member) and answerer_member in (select id from member)))",
    ),
    always(
        "every live link is one of the history",
        "select 1 from live_link where link_id not in (select id from link where closed_at is null)",
    ),
    always(
        "a link with an answer has both connectors",
        "select 1 from live_link join link on link.id = link_id
         where (answered_at is null) <> (answerer_connector is null)",
    ),
    always(
        "only who is away is owed anything",
        "select 1 from owed_leave where member_id not in (select id from member where away_since is not null)",
    ),
    always(
        "who has left is no member",
        "select 1 from gone_member where member_id in (select id from member)",
    ),
    without_gaps(
        "a session's totals are what its events say",
        "select 1 from session
         where participant_count <> (select count(*) from participant where session_id = session.id)
            or reconnect_count <> (select count(*) from event where session_id = session.id and kind = 'reconnected')
            or error_count <> (select count(*) from event where session_id = session.id and kind = 'error')
            or 1 <> (select count(*) from event where session_id = session.id and kind = 'session_started')
            or case when ended_at is null then 0 else 1 end
               <> (select count(*) from event where session_id = session.id and kind = 'session_ended')",
    ),
    without_gaps(
        "a participant came back as often as the events say",
        "with back as (
             select session_id, participant_id, count(*) as times from event
             where kind = 'reconnected' group by session_id, participant_id)
         select 1 from participant
         left join back on back.session_id = participant.session_id and back.participant_id = participant.id
         where reconnect_count <> coalesce(times, 0)",
    ),
    without_gaps(
        "the most people at once are what the events say",
        "select 1 from session
         where peak_participants <> (
             select coalesce(max(case when json_valid(detail) then detail ->> '$.members' end), 0)
             from event where session_id = session.id and kind = 'joined')",
    )
    .in_postgres(Some(
        "select 1 from session
         where peak_participants <> (
             select coalesce(max(substring(detail from '\"members\": *([0-9]+)')::bigint), 0)
             from event where session_id = session.id and kind = 'joined')",
    )),
    always(
        "entries of the journal are numbered from 1 on",
        "select 1 from event where seq < 1",
    ),
    always(
        "a session with members is open",
        "select 1 from session where ended_at is not null and id in (select session_id from member)",
    ),
];
