//! What waits to be written, shared so that only who floods loses, and waits.
//!
//! The records of a room are one lane and are written in their order. Clients take turns by their address (an IPv6 site
//! is one), and the rooms of one address within its turn; what a room does by itself is one client more. How much of the
//! backlog an address may hold shrinks with what is left of it: one that floods fills half, two fill a third each, and
//! there is always room for the others. A refusal needs four times as much room as what happens to a member.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Instant;

use super::{Release, Source};
use crate::limit::SITE_FACTOR;
use crate::model::address::AddressKey;
use crate::model::id::RoomName;
use crate::room::record::{Change, Record, Snapshot};

/// What an owner may have written in its turn, in records.
const QUANTUM: usize = 32;

/// By how much less room a refusal is content with.
const REFUSAL_SHARE: usize = 4;

/// What a record of usual size may need besides itself, in bytes; each as many more count as another record.
const USUAL_BYTES: usize = 256;

/// What was submitted at once. It is written in one transaction.
pub(super) struct Submission {
    /// Its place among all.
    pub(super) number: u64,
    pub(super) source: Source,
    pub(super) records: Vec<Record>,
    /// What they count as.
    pub(super) weight: usize,
    pub(super) release: Option<Release>,
}

/// What has to be written in its order: a room's records, or those of clients of one address in no room.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Lane {
    Room(RoomName),
    Homeless(Option<AddressKey>),
}

impl Lane {
    fn of(source: &Source) -> Self {
        source.room.clone().map_or(Self::Homeless(source.address), Self::Room)
    }
}

/// Who takes turns with others. Nobody is what the rooms do by themselves.
type Owner = Option<AddressKey>;

fn owner(source: &Source) -> Owner {
    source.address.map(|address| address.site().unwrap_or(address))
}

/// What one owner has in one lane.
#[derive(Default)]
struct Stake {
    /// Submissions that wait.
    waiting: usize,
    /// Waiting, or with the writer.
    weight: usize,
    /// Whether the lane is among those the owner takes turns with.
    in_turn: bool,
}

/// The share of a submission in the backlog, until it is written.
pub(super) struct Hold {
    owner: Owner,
    address: Option<AddressKey>,
    lane: Lane,
    weight: usize,
}

impl Hold {
    /// None of it.
    pub(super) fn none(source: &Source) -> Self {
        Self {
            owner: owner(source),
            address: source.address,
            lane: Lane::of(source),
            weight: 0,
        }
    }

    /// Whether what this source submits is written after it.
    pub(super) fn precedes(&self, source: &Source) -> bool {
        self.lane == Lane::of(source)
    }
}

pub(super) struct Backlog {
    /// The most that waits, in records of usual size.
    capacity: usize,
    lanes: HashMap<Lane, VecDeque<Submission>>,
    /// The lanes of each owner that has some, in the order of their turns.
    owners: HashMap<Owner, VecDeque<Lane>>,
    turns: VecDeque<Owner>,
    stakes: HashMap<(Owner, Lane), Stake>,
    by_address: HashMap<AddressKey, usize>,
    by_site: HashMap<AddressKey, usize>,
    /// Records that wait.
    waiting: usize,
    /// Of what waits, and of what the writer holds.
    weight: usize,
    /// Since when something has waited.
    since: Option<Instant>,
}

impl Backlog {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            lanes: HashMap::new(),
            owners: HashMap::new(),
            turns: VecDeque::new(),
            stakes: HashMap::new(),
            by_address: HashMap::new(),
            by_site: HashMap::new(),
            waiting: 0,
            weight: 0,
            since: None,
        }
    }

    /// One like it, with nothing in it.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.capacity)
    }

    /// How many records wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Since when something has waited, if anything does.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Whether more is taken than what one or two clients can fill.
    pub(super) fn is_crowded(&self) -> bool {
        self.weight > self.capacity / 4 * 3
    }

    /// What records count as: one each, and more if they are large. What would never fit counts as all there is.
    pub(super) fn weigh(&self, records: &[Record]) -> usize {
        let weigh = |record: &Record| 1 + bytes(&record.change) / USUAL_BYTES;
        let weight: usize = records.iter().map(weigh).sum();
        weight.min(self.capacity.max(records.len()))
    }

    /// Whether the source may have these written too.
    pub(super) fn admits(&self, source: &Source, records: &[Record]) -> bool {
        self.admits_weight(source, self.weigh(records), records.iter().all(is_refusal))
    }

    /// Whether the source may have something written at all.
    pub(super) fn admits_some(&self, source: &Source) -> bool {
        self.admits_weight(source, 1, false)
    }

    fn admits_weight(&self, source: &Source, weight: usize, is_refusal: bool) -> bool {
        let free = self.capacity.saturating_sub(self.weight);
        if weight > free {
            return false;
        }
        let Some(address) = source.address else {
            return true;
        };
        let share = if is_refusal { free / REFUSAL_SHARE } else { free };
        let held = self.by_address.get(&address).copied().unwrap_or_default();
        let of_site = |site| self.by_site.get(&site).copied().unwrap_or_default();
        let held_by_site = address.site().map_or(0, of_site);
        let stake = self.stakes.get(&(owner(source), Lane::of(source)));
        let held_in_room = stake.map_or(0, |stake| stake.weight);
        fits(held, weight, share)
            && fits(held_by_site, weight, share.saturating_mul(SITE_FACTOR as usize))
            && fits(held_in_room, weight, share.saturating_sub(held))
    }

    /// Lets a submission wait, also past what is admitted.
    pub(super) fn push(&mut self, submission: Submission, now: Instant) {
        let weight = submission.weight;
        let (owner, lane) = (owner(&submission.source), Lane::of(&submission.source));
        self.weight += weight;
        self.waiting += submission.records.len();
        self.since.get_or_insert(now);
        if let Some(address) = submission.source.address {
            *self.by_address.entry(address).or_default() += weight;
            if let Some(site) = address.site() {
                *self.by_site.entry(site).or_default() += weight;
            }
        }
        let stake = self.stakes.entry((owner, lane.clone())).or_default();
        stake.waiting += 1;
        stake.weight += weight;
        if !stake.in_turn {
            stake.in_turn = true;
            let lanes = self.owners.entry(owner).or_default();
            if lanes.is_empty() {
                self.turns.push_back(owner);
            }
            lanes.push_back(lane.clone());
        }
        self.lanes.entry(lane).or_default().push_back(submission);
    }

    /// Lets a release without records wait behind what its room has waiting. Gives it back if that is nothing.
    pub(super) fn follow(&mut self, number: u64, source: &Source, release: Release) -> Option<Release> {
        let Some(lane) = self.lanes.get_mut(&Lane::of(source)) else {
            return Some(release);
        };
        let Some(last) = lane.back_mut() else {
            return Some(release);
        };
        if last.release.is_none() {
            last.release = Some(release);
            return None;
        }
        lane.push_back(Submission {
            number,
            source: source.clone(),
            records: Vec::new(),
            weight: 0,
            release: Some(release),
        });
        None
    }

    /// The waiting submission of this source and number.
    pub(super) fn find(&mut self, source: &Source, number: u64) -> Option<&mut Submission> {
        let lane = self.lanes.get_mut(&Lane::of(source))?;
        let place = lane
            .binary_search_by_key(&number, |submission| submission.number)
            .ok()?;
        lane.get_mut(place)
    }

    /// Hands out what is to be written next: about so many records, whole submissions, in the order of submission.
    pub(super) fn take(&mut self, limit: usize) -> Vec<(Submission, Hold)> {
        let mut taken = Vec::new();
        let limit = if self.waiting <= limit {
            usize::MAX
        } else {
            limit.max(1)
        };
        let mut count = 0;
        while count < limit {
            let Some(owner) = self.turns.pop_front() else {
                break;
            };
            let most = limit.min(count.saturating_add(QUANTUM));
            while count < most && self.take_turn(owner, &mut taken, &mut count) {}
            if self.owners.contains_key(&owner) {
                self.turns.push_back(owner);
            }
        }
        if self.lanes.is_empty() {
            self.since = None;
        }
        taken.sort_unstable_by_key(|(submission, _)| submission.number);
        taken
    }

    /// Takes the next submission of a lane that the owner has some in. It may be another's, which stands before it.
    /// False if the owner has nothing that waits any more.
    fn take_turn(&mut self, owner: Owner, taken: &mut Vec<(Submission, Hold)>, count: &mut usize) -> bool {
        let Some(lanes) = self.owners.get_mut(&owner) else {
            return false;
        };
        let Some(lane) = lanes.pop_front() else {
            self.owners.remove(&owner);
            return false;
        };
        let key = (owner, lane);
        if self.stakes.get(&key).is_some_and(|stake| stake.waiting > 0) {
            lanes.push_back(key.1.clone());
            *count += self.take_front(key.1, taken);
        } else {
            if let Some(stake) = self.stakes.get_mut(&key) {
                stake.in_turn = false;
            }
            let has_more = !lanes.is_empty();
            self.forget_stake(&key);
            if !has_more {
                self.owners.remove(&owner);
                return false;
            }
        }
        true
    }

    /// Takes a lane's first submission, and the releases that only wait for it. Gives how many records those are.
    fn take_front(&mut self, lane: Lane, taken: &mut Vec<(Submission, Hold)>) -> usize {
        let Some(waiting) = self.lanes.get_mut(&lane) else {
            return 0;
        };
        let before = taken.len();
        let mut count = 0;
        while let Some(next) = waiting.front() {
            if taken.len() > before && !next.records.is_empty() {
                break;
            }
            let Some(submission) = waiting.pop_front() else { break };
            let is_release_only = submission.records.is_empty();
            let hold = Hold {
                owner: owner(&submission.source),
                address: submission.source.address,
                lane: lane.clone(),
                weight: submission.weight,
            };
            if !is_release_only {
                count += submission.records.len();
                if let Some(stake) = self.stakes.get_mut(&(hold.owner, lane.clone())) {
                    stake.waiting -= 1;
                }
            }
            taken.push((submission, hold));
        }
        if waiting.is_empty() {
            self.lanes.remove(&lane);
        }
        self.waiting -= count;
        count
    }

    /// What was taken is written, or given up.
    pub(super) fn done(&mut self, hold: &Hold) {
        self.weight -= hold.weight;
        if let Some(address) = hold.address {
            give_back(&mut self.by_address, address, hold.weight);
            if let Some(site) = address.site() {
                give_back(&mut self.by_site, site, hold.weight);
            }
        }
        let key = (hold.owner, hold.lane.clone());
        if let Some(stake) = self.stakes.get_mut(&key) {
            stake.weight -= hold.weight;
        }
        self.forget_stake(&key);
    }

    /// All releases that wait, in the order of submission.
    pub(super) fn take_releases(&mut self) -> Vec<(u64, Release)> {
        let mut releases = Vec::new();
        for lane in self.lanes.values_mut() {
            for submission in lane.iter_mut() {
                releases.extend(submission.release.take().map(|release| (submission.number, release)));
            }
            lane.retain(|submission| !submission.records.is_empty());
        }
        releases.sort_unstable_by_key(|(number, _)| *number);
        releases
    }

    fn forget_stake(&mut self, key: &(Owner, Lane)) {
        let is_over = |stake: &Stake| stake.waiting == 0 && stake.weight == 0 && !stake.in_turn;
        if self.stakes.get(key).is_some_and(is_over) {
            self.stakes.remove(key);
        }
    }
}

/// Whether somebody may hold so much more: at least one thing, however large.
fn fits(held: usize, weight: usize, share: usize) -> bool {
    held == 0 || held + weight <= share
}

fn give_back<K: Eq + Hash>(table: &mut HashMap<K, usize>, key: K, weight: usize) {
    if let Some(held) = table.get_mut(&key) {
        *held -= weight;
        if *held == 0 {
            table.remove(&key);
        }
    }
}

fn is_refusal(record: &Record) -> bool {
    matches!(record.change, Change::Error { .. } | Change::MoreErrors { .. })
}

/// About what a record takes besides itself.
fn bytes(change: &Change) -> usize {
    match change {
        Change::Joined(joined) => joined.username.as_str().len(),
        Change::Error { event, message, .. } => event.len() + message.len(),
        Change::LinkOffered(offered) => offered.connector.as_str().len() + offered.stream.as_str().len(),
        Change::LinkAnswered { connector, .. } => connector.as_str().len(),
        Change::LeaveOwed { leave, .. } => leave.connector.as_str().len(),
        Change::SessionStarted { room } => room.as_str().len(),
        Change::Snapshot(live) => snapshot_bytes(live),
        Change::SessionEnded { .. }
        | Change::Left { .. }
        | Change::Disconnected { .. }
        | Change::Reconnected { .. }
        | Change::LinkProgress { .. }
        | Change::LinkClosed { .. }
        | Change::LinkReported { .. }
        | Change::Overflowed { .. }
        | Change::MoreErrors { .. }
        | Change::Acted { .. }
        | Change::Gap { .. }
        | Change::CalendarMoved { .. } => 0,
    }
}

fn snapshot_bytes(live: &Snapshot) -> usize {
    live.participants.len() * 64 + live.members.len() * USUAL_BYTES + live.links.len() * USUAL_BYTES
}
