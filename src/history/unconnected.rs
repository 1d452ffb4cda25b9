//! With whom one person never connected, in each of several sessions.

use std::collections::HashMap;

use super::glance::is_small;
use super::links::Names;
use super::pairs::Meeting;
use super::people::Everyone;
use super::{Error, History};
use crate::model::id::{ParticipantId, SessionId};
use crate::model::time::Timestamp;
use crate::sql::ids;

impl History {
    /// For each of these attendances, when it came about that they never connected with others whom they met: a moment for each of
    /// those. Nothing where the session's people are too many to look at all of them.
    pub(super) async fn unconnected_of(
        &self,
        attendances: &[(SessionId, ParticipantId)],
        now: Timestamp,
    ) -> Result<HashMap<SessionId, Vec<Timestamp>>, Error> {
        let sessions = ids(attendances.iter().map(|(session, _)| session.0))?;
        let mut everyone = self.everyone_of_each(&sessions).await?;
        everyone.retain(|_, everyone| is_small(everyone));
        let of = |(session, one): &(SessionId, ParticipantId)| {
            let Everyone { people, .. } = everyone.get(session)?;
            let place = people.iter().position(|person| person.id == *one)?;
            Some((*session, Meeting::of(people, now), place))
        };
        let meetings: Vec<(SessionId, Meeting<'_>, usize)> = attendances.iter().filter_map(of).collect();
        let all = meetings
            .iter()
            .flat_map(|(_, meeting, place)| meeting.two_with(*place).map(|two| meeting.ends(two)));
        let mut links = self.links_between(all, &Names::new()).await?;
        let mut unconnected = |(session, meeting, place): &(SessionId, Meeting<'_>, usize)| {
            let are_pair = |two: &[usize; 2]| meeting.has_met(*two) || links.contains_key(&meeting.ends(*two));
            let pairs: Vec<[usize; 2]> = meeting.two_with(*place).filter(are_pair).collect();
            let judged = pairs.into_iter().map(|two| meeting.pair(two, &mut links));
            let failed = judged.filter(|pair| pair.outcome().is_failed());
            (*session, failed.map(|pair| pair.broken_at()).collect())
        };
        Ok(meetings.iter().map(&mut unconnected).collect())
    }
}
