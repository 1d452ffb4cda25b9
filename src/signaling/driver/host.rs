//! What a driver needs of the server around it, and what it is called for.

use std::sync::Weak;

use crate::held::MemoryBudget;
use crate::journal::{Journal, Release, Source, Submitted};
use crate::model::address::AddressKey;
use crate::model::id::{RoomName, SocketKey};
use crate::model::time::{Now, Tick};
use crate::room::output::{Message, Origin};
use crate::room::record::Record;
use crate::signaling::client::SendError;
use crate::signaling::client_limit::Limit;
use crate::signaling::room_log::ToldRefusal;
use crate::signaling::wire::{CallbackReply, Outgoing};

/// The server around a driver.
pub(in crate::signaling) trait Host: Send + Sync + Sized + 'static {
    /// A client that something comes from.
    type Client;
    /// What a client is answered through.
    type Callback: Send;
    /// Wakes a driver, unless it is dropped before.
    type Timer: Send;
    type Sockets: Sockets;
    type Journal: RecordSink;

    fn sockets(&self) -> &Self::Sockets;
    fn journal(&self) -> &Self::Journal;
    /// What may wait in memory for clients.
    fn memory(&self) -> &MemoryBudget;
    fn now(&self) -> Now;
    fn is_stopping(&self) -> bool;
    fn socket_of(client: &Self::Client) -> SocketKey;
    fn address_of(client: &Self::Client) -> AddressKey;
    /// Calls [`WakeUp::due`] at that moment.
    fn wake_at(&self, tick: Tick, driver: Weak<dyn WakeUp>) -> Self::Timer;
    fn answer(&self, callback: Self::Callback, reply: CallbackReply);
    /// Whether a refusal of this client is worth a row of its own. Past that it is only counted.
    fn is_recorded(&self, client: &Self::Client, room: &RoomName, now: Tick) -> bool;
    /// How many bytes one member may have waiting for another; 0 is no limit.
    fn waiting_per_pair(&self) -> usize;
    /// Has the operator know of a limit that a client has reached.
    fn client_limit_reached(&self, limit: Limit, client: &Self::Client);
    /// Has the operator know of a refusal.
    fn tell_refused(&self, told: &ToldRefusal<'_>);
    /// Forgets the driver of this room: there is nothing left in it. Called with the driver's lock held.
    fn retire(&self, room: &RoomName);
}

/// The sockets that a room speaks to.
pub(in crate::signaling) trait Sockets {
    /// Never waits.
    fn send(&self, to: SocketKey, outgoing: Outgoing<'_>) -> Result<(), SendError>;
    /// Whether something may still come of this socket.
    fn is_known(&self, socket: SocketKey) -> bool;
    /// Whose memory what waits of this socket is; `None` if it is not known any more.
    fn address(&self, of: SocketKey) -> Option<AddressKey>;
    /// Whether a socket has room for so many bytes more of this sender, who may have `most` waiting there.
    fn has_room(&self, to: SocketKey, from: SocketKey, bytes: usize, most: usize) -> bool;
    /// Takes what was sent to a socket and may not have arrived, in order.
    fn take_undelivered(&self, from: SocketKey) -> Vec<Message>;
    /// Its transport has ended, or will have in a moment.
    fn forget(&self, socket: SocketKey);
    /// Ends a socket for good: its client does not come back by itself.
    fn disconnect(&self, socket: SocketKey);
}

/// Where records go.
pub(in crate::signaling) trait RecordSink {
    /// See [`Journal::submit`]. `release` never runs within the call.
    fn submit(&self, source: Source, records: Vec<Record>, release: Option<Release>) -> Submitted;
    /// See [`Journal::admits`].
    fn admits(&self, source: &Source) -> bool;
    /// See [`Journal::is_crowded`].
    fn is_crowded(&self) -> bool;
}

impl RecordSink for Journal {
    fn submit(&self, source: Source, records: Vec<Record>, release: Option<Release>) -> Submitted {
        self.submit(source, records, release)
    }

    fn admits(&self, source: &Source) -> bool {
        self.admits(source)
    }

    fn is_crowded(&self) -> bool {
        self.is_crowded()
    }
}

/// What a driver is called for, without its lock.
pub(in crate::signaling) trait WakeUp: Send + Sync {
    /// The moment of its timer has come.
    fn due(&self);
    /// The journal has written (or given up waiting for) what a batch waited for.
    fn released(&self, batch: u64);
    /// There is no memory for what waits of this sender.
    fn end_shares(&self, origin: Origin);
}
