//! What a teacher does to a room: takes somebody or everybody out, or locks it.

use std::time::Duration;

use super::output::{Effect, Outputs};
use super::record::Change;
use super::refusal::{Reason, Refusal, Request};
use super::room::Room;
use crate::model::act::{Act, CannotAct, StillHeld};
use crate::model::id::Username;
use crate::model::time::Now;
use crate::model::vocabulary::{Actor, LeaveReason, RoomAction};

impl Room {
    /// Whether an act can be done now.
    ///
    /// # Errors
    /// Why not.
    pub fn check_act(&self, act: &Act) -> Result<(), CannotAct> {
        if self.lifts(act) {
            return Ok(());
        }
        if self.members.is_empty() {
            return Err(CannotAct::NoSession);
        }
        if let Act::Remove { username, bar } = act {
            if self.index_named(username).is_none() {
                return Err(CannotAct::NoSuchMember);
            }
            if !bar.is_zero() && !self.restrictions.has_room() {
                return Err(CannotAct::TooManyBarred);
            }
        }
        Ok(())
    }

    /// Whether all that an act does is to end what holds, in a room that nobody may be in. There may be no session that an
    /// entry could be of, so it has none.
    pub fn lifts(&self, act: &Act) -> bool {
        match act {
            Act::Remove { username, bar } => {
                bar.is_zero() && self.index_named(username).is_none() && self.restrictions.is_barred(username)
            }
            Act::Close { bar } => bar.is_zero() && self.restrictions.is_closed(),
            Act::Lock(locked) => !locked && self.members.is_empty() && self.restrictions.is_locked,
        }
    }

    /// What still holds of what teachers did.
    pub fn held(&self, now: Now) -> StillHeld {
        self.restrictions.held(now)
    }

    pub(super) fn act(&mut self, act: &Act, now: Now, out: &mut Outputs) {
        self.restrictions.expire(now.tick);
        if self.check_act(act).is_err() {
            return;
        }
        if self.lifts(act) {
            return self.lift(act);
        }
        match act {
            Act::Remove { username, bar } => self.remove_member(username, *bar, now, out),
            Act::Close { bar } => self.close(*bar, now, out),
            Act::Lock(locked) => self.lock(*locked, now, out),
        }
    }

    fn lift(&mut self, act: &Act) {
        match act {
            Act::Remove { username, .. } => self.restrictions.unbar(username),
            Act::Close { .. } => self.restrictions.open(),
            Act::Lock(_) => self.restrictions.is_locked = false,
        }
    }

    fn remove_member(&mut self, username: &Username, bar: Duration, now: Now, out: &mut Outputs) {
        let Some(index) = self.index_named(username) else {
            return;
        };
        let change = Change::Acted {
            participant: Some(self.members[index].participant),
            username: Some(username.clone()),
            what: RoomAction::Removed,
            by: Actor::Token,
        };
        self.record(now.at, change, out);
        if !bar.is_zero() {
            self.restrictions.bar(&self.members[index], now.tick.after(bar));
        }
        self.put_out(index, Reason::Removed, now, out);
    }

    fn close(&mut self, bar: Duration, now: Now, out: &mut Outputs) {
        self.record_act(RoomAction::Closed, now, out);
        self.restrictions.close(now.tick.after(bar));
        self.restrictions.expire(now.tick);
        while !self.members.is_empty() {
            // Those who are away first: nobody owes them word of the others.
            let away = self.members.iter().position(|member| !member.is_present());
            self.put_out(away.unwrap_or(0), Reason::Closed, now, out);
        }
    }

    fn lock(&mut self, locked: bool, now: Now, out: &mut Outputs) {
        if std::mem::replace(&mut self.restrictions.is_locked, locked) != locked {
            let what = if locked {
                RoomAction::Locked
            } else {
                RoomAction::Unlocked
            };
            self.record_act(what, now, out);
        }
    }

    fn record_act(&self, what: RoomAction, now: Now, out: &mut Outputs) {
        let change = Change::Acted {
            participant: None,
            username: None,
            what,
            by: Actor::Token,
        };
        self.record(now.at, change, out);
    }

    /// Takes a member out and ends its socket: its client does not come back by itself.
    fn put_out(&mut self, index: usize, reason: Reason, now: Now, out: &mut Outputs) {
        let socket = self.members[index].socket();
        self.leave(index, LeaveReason::Removed, &[], now, out);
        if let Some(socket) = socket {
            // It is its join that holds no more.
            let request = Request::Join;
            let refusal = Refusal { request, reason };
            out.effects.push(Effect::Disconnect { socket, refusal });
        }
    }

    fn index_named(&self, username: &Username) -> Option<usize> {
        self.members.iter().position(|member| member.username == *username)
    }
}
