//! Who floods the backlog loses, and waits; nobody else does.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::journal::queue::Work;
use crate::model::address::AddressKey;

const CAPACITY: usize = 5_000;
/// What the writer takes at once.
const GROUP: usize = 200;

fn address(last: u8) -> AddressKey {
    AddressKey::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
}

fn source(address: AddressKey, room: &str) -> Source {
    Source {
        address: Some(address),
        room: Some(RoomName::parse(room).unwrap()),
    }
}

/// What a join makes of an empty room, or a join and a leave in any other.
fn pair(number: i64) -> Vec<Record> {
    vec![at(number, started("r")), at(number, joined(1, 0, 1))]
}

struct Play {
    queue: Queue,
    now: Instant,
    /// When each of the records that were written was submitted, by the room's number in the order of writing.
    written: Vec<i64>,
    most: usize,
}

impl Play {
    fn new() -> Self {
        Self {
            queue: Queue::new(CAPACITY, Duration::from_secs(1)),
            now: Instant::now(),
            written: Vec::new(),
            most: 0,
        }
    }

    fn submit(&mut self, source: &Source, records: Vec<Record>) -> Submitted {
        self.queue.submit(source.clone(), records, None, self.now)
    }

    fn write(&mut self) -> bool {
        let Work::Records(records) = self.queue.take(GROUP, self.now) else {
            return false;
        };
        self.now += Duration::from_millis(5);
        self.queue.written(records.len(), self.now);
        self.most = self.most.max(records.len());
        self.written.extend(records.iter().map(|record| record.at.0));
        true
    }
}

/// A flood of one address, a new room for each join, beside 85 people who join elsewhere.
#[test]
fn who_floods_loses_and_nobody_else_does() {
    const FLOOD: i64 = 85_000;
    const JOINS: i64 = 85;
    let mut play = Play::new();
    let (mut flooded, mut latest) = (0_u64, 0);
    for number in 0..FLOOD {
        let flood = source(address(66), &format!("flood {number}"));
        if play.submit(&flood, pair(-1 - number)) == Submitted::Dropped {
            flooded += 1;
        }
        // The disk takes a fifth of it.
        if number % GROUP as i64 == 0 {
            assert!(play.write());
        }
        if number % (FLOOD / JOINS) == 0 {
            let good = source(address((number % 20) as u8 + 1), &format!("class {}", number % 3));
            let submitted = (number, play.written.len());
            assert_eq!(play.submit(&good, pair(number)), Submitted::Accepted);
            assert!(play.write());
            assert!(
                play.written[submitted.1..].contains(&submitted.0),
                "a join waits for the flood"
            );
            latest += 1;
        }
        assert!(play.queue.admits(&source(address(1), "class 0")));
    }
    assert!(flooded > FLOOD as u64 / 3, "{flooded}");
    assert!(play.most <= GROUP + 2, "{}", play.most);
    // What the stop still has to write.
    let before = play.written.len();
    while play.write() {}
    assert!(play.written.len() - before <= CAPACITY / 2 + 3);
    let good = play.written.iter().filter(|&&number| number > 0).count();
    assert_eq!(good, 2 * (latest - 1), "the first has number 0");
}

#[test]
fn refusals_give_way_to_membership() {
    let mut play = Play::new();
    let who = source(address(66), "r");
    while play.submit(&who, vec![at(1, error())]) == Submitted::Accepted {}
    let refusals = play.queue.abandon();
    assert!(refusals < CAPACITY / 4, "{refusals}");

    let mut play = Play::new();
    while play.submit(&who, vec![at(1, error())]) == Submitted::Accepted {}
    assert_eq!(play.submit(&who, vec![at(2, joined(1, 0, 1))]), Submitted::Accepted);
}

/// What is large counts as more.
#[test]
fn memory_is_bounded_too() {
    let mut play = Play::new();
    let who = source(address(66), "r");
    let long = || {
        let Change::Error { participant, code, .. } = error() else {
            unreachable!("that is what it makes");
        };
        let change = Change::Error {
            participant,
            code,
            event: "e".repeat(64),
            message: "m".repeat(64 * 1024),
        };
        vec![at(1, change)]
    };
    let mut count = 0;
    while play.submit(&who, long()) == Submitted::Accepted {
        count += 1;
    }
    assert!(count * 64 * 1024 <= CAPACITY * 512, "{count}");
}

/// One who joins a class whose records stand behind those of a flood waits for those of the class only.
#[test]
fn a_flood_from_within_a_class_does_not_make_it_wait_for_all_of_the_flood() {
    let mut play = Play::new();
    for number in 0..50 {
        let _ = play.submit(&source(address(66), "class"), pair(-1 - number));
    }
    for number in 0..2_000 {
        let _ = play.submit(&source(address(66), &format!("flood {number}")), pair(-100 - number));
    }
    assert_eq!(play.submit(&source(address(1), "class"), pair(7)), Submitted::Accepted);
    for _ in 0..4 {
        assert!(play.write());
    }
    assert!(play.written.contains(&7));
}

/// The networks of an IPv6 site take one turn, and cannot fill everything together.
#[test]
fn a_site_is_one_client_in_its_turns() {
    let mut play = Play::new();
    for network in 0..u16::MAX {
        let network = format!("2001:db8:0:{network:x}::1");
        let who = source(AddressKey::of(network.parse().unwrap()), "r");
        let _ = play.submit(&who, pair(-1));
    }
    for last in 1..=20 {
        assert_eq!(play.submit(&source(address(last), "s"), pair(7)), Submitted::Accepted);
    }
    assert!(play.write());
    assert_eq!(play.written.iter().filter(|&&number| number == 7).count(), 40);
}

#[derive(Debug, Clone)]
enum Act {
    Submit { address: u8, room: u8, count: usize },
    Write,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let submit = (0..4_u8, 0..5_u8, 1..9_usize).prop_map(|(address, room, count)| Act::Submit { address, room, count });
    prop::collection::vec(prop_oneof![6 => submit, 1 => Just(Act::Write)], 1..400)
}

proptest! {
    /// Whatever comes: what is accepted is written once, whole, and each room's in its order; a release runs once, after
    /// its records and after those before it in its room; what is dropped is counted.
    #[test]
    fn nothing_accepted_is_lost_torn_or_out_of_order(acts in acts(), limit in 1..40_usize) {
        let mut queue = Queue::new(100, Duration::from_secs(1));
        let now = Instant::now();
        let released = Arc::new(Mutex::new(Vec::new()));
        let mut accepted = HashMap::<i64, (u8, usize)>::new();
        let (mut number, mut submitted, mut dropped, mut written) = (0, Vec::new(), 0, Vec::new());
        let write = |queue: &mut Queue, written: &mut Vec<(i64, usize)>| {
            let Work::Records(records) = queue.take(limit, now) else { return false };
            let mut group = BTreeMap::<i64, usize>::new();
            for record in &records {
                if !matches!(record.change, Change::Gap { .. }) {
                    *group.entry(record.at.0).or_default() += 1;
                }
            }
            prop_assert_eq_sorted(&records);
            written.extend(group);
            queue.written(records.len(), now);
            while let Some(release) = queue.next_release(now) {
                release();
            }
            true
        };
        for act in acts {
            match act {
                Act::Submit { address: last, room, count } => {
                    number += 1;
                    let who = (last > 0).then(|| address(last));
                    let source = Source { address: who, room: Some(RoomName::parse(&room.to_string()).unwrap()) };
                    let told = released.clone();
                    let release: Release = Box::new(move || told.lock().unwrap().push((room, number)));
                    let records = vec![at(number, joined(1, 0, 1)); count];
                    match queue.submit(source, records, Some(release), now) {
                        Submitted::Accepted => drop(accepted.insert(number, (room, count))),
                        Submitted::Dropped => dropped += count as u64,
                    }
                    submitted.push((room, number));
                }
                Act::Write => drop(write(&mut queue, &mut written)),
            }
            prop_assert!(queue.degraded(now).is_none());
        }
        while write(&mut queue, &mut written) {}
        while let Some(release) = queue.next_release(now) {
            release();
        }
        prop_assert_eq!(queue.dropped(), dropped);
        prop_assert_eq!(written.len(), accepted.len(), "each is written once and whole");
        let mut last = HashMap::new();
        for (number, count) in written {
            let (room, expected) = accepted[&number];
            prop_assert_eq!(count, expected);
            prop_assert!(last.insert(room, number).is_none_or(|before| before < number), "a room's order");
        }
        for room in 0..5 {
            let of_room = |all: &[(u8, i64)]| all.iter().filter(|(of, _)| *of == room).map(|(_, n)| *n).collect::<Vec<_>>();
            prop_assert_eq!(of_room(&released.lock().unwrap()), of_room(&submitted));
        }
    }
}

/// Within a group the order is that of submission.
fn prop_assert_eq_sorted(records: &[Record]) {
    let numbers: Vec<_> = records
        .iter()
        .filter(|record| !matches!(record.change, Change::Gap { .. }))
        .map(|record| record.at.0)
        .collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}
