//! Which rows of a session say already what its room says: a repair leaves those as they are.

use std::collections::HashSet;

use uuid::Uuid;

use crate::model::id::SessionId;
use crate::room::record::{LiveLink, LiveMember};
use crate::sql::{ClientText, Connection, query};

/// What is stored of a session's live members and links.
pub(super) struct Unchanged {
    members: HashSet<MemberRow>,
    links: HashSet<LinkRow>,
}

/// What may change of a member that is owed no leave.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct MemberRow {
    pub(super) id: Uuid,
    pub(super) connection: Uuid,
    pub(super) away_since: Option<i64>,
    pub(super) away_until: Option<i64>,
    pub(super) overflowed: bool,
    pub(super) stopped_by: Option<String>,
}

/// What may change of a link that is open.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct LinkRow {
    pub(super) id: Uuid,
    pub(super) answered_at: Option<i64>,
    pub(super) answerer_connector: Option<ClientText<String>>,
    pub(super) offerer_candidates: i64,
    pub(super) answerer_candidates: i64,
    pub(super) renegotiations: i64,
}

impl Unchanged {
    pub(super) async fn read(connection: &mut Connection, session: SessionId) -> sqlx::Result<Self> {
        let members = query!(
            &mut *connection,
            fetch_all as MemberRow,
            r#"select id as "id: _", connection_id as "connection: _", away_since, away_until,
                      overflowed as "overflowed: _", stopped_by
               from member
               where session_id = $1 and not exists (select 1 from owed_leave where member_id = member.id)"#,
            session.0
        )?;
        let links = query!(
            connection,
            fetch_all as LinkRow,
            r#"select link.id as "id: _", answered_at, answerer_connector as "answerer_connector: _",
                      offerer_candidates, answerer_candidates, renegotiations
               from link join live_link on live_link.session_id = link.session_id and link_id = link.id
               where link.session_id = $1 and closed_at is null"#,
            session.0
        )?;
        Ok(Self {
            members: members.into_iter().collect(),
            links: links.into_iter().collect(),
        })
    }

    pub(super) fn has_member(&self, live: &LiveMember) -> bool {
        live.owed.is_empty() && self.members.contains(&MemberRow::of(live))
    }

    pub(super) fn has_link(&self, live: &LiveLink) -> bool {
        self.links.contains(&LinkRow::of(live))
    }
}

impl MemberRow {
    pub(super) fn of(live: &LiveMember) -> Self {
        let (away_since, away_until) = live.away.map(|(since, until)| (since.0, until.0)).unzip();
        Self {
            id: live.member.0,
            connection: live.connection.0,
            away_since,
            away_until,
            overflowed: live.overflowed,
            stopped_by: live.leaves_as.map(|reason| reason.as_str().to_owned()),
        }
    }
}

impl LinkRow {
    pub(super) fn of(live: &LiveLink) -> Self {
        let answered = live.answered.as_ref();
        let (answerer_connector, answered_at) = answered.map(|(id, at)| (ClientText(id.to_string()), at.0)).unzip();
        Self {
            id: live.link.0,
            answered_at,
            answerer_connector,
            offerer_candidates: live.traffic.offerer_candidates.into(),
            answerer_candidates: live.traffic.answerer_candidates.into(),
            renegotiations: live.traffic.renegotiations.into(),
        }
    }
}
