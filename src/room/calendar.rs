//! What a room makes of a calendar that jumped: nobody's presence gets longer by it.

use super::member::Attachment;
use super::output::Outputs;
use super::record::{Change, Record};
use super::room::{Ids, Room};
use crate::model::id::ConnectionId;
use crate::model::time::{Now, Timestamp};
use crate::model::vocabulary::{DropReason, LeaveReason};

impl Room {
    /// Whether the calendar has jumped since the last input.
    pub fn has_missed_a_jump(&self, now: Now) -> bool {
        self.jumps != now.jumps
    }

    /// What follows if it has: whoever drives the room asks before anything else is written down of it.
    pub fn follow_calendar(&mut self, now: Now, ids: &mut dyn Ids) -> Vec<Record> {
        let mut out = Outputs::default();
        self.catch_up(now, ids, &mut out);
        out.records
    }

    pub(super) fn catch_up(&mut self, now: Now, ids: &mut dyn Ids, out: &mut Outputs) {
        let seen = std::mem::replace(&mut self.jumps, now.jumps);
        if self.session.is_none() {
            return;
        }
        let (set, asleep) = (now.jumps.set_ms - seen.set_ms, now.jumps.asleep_ms - seen.asleep_ms);
        if set != 0 {
            self.move_times(set);
            self.record(now.at, Change::CalendarMoved { by_ms: set }, out);
        }
        if asleep != 0 {
            self.sleep_through(Timestamp(now.at.0 - asleep), now, ids, out);
        }
    }

    /// The clock was wrong, and is set: all of the session was so much later than it seemed.
    fn move_times(&mut self, by: i64) {
        let later = |at: &mut Timestamp| at.0 = at.0.saturating_add(by);
        if let Some(session) = &mut self.session {
            later(&mut session.started_at);
            if let Some((ended_at, _)) = &mut session.empty {
                later(ended_at);
            }
        }
        for member in &mut self.members {
            later(&mut member.joined_at);
            later(&mut member.connected_at);
            if let Attachment::Away { since, .. } = &mut member.attachment {
                later(since);
            }
        }
        for link in self.links.iter_mut() {
            later(&mut link.offered_at);
            link.reports.move_times(by);
            if let Some((_, answered_at)) = &mut link.answered {
                later(answered_at);
            }
        }
    }

    /// The machine slept: until now nobody was there, on the server's account.
    fn sleep_through(&mut self, from: Timestamp, now: Now, ids: &mut dyn Ids, out: &mut Outputs) {
        let session = self.session_id();
        for member in self.members.iter_mut().filter(|member| member.is_present()) {
            let connection = ConnectionId(ids.ordered(now.at));
            let previous = std::mem::replace(&mut member.connection, connection);
            let ended_at = from.max(member.connected_at);
            member.connected_at = now.at;
            let gone = Change::Disconnected {
                participant: member.participant,
                username: member.username.clone(),
                member: member.id,
                connection: previous,
                until: now.at,
                why: DropReason::Server,
                leaves_as: Some(LeaveReason::ServerShutdown),
            };
            let back = Change::Reconnected {
                participant: member.participant,
                username: member.username.clone(),
                member: member.id,
                connection,
                previous,
                took_over: false,
            };
            for (at, change) in [(ended_at, gone), (now.at, back)] {
                out.records.push(Record { at, session, change });
            }
        }
    }
}
