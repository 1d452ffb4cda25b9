//! How much a client may have done: joins, new rooms, takeovers, messages to one other, refusals on the record.
//!
//! What is each client's own is counted beside it ([`Bucket`], [`PairRates`]); what several sockets of an address or of
//! a room share, in [`Allowances`]. A resume that finds its member costs nothing of it, so that a class behind one
//! address always comes back.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tracing::warn;

use super::client_limit::Limit;
use super::transport::Transport;
use crate::limit::{AddressRate, Bucket, KeyedRate, Quota, Seldom};
use crate::metrics;
use crate::model::address::AddressKey;
use crate::model::id::{ClientKey, MemberId, RoomName};
use crate::model::limit::LimitName;
use crate::model::time::Tick;

/// What is configured; 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// `JOINS_PER_SOCKET`, a minute.
    pub joins_per_socket: u32,
    /// `JOINS_PER_ADDRESS`, a minute.
    pub joins_per_address: u32,
    /// `JOINS_PER_ROOM`, a minute.
    pub joins_per_room: u32,
    /// `ROOMS_PER_ADDRESS`, a minute.
    pub rooms_per_address: u32,
    /// `MAX_TAKEOVERS`, in [`TAKEOVERS_WITHIN`].
    pub takeovers: u32,
    /// `RELAYS_PER_PAIR`, a second.
    pub relays_per_pair: u32,
    /// `MAX_WAITING_PER_PAIR`, in bytes.
    pub waiting_per_pair: usize,
    /// `REFUSALS_PER_SOCKET`, a minute.
    pub refusals_per_socket: u32,
    /// `REFUSALS_PER_ADDRESS`, a minute.
    pub refusals_per_address: u32,
    /// `REFUSALS_PER_ROOM`, a minute.
    pub refusals_per_room: u32,
}

/// Within which time takeovers of one member are counted.
const TAKEOVERS_WITHIN: Duration = Duration::from_secs(10);

/// How many seconds' worth of messages one member may send another at once: a mesh that begins, or what was kept while
/// the connection was down.
const PAIR_BURST_SECONDS: u32 = 10;

/// The shortest time between two lines in the log about one limit.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What a client asks for that comes in.
pub(super) struct Entry<'a> {
    /// Whom limits count it as.
    pub(super) address: AddressKey,
    pub(super) transport: &'a Transport,
    pub(super) room: &'a RoomName,
    pub(super) key: &'a ClientKey,
    /// What it is to the room at present.
    pub(super) status: EntryStatus,
    pub(super) is_resume: bool,
}

/// What a client that asks to come in is to the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryStatus {
    /// There is no such room yet.
    NoRoom,
    /// The room does not know it, or not well enough for a resume.
    Unknown,
    /// The member on this very socket.
    OnThisSocket,
    /// A member that is away, and may resume.
    Away,
    /// A member that is present on another socket.
    OnAnotherSocket,
}

impl EntryStatus {
    /// Whether a resume finds its member.
    pub(super) fn is_member(self) -> bool {
        match self {
            Self::OnThisSocket | Self::Away | Self::OnAnotherSocket => true,
            Self::NoRoom | Self::Unknown => false,
        }
    }
}

/// What sockets of one address, or in one room, share.
pub(super) struct Allowances {
    pub(super) rates: Rates,
    joins_by_address: AddressRate,
    joins_by_room: KeyedRate<RoomName>,
    rooms_by_address: AddressRate,
    refusals_by_address: AddressRate,
    refusals_by_room: KeyedRate<RoomName>,
    takeovers: Mutex<Takeovers>,
    told: [Seldom; Limit::ALL.len()],
}

impl Allowances {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            rates,
            joins_by_address: AddressRate::new(Quota::per_minute(rates.joins_per_address)),
            joins_by_room: KeyedRate::new(Quota::per_minute(rates.joins_per_room)),
            rooms_by_address: AddressRate::new(Quota::per_minute(rates.rooms_per_address)),
            refusals_by_address: AddressRate::new(Quota::per_minute(rates.refusals_per_address)),
            refusals_by_room: KeyedRate::new(Quota::per_minute(rates.refusals_per_room)),
            takeovers: Mutex::default(),
            told: Limit::ALL.map(|_| Seldom::new(TOLD_EVERY)),
        }
    }

    /// Whether a client may come in now. `joins` is its own allowance.
    ///
    /// # Errors
    /// Which limit it has reached.
    pub(super) fn enter(&self, entry: &Entry<'_>, joins: &mut Bucket, now: Tick) -> Result<(), Limit> {
        let entered = self.count_entry(entry, joins, now);
        if let Err(limit) = entered {
            if limit != Limit::Takeovers {
                self.not_entered(entry.key, entry.status);
            }
            self.limit_reached(limit, entry.address);
        }
        entered
    }

    /// A client that might have did not come in after all: only takeovers that happen count.
    pub(super) fn not_entered(&self, key: &ClientKey, status: EntryStatus) {
        if status == EntryStatus::OnAnotherSocket {
            self.takeovers.lock().take_back(key);
        }
    }

    fn count_entry(&self, entry: &Entry<'_>, joins: &mut Bucket, now: Tick) -> Result<(), Limit> {
        match entry.status {
            EntryStatus::OnThisSocket | EntryStatus::Away if entry.is_resume => return Ok(()),
            EntryStatus::OnAnotherSocket => {
                let most = self.rates.takeovers;
                if !self.takeovers.lock().count(*entry.key, most, now) {
                    return Err(Limit::Takeovers);
                }
                if entry.is_resume {
                    return Ok(());
                }
            }
            EntryStatus::NoRoom | EntryStatus::Unknown | EntryStatus::OnThisSocket | EntryStatus::Away => {}
        }
        entry.transport.may_join()?;
        let address = entry.address;
        joins
            .take(Quota::per_minute(self.rates.joins_per_socket), now.since_start())
            .map_err(|_| Limit::JoinsOfSocket)?;
        // Before the room: what one address may not do must not use up what the others may.
        self.joins_by_address
            .check(address)
            .map_err(|_| Limit::JoinsOfAddress)?;
        if entry.status == EntryStatus::NoRoom {
            self.rooms_by_address
                .check(address)
                .map_err(|_| Limit::RoomsOfAddress)?;
        }
        self.joins_by_room.check(entry.room).map_err(|_| Limit::JoinsOfRoom)
    }

    /// Whether a refusal is worth a row of its own. Past that it is only counted.
    pub(super) fn is_recorded(
        &self,
        refusals: &Mutex<Bucket>,
        address: AddressKey,
        room: Option<&RoomName>,
        now: Tick,
    ) -> bool {
        let per_socket = Quota::per_minute(self.rates.refusals_per_socket);
        let reached = if refusals.lock().take(per_socket, now.since_start()).is_err() {
            LimitName::RefusalsPerSocket
        } else if self.refusals_by_address.check(address).is_err() {
            LimitName::RefusalsPerAddress
        } else if room.is_some_and(|room| self.refusals_by_room.check(room).is_err()) {
            LimitName::RefusalsPerRoom
        } else {
            return true;
        };
        metrics::limit_reached(reached);
        false
    }

    /// Counts that a limit was reached, and says so in the log now and then.
    pub(super) fn limit_reached(&self, limit: Limit, address: AddressKey) {
        let variable = limit.name().as_str();
        metrics::limit_reached(limit.name());
        self.told[limit as usize].then(|| {
            warn!(%address, "{variable} is reached: what goes beyond it is refused, and its sender is told");
        });
    }

    pub(super) fn sweep(&self, now: Tick) {
        self.takeovers.lock().forget(now);
    }

    pub(super) fn pair_quota(&self) -> Quota {
        Quota::per_second(self.rates.relays_per_pair, PAIR_BURST_SECONDS)
    }
}

/// What one member has sent to each other one lately.
#[derive(Debug, Default)]
pub(super) struct PairRates(Vec<(MemberId, Bucket)>);

impl PairRates {
    /// More than any room has members.
    const MOST: usize = 1_024;

    /// Counts a message to a member. False if it has had too many lately.
    pub(super) fn take(&mut self, to: MemberId, quota: Quota, now: Tick) -> bool {
        if quota.is_unlimited() {
            return true;
        }
        let now = now.since_start();
        if let Some((_, bucket)) = self.0.iter_mut().find(|(member, _)| *member == to) {
            return bucket.take(quota, now).is_ok();
        }
        // Room is made of those that say nothing any more: most of the time that is all.
        if self.0.len() == self.0.capacity() {
            self.0.retain(|(_, bucket)| !bucket.is_whole(now));
        }
        if self.0.len() >= Self::MOST {
            return false;
        }
        let mut bucket = Bucket::default();
        let is_taken = bucket.take(quota, now).is_ok();
        self.0.push((to, bucket));
        is_taken
    }
}

/// When members were lately taken over by another socket of theirs.
#[derive(Debug, Default)]
struct Takeovers(HashMap<ClientKey, Vec<Tick>>);

impl Takeovers {
    /// The most clients that are told apart.
    const MOST: usize = 16_384;

    /// Counts one. False if there were as many lately.
    fn count(&mut self, key: ClientKey, most: u32, now: Tick) -> bool {
        if most == 0 {
            return true;
        }
        if self.0.len() >= Self::MOST {
            self.forget(now);
        }
        let is_full = self.0.len() >= Self::MOST && !self.0.contains_key(&key);
        if is_full {
            // Each of them is a member: there are hardly ever so many. Better too many takeovers than a member locked out.
            return true;
        }
        let lately = self.0.entry(key).or_default();
        lately.retain(|at| is_lately(*at, now));
        if lately.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
            return false;
        }
        lately.push(now);
        true
    }

    /// The last one did not happen.
    fn take_back(&mut self, key: &ClientKey) {
        if let Some(lately) = self.0.get_mut(key) {
            lately.pop();
        }
    }

    fn forget(&mut self, now: Tick) {
        self.0.retain(|_, lately| lately.iter().any(|at| is_lately(*at, now)));
    }
}

fn is_lately(at: Tick, now: Tick) -> bool {
    now < at.after(TAKEOVERS_WITHIN)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_mesh_of_thirty_passes_and_each_pair_has_its_own_rate() {
        let quota = Quota::per_second(200, PAIR_BURST_SECONDS);
        let mut pairs = PairRates::default();
        let members: Vec<_> = (0..30).map(|number| MemberId(Uuid::from_u128(number))).collect();
        for to in &members {
            // The offer, the answer, and what the browser finds.
            assert!((0..42).all(|_| pairs.take(*to, quota, Tick(1_000))));
        }
        let flooded = members[7];
        let passed = (0..5_000).filter(|_| pairs.take(flooded, quota, Tick(1_000))).count();
        assert_eq!(passed, 2_000 - 42);
        assert!(pairs.take(members[8], quota, Tick(1_000)));
        assert!(pairs.take(flooded, quota, Tick(1_005)), "200 a second are one in 5 ms");
    }

    #[test]
    fn memory_of_pairs_is_bounded_and_given_to_those_that_speak() {
        let quota = Quota::per_second(200, PAIR_BURST_SECONDS);
        let mut pairs = PairRates::default();
        for number in 0..10_000_u128 {
            pairs.take(MemberId(Uuid::from_u128(number)), quota, Tick(1_000));
        }
        assert_eq!(pairs.0.len(), PairRates::MOST);
        assert!(pairs.take(MemberId(Uuid::from_u128(77_777)), quota, Tick(1_005)));
        assert_eq!(pairs.0.len(), 1);
    }

    #[test]
    fn a_member_is_taken_over_three_times_in_ten_seconds() {
        let mut takeovers = Takeovers::default();
        let [key, other] = ["a", "b"].map(|id| ClientKey::parse(id).unwrap());
        assert!([0, 1_000, 9_000].iter().all(|at| takeovers.count(key, 3, Tick(*at))));
        assert!(!takeovers.count(key, 3, Tick(9_999)));
        assert!(takeovers.count(other, 3, Tick(9_999)));
        assert!(takeovers.count(key, 3, Tick(10_000)));
        assert!(!takeovers.count(key, 3, Tick(10_500)));
        assert!(takeovers.count(key, 0, Tick(10_500)), "0 is no limit");
        takeovers.take_back(&key);
        assert!(takeovers.count(key, 3, Tick(10_500)));
        takeovers.forget(Tick(30_000));
        assert!(takeovers.0.is_empty());
    }
}
