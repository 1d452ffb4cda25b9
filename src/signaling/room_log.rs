//! What happens in rooms, for the operator: a line each in the log, and counted.
//!
//! Names come from strangers. They are values of fields, never a part of the message: the log writes them with escapes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tracing::info;

use super::wire::WireRefusal;
use crate::join_token::Forbidden;
use crate::limit::{Bucket, Quota, SeldomEach};
use crate::metrics;
use crate::model::act::Act;
use crate::model::address::AddressKey;
use crate::model::id::{RoomName, Username};
use crate::model::time::Tick;
use crate::model::vocabulary::{Actor, RoomAction};
use crate::room::record::{Change, Joined, Record};

/// How many refusals have a line in a minute, whoever causes them. The others are one line every few seconds.
const LINES_PER_MINUTE: u32 = 600;

/// The shortest time between two lines of one address that shows what does not let it in, for the same reason.
const FORBIDDEN_EVERY: Duration = Duration::from_secs(60);

/// Tells of what a room records.
pub(super) fn tell(room: &RoomName, records: &[Record]) {
    let room = room.as_str();
    for record in records {
        match &record.change {
            Change::Joined(Joined { username, members, .. }) => {
                info!(room, member = username.as_str(), members, "joined");
            }
            Change::Left { username, reason, .. } => {
                metrics::left(*reason);
                info!(room, member = username.as_str(), cause = reason.as_str(), "left");
            }
            Change::Disconnected { username, why, .. } => {
                metrics::dropped_out(*why);
                info!(room, member = username.as_str(), cause = why.as_str(), "dropped");
            }
            Change::Reconnected {
                username, took_over, ..
            } => {
                let cause = if *took_over { "takeover" } else { "return" };
                info!(room, member = username.as_str(), cause, "resumed");
            }
            Change::Acted { username, what, by, .. } => {
                metrics::acted(*what);
                let member = username.as_ref().map(Username::as_str);
                info!(room, member, cause = what.as_str(), by = by.as_str(), "acted");
            }
            Change::SessionStarted { .. }
            | Change::SessionEnded { .. }
            | Change::Error { .. }
            | Change::MoreErrors { .. }
            | Change::Gap { .. }
            | Change::CalendarMoved { .. }
            | Change::LinkOffered(_)
            | Change::LinkAnswered { .. }
            | Change::LinkProgress { .. }
            | Change::LinkClosed { .. }
            | Change::LinkReported { .. }
            | Change::LeaveOwed { .. }
            | Change::Overflowed { .. }
            | Change::Snapshot(_) => {}
        }
    }
}

/// Tells that a teacher ended what was to hold for longer, of which the history has no entry.
pub(super) fn tell_lifted(room: &RoomName, act: &Act) {
    let (member, cause) = match act {
        Act::Remove { username, .. } => (Some(username.as_str()), RoomAction::Removed),
        Act::Close { .. } => (None, RoomAction::Closed),
        Act::Lock(_) => (None, RoomAction::Locked),
    };
    info!(
        room = room.as_str(),
        member,
        cause = cause.as_str(),
        by = Actor::Token.as_str(),
        "lifted"
    );
}

/// Counts an error that somebody is told of who sent nothing wrong: a line says what happened to them.
pub(super) fn count_told(refusal: &WireRefusal) {
    metrics::refused(refusal.kind());
}

/// A refusal, and whose.
pub(super) struct ToldRefusal<'a> {
    pub(super) refusal: &'a WireRefusal,
    /// The room that it is about, if there is one.
    pub(super) room: Option<&'a RoomName>,
    /// Who asked, as far as that is known.
    pub(super) member: Option<&'a Username>,
    /// `None` if nobody's message was the cause.
    pub(super) address: Option<AddressKey>,
    /// Whether the history lists it. What it only counts has no line of its own either.
    pub(super) is_recorded: bool,
}

/// Tells of refusals, of which anybody can cause any number.
pub(super) struct RefusalLog {
    lines: Mutex<Bucket>,
    /// Who tries one token after the other has a line for each reason.
    strangers: SeldomEach<(AddressKey, Forbidden)>,
    untold: AtomicU64,
}

impl Default for RefusalLog {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            strangers: SeldomEach::new(FORBIDDEN_EVERY),
            untold: AtomicU64::new(0),
        }
    }
}

impl RefusalLog {
    /// Counts one, and writes its line unless there are too many.
    pub(super) fn tell(&self, told: &ToldRefusal<'_>, now: Tick) {
        let refusal = told.refusal;
        metrics::refused(refusal.kind());
        if !told.is_recorded || !self.is_seldom(told) || !self.has_line(now) {
            self.untold.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let asked = refusal.asked();
        let room = asked.and_then(|asked| asked.room.as_ref()).or(told.room);
        let member = asked.and_then(|asked| asked.username.as_ref()).or(told.member);
        info!(
            room = room.map(RoomName::as_str),
            member = member.map(Username::as_str),
            event = refusal.known_event(),
            r#type = refusal.kind().as_str(),
            cause = refusal.cause(),
            variable = refusal.limit().map(|limit| limit.as_str()),
            token = asked.and_then(|asked| asked.token.as_deref()),
            address = told.address.map(tracing::field::display),
            "refused"
        );
    }

    /// Whether it is not the same as what this address was refused for a short while ago, if it is for what was shown.
    fn is_seldom(&self, told: &ToldRefusal<'_>) -> bool {
        let (Some(reason), Some(address)) = (told.refusal.forbidden(), told.address) else {
            return true;
        };
        self.strangers.is_due((address, reason.clone()))
    }

    fn has_line(&self, now: Tick) -> bool {
        let quota = Quota::per_minute(LINES_PER_MINUTE);
        self.lines.lock().take(quota, now.since_start()).is_ok()
    }

    /// Says how many had no line since the last time.
    pub(super) fn tell_rest(&self) {
        let count = self.untold.swap(0, Ordering::Relaxed);
        if count > 0 {
            info!(count, "refused more than have a line each");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signaling::wire::WireReason;

    #[test]
    fn whoever_causes_them_so_many_have_a_line_and_the_others_are_a_number() {
        let log = RefusalLog::default();
        let refusal = WireRefusal::new("chat", WireReason::UnknownEvent);
        let tell = |is_recorded| {
            let told = ToldRefusal {
                refusal: &refusal,
                room: None,
                member: None,
                address: None,
                is_recorded,
            };
            log.tell(&told, Tick(1_000));
        };
        (0..5).for_each(|_| tell(false));
        (0..1_000).for_each(|_| tell(true));
        assert_eq!(log.untold.load(Ordering::Relaxed), 5 + 400);
        log.tell_rest();
        assert_eq!(log.untold.load(Ordering::Relaxed), 0);
        assert!(log.has_line(Tick(1_100)), "600 a minute are one in 100 ms");
        assert!(!log.has_line(Tick(1_100)));
    }
}
