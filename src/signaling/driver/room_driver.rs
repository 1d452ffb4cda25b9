//! One room behind its lock.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::host::{Host, Sockets, WakeUp};
use super::work::{Arrival, DriverState, InputOutcome, Work};
use crate::model::act::{Act, CannotAct};
use crate::model::id::SocketKey;
use crate::room::input::Relay;
use crate::room::output::Origin;
use crate::room::{Input, Room};
use crate::signaling::room_log;
use crate::signaling::wire::WireRefusal;

/// Drives one room.
pub(in crate::signaling) struct RoomDriver<H: Host> {
    host: Weak<H>,
    this: Weak<dyn WakeUp>,
    state: Mutex<DriverState<H>>,
}

impl<H: Host> RoomDriver<H> {
    pub(in crate::signaling) fn new(room: Room, host: Weak<H>) -> Arc<Self> {
        Arc::new_cyclic(|this: &Weak<Self>| Self {
            host,
            this: this.clone(),
            state: Mutex::new(DriverState::new(room)),
        })
    }

    /// Hands the room the input of a client that joins or resumes, and takes it out of `arrival`; the callbacks of what was
    /// `held` until then too, if the client is in. If it moves, [`Self::moved`] has to follow. `None` if the host has
    /// forgotten the room meanwhile: it has to be looked up again.
    pub(in crate::signaling) fn enter(
        &self,
        host: &H,
        from: &H::Client,
        arrival: &mut Option<Arrival<H::Callback>>,
        held: &mut Vec<Option<H::Callback>>,
    ) -> Option<InputOutcome> {
        self.work(host, |work| {
            let arrival = arrival.take_if(|_| !work.state.is_retired)?;
            if !host.sockets().is_known(H::socket_of(from)) {
                // It has lost its member to another socket a moment ago, and is being disconnected.
                return Some(InputOutcome::Other);
            }
            Some(work.enter(Some(from), arrival, held))
        })
    }

    /// Who moved here is in no other room any more: what was to be said of its coming in is said.
    pub(in crate::signaling) fn moved(&self, host: &H, client: &H::Client) {
        self.work(host, |work| work.moved(H::socket_of(client)));
    }

    /// Hands the room an input of a client.
    pub(in crate::signaling) fn input(
        &self,
        host: &H,
        from: &H::Client,
        input: Input,
        callback: Option<H::Callback>,
    ) -> InputOutcome {
        self.work(host, |work| work.input(Some(from), input, callback))
    }

    /// Hands the room a message for another member, unless too much of its sender waits for that member already.
    pub(in crate::signaling) fn relay(
        &self,
        host: &H,
        from: &H::Client,
        relay: Relay,
        callback: Option<H::Callback>,
    ) -> InputOutcome {
        self.work(host, |work| work.relay(from, relay, callback))
    }

    /// Refuses a message before it comes to the room, on the room's record, and behind what the room has said.
    pub(in crate::signaling) fn refuse(
        &self,
        host: &H,
        from: &H::Client,
        refusal: WireRefusal,
        callback: Option<H::Callback>,
    ) -> InputOutcome {
        self.work(host, |work| work.refuse(from, refusal, callback))
    }

    /// Hands the room what a teacher does to it.
    ///
    /// # Errors
    /// Why it is not done.
    pub(in crate::signaling) fn act(&self, host: &H, act: Act) -> Result<(), CannotAct> {
        self.work(host, |work| {
            work.state.room.check_act(&act)?;
            if work.state.room.lifts(&act) {
                room_log::tell_lifted(work.state.room.name(), &act);
            }
            work.input(None, Input::Act(act), None);
            Ok(())
        })
    }

    /// Counts a refusal that is not listed in the history.
    pub(in crate::signaling) fn count_refusal(&self, host: &H, socket: SocketKey) {
        self.work(host, |work| work.count_refusal(socket));
    }

    /// Looks at the room as it is now.
    pub(in crate::signaling) fn read<T>(&self, look: impl FnOnce(&Room) -> T) -> T {
        look(&self.state.lock().room)
    }

    /// Sets the timer of a room that a restart brought back.
    pub(in crate::signaling) fn start(&self, host: &H) {
        self.work(host, |work| work.set_timer());
    }

    /// Writes down what was only counted so far, and repairs what the journal has missed.
    pub(in crate::signaling) fn sweep(&self, host: &H, is_damaged: bool) {
        self.work(host, |work| {
            if is_damaged {
                work.rows_damaged();
            }
            work.repair(None);
            work.record_counts();
        });
    }

    /// From now on nothing comes of it: it is another node's room.
    pub(in crate::signaling) fn abandon(&self) {
        self.state.lock().abandon();
    }

    /// Writes down what was only kept so far: the server is about to end.
    pub(in crate::signaling) fn settle(&self, host: &H) {
        self.work(host, |work| work.record_counts());
    }

    fn work<T>(&self, host: &H, act: impl FnOnce(&mut Work<'_, H>) -> T) -> T {
        let mut work = Work {
            host,
            driver: &self.this,
            state: &mut self.state.lock(),
        };
        work.follow_calendar();
        let done = act(&mut work);
        work.retire_if_idle();
        done
    }

    fn work_if_hosted(&self, act: impl FnOnce(&mut Work<'_, H>)) {
        if let Some(host) = self.host.upgrade() {
            self.work(&host, act);
        }
    }
}

impl<H: Host> WakeUp for RoomDriver<H> {
    fn due(&self) {
        self.work_if_hosted(|work| work.due());
    }

    fn released(&self, batch: u64) {
        self.work_if_hosted(|work| work.released(batch));
    }

    fn end_shares(&self, origin: Origin) {
        self.work_if_hosted(|work| work.end_shares(origin));
    }
}
