//! Whom a room does not take, because a teacher said so.

use std::time::Duration;

use super::input::Join;
use super::member::Member;
use super::refusal::Reason;
use crate::model::act::{KeptOut, StillHeld};
use crate::model::id::{ClientKey, Username};
use crate::model::look::Look;
use crate::model::time::{Now, Tick};

/// Whom a room does not take for now. It is not written down: a restart forgets it.
#[derive(Debug, Clone, Default)]
pub(super) struct Restrictions {
    bars: Vec<Bar>,
    closed_until: Option<Tick>,
    /// Nobody new comes in while the session goes on.
    pub(super) is_locked: bool,
}

/// Somebody who was taken out, by all they can be known by.
#[derive(Debug, Clone)]
struct Bar {
    username: Username,
    key: ClientKey,
    look: Look,
    token: Option<Box<str>>,
    until: Tick,
}

impl Restrictions {
    /// The most that are barred at once.
    pub(super) const MOST: usize = 200;

    /// Whether one more can be barred.
    pub(super) fn has_room(&self) -> bool {
        self.bars.len() < Self::MOST
    }

    /// Bars a member from coming back until then.
    pub(super) fn bar(&mut self, member: &Member, until: Tick) {
        self.bars.push(Bar {
            username: member.username.clone(),
            key: member.key,
            look: member.look.clone(),
            token: member.token.clone(),
            until,
        });
    }

    /// Lets nobody in until then.
    pub(super) fn close(&mut self, until: Tick) {
        self.closed_until = self.closed_until.max(Some(until));
    }

    /// Whether somebody of this name is barred.
    pub(super) fn is_barred(&self, username: &Username) -> bool {
        self.bars.iter().any(|bar| bar.username == *username)
    }

    /// Lets whoever had this name come back.
    pub(super) fn unbar(&mut self, username: &Username) {
        self.bars.retain(|bar| bar.username != *username);
    }

    /// Whether nobody comes in at all.
    pub(super) fn is_closed(&self) -> bool {
        self.closed_until.is_some()
    }

    /// Lets people in again.
    pub(super) fn open(&mut self) {
        self.closed_until = None;
    }

    /// What holds now.
    pub(super) fn held(&self, now: Now) -> StillHeld {
        let is_ahead = |until: &Tick| *until > now.tick;
        let bars = self.bars.iter().filter(|bar| is_ahead(&bar.until));
        let kept_out = bars.map(|bar| KeptOut {
            username: bar.username.clone(),
            until: now.at_tick(bar.until),
        });
        StillHeld {
            closed_until: self.closed_until.filter(is_ahead).map(|until| now.at_tick(until)),
            locked: self.is_locked,
            kept_out: kept_out.collect(),
        }
    }

    /// Why this client does not come in now, if it does not.
    pub(super) fn refuse(&self, join: &Join, look: &Look, is_member: bool, now: Tick) -> Option<Reason> {
        let is_meant = |bar: &&Bar| {
            let has_its_token = join.token.is_some() && bar.token == join.token;
            bar.key == join.key || bar.look.resembles(look) || has_its_token
        };
        let barred_until = self.bars.iter().filter(is_meant).map(|bar| bar.until).max();
        let minutes = |until: Option<Tick>| {
            until
                .filter(|until| *until > now)
                .map(|until| minutes(now.until(until)))
        };
        if let Some(minutes) = minutes(barred_until) {
            return Some(Reason::Barred { minutes });
        }
        if let Some(minutes) = minutes(self.closed_until) {
            return Some(Reason::RoomClosed { minutes });
        }
        (self.is_locked && !is_member).then_some(Reason::RoomLocked)
    }

    /// Forgets what is over.
    pub(super) fn expire(&mut self, now: Tick) {
        self.bars.retain(|bar| bar.until > now);
        self.closed_until = self.closed_until.filter(|until| *until > now);
    }

    /// When something of it is over next.
    pub(super) fn next_timeout(&self) -> Option<Tick> {
        self.bars.iter().map(|bar| bar.until).chain(self.closed_until).min()
    }

    /// Whether there is nothing that outlasts the session.
    pub(super) fn is_empty(&self) -> bool {
        self.bars.is_empty() && self.closed_until.is_none()
    }
}

fn minutes(left: Duration) -> u64 {
    left.as_millis().div_ceil(60_000) as u64
}
