//! What waits in a room's mailboxes, counted for the addresses of those who sent it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Weak;

use super::host::WakeUp;
use crate::held::{Held, Holder, OverBudget, STEP};
use crate::model::id::MemberId;
use crate::room::Room;
use crate::room::output::Origin;

/// What each sender has waiting in the room's mailboxes. Who has little is not in it.
#[derive(Default)]
pub(super) struct MailboxMemory(BTreeMap<MemberId, Held>);

impl MailboxMemory {
    /// Counts what waits of a sender now; `new` makes the place to count it, if anybody knows its address.
    ///
    /// # Errors
    /// If its address may have no more memory.
    pub(super) fn count(
        &mut self,
        room: &Room,
        sender: MemberId,
        new: impl FnOnce() -> Option<Held>,
    ) -> Result<(), OverBudget> {
        let bytes = room.memory_of(sender);
        if bytes <= STEP {
            return Ok(());
        }
        match self.0.entry(sender) {
            Entry::Occupied(mut held) => held.get_mut().set(bytes),
            Entry::Vacant(place) => new().map_or(Ok(()), |held| place.insert(held).set(bytes)),
        }
    }

    /// Gives back what waits no more.
    pub(super) fn recount(&mut self, room: &Room) {
        self.0.retain(|sender, held| {
            let bytes = room.memory_of(*sender);
            // Less than before is never refused, and more was counted as it came.
            _ = held.set(bytes.min(held.counted()));
            bytes > STEP
        });
    }
}

/// One sender's shares of a room's mailboxes. They give way before anybody's connection does: those it is lost to are
/// offered the connection anew when they are back.
pub(super) struct SenderShares {
    pub(super) driver: Weak<dyn WakeUp>,
    /// The sender, and what it sent when they were first counted.
    pub(super) origin: Origin,
}

impl Holder for SenderShares {
    fn is_member(&self) -> bool {
        false
    }

    fn give_way(&self) {
        let Some(driver) = self.driver.upgrade() else {
            return;
        };
        let origin = self.origin;
        // Whoever asks may hold a room's lock.
        tokio::spawn(async move { driver.end_shares(origin) });
    }
}
