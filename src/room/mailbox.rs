//! What waits for a member while it is away.

use std::collections::{BTreeMap, VecDeque};

use super::output::Message;
use super::record::PendingLeave;
use crate::model::id::MemberId;

/// The messages that wait, in order. Each sender has a share of the room there is: whoever sends more loses what it has
/// sent, and nobody else does. Leaves always fit: they are of links that the member had, and those are bounded.
#[derive(Debug, Clone, Default)]
pub(super) struct Mailbox {
    messages: VecDeque<Message>,
    all: Volume,
    shares: BTreeMap<MemberId, Share>,
    overflowed: bool,
}

/// How much it is that others have sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Volume {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

#[derive(Debug, Clone, Default)]
struct Share {
    waiting: Volume,
    /// Past it, nothing more of this sender is kept until the member is back.
    exceeded: bool,
    /// The sender has left. What it said is of links that are closed, and the first to go when there is no room.
    left: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It waits.
    Waits,
    /// Its sender has gone past its share before.
    Dropped,
    /// It took its sender past its share: all of that sender's is dropped.
    Exceeded,
    /// There is no room left at all: everything is lost.
    Overflowed,
}

impl Mailbox {
    /// What one sender may have waiting: an offer and a burst of 40 candidates, and more again.
    pub(super) const SHARE: Volume = Volume {
        messages: 64,
        bytes: 128 << 10,
    };
    /// What all may have waiting.
    pub(super) const ALL: Volume = Volume {
        messages: 4_096,
        bytes: 2 << 20,
    };

    /// A mailbox that has lost something: its member cannot resume.
    pub(super) fn overflowed() -> Self {
        Self {
            overflowed: true,
            ..Self::default()
        }
    }

    /// Whether something did not fit, and all is lost.
    pub(super) fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// Keeps a message, within bounds while its member is away.
    pub(super) fn push(&mut self, message: Message, is_away: bool) -> Kept {
        let Some(sender) = message.sender() else {
            self.messages.push_back(message);
            return Kept::Waits;
        };
        let share = self.shares.entry(sender).or_default();
        if share.exceeded {
            return Kept::Dropped;
        }
        share.waiting.add(message.weight());
        self.all.add(message.weight());
        self.messages.push_back(message);
        if is_away && share.waiting.exceeds(Self::SHARE) {
            self.end_share(sender);
            return Kept::Exceeded;
        }
        if is_away && self.all.exceeds(Self::ALL) {
            self.drop_those_who_left();
        }
        if is_away && self.all.exceeds(Self::ALL) {
            *self = Self::overflowed();
            return Kept::Overflowed;
        }
        Kept::Waits
    }

    /// Drops all of one sender's, and whatever else it sends until the member is back.
    pub(super) fn end_share(&mut self, sender: MemberId) {
        let share = self.shares.entry(sender).or_default();
        let dropped = std::mem::take(&mut share.waiting);
        share.exceeded = true;
        self.all.subtract(dropped);
        self.messages.retain(|message| message.sender() != Some(sender));
    }

    /// About how much memory holds what waits of one sender, in bytes.
    pub(super) fn memory_of(&self, sender: MemberId) -> usize {
        let waiting = self
            .shares
            .get(&sender)
            .map_or(Volume::default(), |share| share.waiting);
        waiting.bytes + waiting.messages * size_of::<Message>()
    }

    /// A sender has left: whoever comes again and again has no new share each time.
    pub(super) fn sender_left(&mut self, sender: MemberId) {
        if let Some(share) = self.shares.get_mut(&sender) {
            share.left = true;
            share.exceeded = false;
            if share.waiting == Volume::default() {
                self.shares.remove(&sender);
            }
        }
    }

    fn drop_those_who_left(&mut self) {
        let gone: BTreeMap<_, _> = self.shares.extract_if(.., |_, share| share.left).collect();
        for share in gone.values() {
            self.all.subtract(share.waiting);
        }
        let is_gone = |message: &Message| message.sender().is_some_and(|sender| gone.contains_key(&sender));
        self.messages.retain(|message| !is_gone(message));
    }

    /// A mailbox as a restart finds it: relays are not kept on disk, leaves are.
    pub(super) fn restored(owed: Vec<PendingLeave>) -> Self {
        let leave = |PendingLeave { connector, leaver }| Message::Leave {
            connector,
            member: leaver,
        };
        Self {
            messages: owed.into_iter().map(leave).collect(),
            ..Self::default()
        }
    }

    /// The leaves among what waits, in order.
    pub(super) fn pending_leaves(&self) -> impl Iterator<Item = PendingLeave> {
        self.messages.iter().filter_map(Message::as_pending_leave)
    }

    /// Who went past its share. From here on everybody's is kept again: the member is back.
    pub(super) fn take_exceeded(&mut self) -> Vec<MemberId> {
        let exceeded = self.shares.extract_if(.., |_, share| share.exceeded);
        exceeded.map(|(sender, _)| sender).collect()
    }

    /// Takes all that waits, in order.
    pub(super) fn drain(&mut self) -> VecDeque<Message> {
        self.all = Volume::default();
        self.shares.clear();
        std::mem::take(&mut self.messages)
    }
}

#[cfg(debug_assertions)]
impl Mailbox {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether what is counted is what waits, and no more than may.
    pub(super) fn adds_up(&self, is_away: bool) -> bool {
        let mut waiting = Volume::default();
        for message in self.messages.iter().filter(|message| message.sender().is_some()) {
            waiting.add(message.weight());
        }
        let mut shares = Volume::default();
        for share in self.shares.values() {
            shares.messages += share.waiting.messages;
            shares.bytes += share.waiting.bytes;
        }
        let is_full = is_away && self.all.exceeds(Self::ALL);
        waiting == self.all && shares == self.all && !is_full && (!self.overflowed || self.is_empty())
    }
}

impl Volume {
    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
    }

    fn subtract(&mut self, other: Self) {
        self.messages -= other.messages;
        self.bytes -= other.bytes;
    }

    fn exceeds(self, most: Self) -> bool {
        self.messages > most.messages || self.bytes > most.bytes
    }
}
