//! With whom one person never connected, in each of several sessions.

use std::collections::HashMap;
use std::iter::once;

use uuid::Uuid;

use super::glance::{LINKS, MET_AMONG};
use super::json::from_json;
use super::links::Names;
use super::pair::Pair;
use super::pairs::Meeting;
use super::{Error, History};
use crate::model::id::{ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::model::vocabulary::ConnectionState;
use crate::sql::{json, query};

/// Somebody in a session, and those of whom it is not plain that the two connected.
struct Doubt {
    session: SessionId,
    one: ParticipantId,
    others: Vec<ParticipantId>,
}

/// The same as the query gives it.
struct DoubtRow {
    session: SessionId,
    one: ParticipantId,
    /// A list of ids.
    others: String,
}

impl History {
    /// For each of these attendances, when it came about that they never connected with others whom they met: a moment for each of
    /// those. Nothing where the session's people are too many to look at all of them.
    pub(super) async fn unconnected_of(
        &self,
        attendances: &[(SessionId, ParticipantId)],
        now: Timestamp,
    ) -> Result<HashMap<SessionId, Vec<Timestamp>>, Error> {
        let doubts = self.doubts(attendances).await?;
        let concerned = doubts
            .iter()
            .flat_map(|doubt| once(doubt.one).chain(doubt.others.iter().copied()));
        let mut people = self.people_of(concerned).await?;
        let mut groups = Vec::with_capacity(doubts.len());
        for doubt in doubts {
            let group = once(doubt.one).chain(doubt.others).filter_map(|id| people.remove(&id));
            groups.push((doubt.session, group.collect::<Vec<_>>()));
        }
        let meetings: Vec<_> = groups
            .iter()
            .map(|(session, group)| (*session, Meeting::of(group, now)))
            .collect();
        let all = meetings
            .iter()
            .flat_map(|(_, meeting)| meeting.two_with(0).map(|two| meeting.ends(two)));
        let mut links = self.links_between(all, &Names::new()).await?;
        let mut unconnected = |(session, meeting): &(SessionId, Meeting<'_>)| {
            let are_pair = |two: &[usize; 2]| meeting.has_met(*two) || links.contains_key(&meeting.ends(*two));
            let pairs: Vec<[usize; 2]> = meeting.two_with(0).filter(are_pair).collect();
            let judged = pairs.into_iter().map(|two| meeting.pair(two, &mut links));
            let failed = judged.filter(Pair::is_failed);
            (*session, failed.map(|pair| pair.broken_at()).collect())
        };
        Ok(meetings.iter().map(&mut unconnected).collect())
    }

    /// Those with whom these people have no link, or one that was in vain: with all others they connected, and of these nothing
    /// more is read. Nothing of a session with too many people.
    async fn doubts(&self, attendances: &[(SessionId, ParticipantId)]) -> Result<Vec<Doubt>, Error> {
        let wanted = attendances
            .iter()
            .map(|(session, one)| [session.0.simple(), one.0.simple()]);
        let wanted = json(&wanted.collect::<Vec<_>>())?;
        let failed = ConnectionState::Failed.as_str();
        let most_people = i64::try_from(MET_AMONG + 1).unwrap_or(i64::MAX);
        // Read along the other ends' ids: where the links are too many, those of the last others are in doubt.
        let rows = query!(
            &self.reader,
            fetch_all as DoubtRow,
            sqlite: r#"
            select unhex(value ->> 0) as "session!: SessionId", unhex(value ->> 1) as "one!: ParticipantId",
                (
                    select json_group_array(hex(id))
                    from (
                        select id from participant where session_id = unhex(value ->> 0) and id is not unhex(value ->> 1)
                        except
                        select other from (
                            select answerer_id as other,
                                answered_at is null or offerer_state is ?3 or answerer_state is ?3 as was_in_vain
                            from (select * from link where offerer_id = unhex(value ->> 1) limit ?4) as own
                            union all
                            select offerer_id,
                                answered_at is null or offerer_state is ?3 or answerer_state is ?3
                            from (select * from link where answerer_id = unhex(value ->> 1) limit ?4) as own
                        ) as own
                        group by other having not max(was_in_vain)
                    ) as own
                ) as "others!: String"
            from json_each(?1) as wanted
            where (select count(*) from (select 1 from participant where session_id = unhex(value ->> 0) limit ?2)) < ?2
            "#,
            postgres: r#"
            select wanted.session as "session!: SessionId", wanted.one as "one!: ParticipantId",
                (
                    select coalesce(json_agg(id), '[]')::text
                    from (
                        select id from participant where session_id = wanted.session and id <> wanted.one
                        except
                        select other from (
                            select answerer_id as other,
                                answered_at is null or offerer_state is not distinct from $3
                                    or answerer_state is not distinct from $3 as was_in_vain
                            from (
                                select * from link where offerer_id = wanted.one order by answerer_id limit $4
                            ) as own
                            union all
                            select offerer_id,
                                answered_at is null or offerer_state is not distinct from $3
                                    or answerer_state is not distinct from $3
                            from (
                                select * from link where answerer_id = wanted.one order by offerer_id limit $4
                            ) as own
                        ) as own
                        group by other having not bool_or(was_in_vain)
                        order by 1
                    ) as own
                ) as "others!: String"
            from (
                select (value ->> 0)::uuid as session, (value ->> 1)::uuid as one
                from json_array_elements($1::text::json) as value
            ) as wanted
            where (
                select count(*) from (select 1 from participant where session_id = wanted.session limit $2) as own
            ) < $2
            "#,
            wanted,
            most_people,
            failed,
            LINKS
        )?;
        let doubts = rows.into_iter().map(|row| {
            let others: Vec<Uuid> = from_json(&row.others)?;
            Ok(Doubt {
                session: row.session,
                one: row.one,
                others: others.into_iter().map(ParticipantId).collect(),
            })
        });
        doubts.collect()
    }
}
