//! What happens, counted where it happens. Each series is looked up once, so that counting costs an addition.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use super::figures::{DIRECTIONS, Transport};
use super::names::Metric;
use crate::model::limit::LimitName;
use crate::model::vocabulary::{DropReason, ErrorKind, LeaveReason, Presence, RoomAction};

/// What became of a request to come in or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryOutcome {
    /// Its sender is a new member.
    Joined,
    /// Its sender is the member that it was.
    Resumed,
    /// Its sender is where it was.
    Refused,
}

impl EntryOutcome {
    const OF_JOINS: [Self; 2] = [Self::Joined, Self::Refused];
    const OF_RESUMES: [Self; 3] = [Self::Joined, Self::Resumed, Self::Refused];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Resumed => "resumed",
            Self::Refused => "refused",
        }
    }
}

/// What is relayed, by the names on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelayEvent {
    Offer,
    Answer,
    Candidate,
    Renegotiation,
}

impl RelayEvent {
    const ALL: [Self; 4] = [Self::Offer, Self::Answer, Self::Candidate, Self::Renegotiation];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::Candidate => "icecandidate",
            Self::Renegotiation => "reconnectWork",
        }
    }
}

/// The series of one metric, in the order of the words that its label may be.
type Family = LazyLock<Vec<Counter>>;

static RELAYS: Family = LazyLock::new(|| family(Metric::Relays));
static JOINS: Family = LazyLock::new(|| family(Metric::Joins));
static RESUMES: Family = LazyLock::new(|| family(Metric::Resumes));
static DROPS: Family = LazyLock::new(|| family(Metric::Drops));
static LEAVES: Family = LazyLock::new(|| family(Metric::Leaves));
static ACTIONS: Family = LazyLock::new(|| family(Metric::Actions));
static REFUSALS: Family = LazyLock::new(|| family(Metric::Refusals));
static LIMITS: Family = LazyLock::new(|| family(Metric::LimitsHit));
static COMMITS: LazyLock<Histogram> = LazyLock::new(|| histogram!(Metric::CommitDuration.name()));

fn family(metric: Metric) -> Vec<Counter> {
    let label = metric.labels()[0];
    let words = words_of(metric).into_iter();
    words.map(|word| counter!(metric.name(), label => word)).collect()
}

/// What the one label of a metric may be, in order, if that is known beforehand.
pub(super) fn words_of(metric: Metric) -> Vec<&'static str> {
    fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
        all.iter().map(|one| word(*one)).collect()
    }
    match metric {
        Metric::Members => words(Presence::ALL, Presence::as_str),
        Metric::Relays => words(&RelayEvent::ALL, RelayEvent::as_str),
        Metric::Joins => words(&EntryOutcome::OF_JOINS, EntryOutcome::as_str),
        Metric::Resumes => words(&EntryOutcome::OF_RESUMES, EntryOutcome::as_str),
        Metric::Drops => words(DropReason::ALL, DropReason::as_str),
        Metric::Leaves => words(LeaveReason::ALL, LeaveReason::as_str),
        Metric::Actions => words(RoomAction::ALL, RoomAction::as_str),
        Metric::Refusals => words(ErrorKind::ALL, ErrorKind::as_str),
        Metric::LimitsHit => words(LimitName::ALL, LimitName::as_str),
        Metric::Sockets => words(&Transport::ALL, Transport::as_str),
        Metric::ClusterLinks | Metric::ClusterForwarded => DIRECTIONS.to_vec(),
        Metric::Rooms
        | Metric::ClusterEpoch
        | Metric::ClusterLease
        | Metric::ClusterRooms
        | Metric::ClusterTakeovers
        | Metric::JournalDepth
        | Metric::CommitDuration
        | Metric::RecordsDropped
        | Metric::DiskFree
        | Metric::Requests
        | Metric::RequestDuration
        | Metric::LogLinesDropped => Vec::new(),
    }
}

/// Has every series that is known beforehand begin at 0: a rate needs a number before the first that counts.
pub(super) fn begin() {
    for family in [&RELAYS, &JOINS, &RESUMES, &DROPS, &LEAVES, &ACTIONS, &REFUSALS, &LIMITS] {
        LazyLock::force(family);
    }
    LazyLock::force(&COMMITS);
}

/// A message of a member was handed to another's socket.
pub(crate) fn relayed(event: RelayEvent) {
    RELAYS[event as usize].increment(1);
}

/// A request to come in was answered.
pub(crate) fn joined(outcome: EntryOutcome) {
    count_entry(&JOINS, &EntryOutcome::OF_JOINS, outcome);
}

/// A request to come back was answered.
pub(crate) fn resumed(outcome: EntryOutcome) {
    count_entry(&RESUMES, &EntryOutcome::OF_RESUMES, outcome);
}

fn count_entry(family: &Family, outcomes: &[EntryOutcome], outcome: EntryOutcome) {
    if let Some(index) = outcomes.iter().position(|known| *known == outcome) {
        family[index].increment(1);
    }
}

/// A member lost its socket.
pub(crate) fn dropped_out(why: DropReason) {
    DROPS[why as usize].increment(1);
}

/// A member left.
pub(crate) fn left(why: LeaveReason) {
    LEAVES[why as usize].increment(1);
}

/// A teacher did something to a room.
pub(crate) fn acted(what: RoomAction) {
    ACTIONS[what as usize].increment(1);
}

/// A message was refused.
pub(crate) fn refused(kind: ErrorKind) {
    REFUSALS[kind as usize].increment(1);
}

/// Somebody reached a limit.
pub(crate) fn limit_reached(limit: LimitName) {
    LIMITS[limit as usize].increment(1);
}

/// The database took so long for a group.
pub(crate) fn committed(took: Duration) {
    COMMITS.record(took);
}

/// A request by this route (a template) was answered.
pub(crate) fn requested(route: &str, status: u16, took: Duration) {
    let [by_route, by_status] = [Metric::Requests.labels()[0], Metric::Requests.labels()[1]];
    let route = || route.to_owned();
    counter!(Metric::Requests.name(), by_route => route(), by_status => status.to_string()).increment(1);
    histogram!(Metric::RequestDuration.name(), by_route => route()).record(took);
}
