//! The live state of a room as it is written down, and taken up again after a restart.

use std::time::Duration;

use super::link::Link;
use super::mailbox::Mailbox;
use super::member::{Attachment, Member};
use super::newcomers::NewcomerCounts;
use super::record::{Change, LiveMember, PendingLeave, Record, Snapshot};
use super::room::{Limits, Room, Session};
use crate::model::id::SessionId;
use crate::model::look::Look;
use crate::model::time::Now;

impl Room {
    /// A room as a restart finds it: every member is away and may resume for `grace`.
    pub fn restore(session: SessionId, snapshot: Snapshot, limits: Limits, grace: Duration, now: Now) -> Self {
        let until = now.tick.after(grace);
        let member = |live: LiveMember| Member {
            id: live.member,
            participant: live.participant,
            look: Look::of(&live.username),
            username: live.username,
            key: live.key,
            token: None,
            position: live.position,
            joined_at: live.joined_at,
            connection: live.connection,
            connected_at: live.connected_at,
            attachment: Attachment::Away {
                since: live.away.map_or(now.at, |(since, _)| since),
                until,
            },
            delivers_to: None,
            mailbox: if live.overflowed {
                Mailbox::overflowed()
            } else {
                Mailbox::restored(live.owed)
            },
            asked: Vec::new(),
            leaves_as: live.leaves_as,
        };
        let mut room = Self::new(snapshot.room, limits);
        room.forgiving_until = until;
        room.jumps = now.jumps;
        for member in snapshot.gone {
            room.remember_gone(member);
        }
        room.members = snapshot.members.into_iter().map(member).collect();
        room.next_position = room.members.iter().map(|member| member.position + 1).max().unwrap_or(0);
        for live in snapshot.links {
            room.links.open(Link::restored(live));
        }
        room.session = Some(Session {
            id: session,
            started_at: snapshot.started_at,
            peak: snapshot.peak,
            participants: snapshot.participants.into_iter().collect(),
            newcomers: NewcomerCounts::default(),
            empty: None,
        });
        room
    }

    /// The whole live state, for the repair of a history that has a gap. Without a session it says that there is none.
    pub fn snapshot(&self, now: Now) -> Record {
        let member = |member: &Member| LiveMember {
            member: member.id,
            participant: member.participant,
            username: member.username.clone(),
            key: member.key,
            position: member.position,
            joined_at: member.joined_at,
            connection: member.connection,
            connected_at: member.connected_at,
            away: match member.attachment {
                Attachment::Present { .. } => None,
                Attachment::Away { since, until } => Some((since, now.at_tick(until))),
            },
            overflowed: member.mailbox.has_overflowed(),
            owed: self.pending_leaves(member),
            leaves_as: member.leaves_as,
        };
        let snapshot = Snapshot {
            room: self.name.clone(),
            started_at: self.session.as_ref().map_or(now.at, |session| session.started_at),
            peak: self.session.as_ref().map_or(0, |session| session.peak),
            participants: self.participants().map(|(name, id)| (name.clone(), *id)).collect(),
            members: self.members.iter().map(member).collect(),
            links: self.links.iter().map(Link::live).collect(),
            gone: Vec::new(),
        };
        self.record_of(now.at, Change::Snapshot(Box::new(snapshot)))
    }

    /// The leaves an away member is still to be told of. One that is back is owed none: its mailbox is about to open.
    pub(super) fn pending_leaves(&self, member: &Member) -> Vec<PendingLeave> {
        if member.is_present() {
            return Vec::new();
        }
        member.mailbox.pending_leaves().collect()
    }
}
