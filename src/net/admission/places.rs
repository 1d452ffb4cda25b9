//! Who has a place, and who gives way when there are too many: nothing but the table.
//!
//! An address may hold so many places, an IPv6 site sixteen times as many, and all together so many. Places of those who
//! are in a class are kept, whatever happens; among the others the oldest gives way, never the newcomer, and of all
//! addresses the one that holds the most. So who floods loses what is theirs.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::limit::SITE_FACTOR;
use crate::model::address::AddressKey;

/// So many places beside those in a class an address has in any case, and all together: else a full class could not
/// be joined, nor come back to.
const RESERVE: usize = 32;

/// How long something idle counts as just come, as it has not had the time to say what it wants, while what has just come
/// is not more than one in so many.
const FRESH: Duration = Duration::from_secs(1);
const IDLE_SHARE: usize = 4;

/// The most places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    /// Of all addresses together.
    pub(crate) over_all: usize,
    /// Of one address.
    pub(crate) per_address: usize,
    /// Of one address, by who is in no class.
    pub(crate) others_per_address: usize,
}

impl Most {
    fn of(self, factor: usize) -> PlaceLimit {
        PlaceLimit {
            all: self.per_address.saturating_mul(factor),
            others: self.others_per_address.saturating_mul(factor),
        }
    }
}

/// What one holder may have.
#[derive(Debug, Clone, Copy)]
struct PlaceLimit {
    all: usize,
    others: usize,
}

impl PlaceLimit {
    fn is_exceeded(self, others: usize, members: usize) -> bool {
        let left = self.all.saturating_sub(members).max(RESERVE.min(self.all));
        others > left.min(self.others)
    }
}

/// What a place is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Nothing at present: the first to give way.
    Idle,
    /// Something, by somebody who is in no class.
    Visitor,
    /// Somebody who is in a class: never gives way.
    Member,
}

/// Whose members are as many as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Those of the address, or of its site.
    Address,
    /// All.
    OverAll,
}

/// Names a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PlaceId(u64);

/// A place and when it got its rank, so that the oldest comes first.
type ByAge = BTreeSet<(Instant, PlaceId)>;

/// All places, and what is needed to take each of them away.
#[derive(Debug)]
pub(crate) struct Places<T> {
    most: Most,
    last: u64,
    entries: HashMap<PlaceId, PlaceEntry<T>>,
    /// By IPv4 address or IPv6 /64.
    addresses: HashMap<AddressKey, PlaceCounts>,
    /// By IPv4 address or IPv6 /48.
    sites: HashMap<AddressKey, PlaceCounts>,
    /// The sites by how many places they hold that may give way.
    heaviest: BTreeSet<(usize, AddressKey)>,
    members: usize,
}

#[derive(Debug)]
struct PlaceEntry<T> {
    address: AddressKey,
    rank: Rank,
    since: Instant,
    what: T,
}

/// What one address, or one site, holds.
#[derive(Debug, Default)]
struct PlaceCounts {
    idle: ByAge,
    visitors: ByAge,
    members: usize,
}

impl PlaceCounts {
    fn count(&mut self, rank: Rank, place: (Instant, PlaceId), there: bool) {
        let set = match rank {
            Rank::Idle => &mut self.idle,
            Rank::Visitor => &mut self.visitors,
            Rank::Member if there => return self.members += 1,
            Rank::Member => return self.members -= 1,
        };
        if there {
            set.insert(place);
        } else {
            set.remove(&place);
        }
    }

    /// How many may give way.
    fn others(&self) -> usize {
        self.idle.len() + self.visitors.len()
    }

    fn is_empty(&self) -> bool {
        self.others() + self.members == 0
    }

    fn exceeds(&self, share: PlaceLimit) -> bool {
        share.is_exceeded(self.others(), self.members)
    }

    /// Who gives way first.
    fn next(&self, newcomer: PlaceId, now: Instant) -> Option<PlaceId> {
        let other = |set: &ByAge| set.iter().copied().find(|(_, id)| *id != newcomer);
        let idle = other(&self.idle);
        let gives_way = |since: Instant| since + FRESH <= now || self.idle.len() > self.others() / IDLE_SHARE;
        let dispensable = idle.filter(|(since, _)| gives_way(*since));
        dispensable.or_else(|| other(&self.visitors)).or(idle).map(|(_, id)| id)
    }
}

fn site_of(address: AddressKey) -> AddressKey {
    address.site().unwrap_or(address)
}

impl<T> Places<T> {
    pub(crate) fn new(most: Most) -> Self {
        Self {
            most,
            last: 0,
            entries: HashMap::new(),
            addresses: HashMap::new(),
            sites: HashMap::new(),
            heaviest: BTreeSet::new(),
            members: 0,
        }
    }

    /// Gives a place, and takes away those that give way for it.
    pub(crate) fn enter(&mut self, address: AddressKey, rank: Rank, now: Instant, what: T) -> (PlaceId, Vec<T>) {
        self.last += 1;
        let id = PlaceId(self.last);
        let entry = PlaceEntry {
            address,
            rank,
            since: now,
            what,
        };
        self.count(id, &entry, true);
        self.entries.insert(id, entry);
        (id, self.give_way(id, address, now))
    }

    /// Says what a place is used for from now on, and by whom. Gives those that give way for it.
    pub(crate) fn change(&mut self, id: PlaceId, address: AddressKey, rank: Rank, now: Instant) -> Vec<T> {
        let Some(mut entry) = self.entries.remove(&id) else {
            return Vec::new();
        };
        self.count(id, &entry, false);
        let is_known = entry.address == address && entry.rank > Rank::Idle && rank == Rank::Visitor;
        entry.address = address;
        entry.rank = rank;
        // A visitor is as old as its first request.
        if !is_known {
            entry.since = now;
        }
        self.count(id, &entry, true);
        self.entries.insert(id, entry);
        self.give_way(id, address, now)
    }

    /// As [`Self::change`], for the same address.
    pub(crate) fn rank(&mut self, id: PlaceId, rank: Rank, now: Instant) -> Vec<T> {
        match self.entries.get(&id) {
            Some(entry) if entry.rank != rank => self.change(id, entry.address, rank, now),
            _ => Vec::new(),
        }
    }

    /// Whether who has this place may come into a class, or is in one: members never give way, so there are only so many.
    ///
    /// # Errors
    /// Who has as many as may be.
    pub(crate) fn may_join(&self, id: PlaceId) -> Result<(), Full> {
        let Some(entry) = self.entries.get(&id).filter(|entry| entry.rank != Rank::Member) else {
            return Ok(());
        };
        let (address, site) = (entry.address, site_of(entry.address));
        let members = |holder: Option<&PlaceCounts>| holder.map_or(0, |holder| holder.members);
        if members(self.addresses.get(&address)) >= self.most.per_address
            || members(self.sites.get(&site)) >= self.share_of_site(address).all
        {
            return Err(Full::Address);
        }
        if self.members >= self.most.over_all {
            return Err(Full::OverAll);
        }
        Ok(())
    }

    /// Gives a place back.
    pub(crate) fn leave(&mut self, id: PlaceId) -> Option<T> {
        let entry = self.entries.remove(&id)?;
        self.count(id, &entry, false);
        Some(entry.what)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn give_way(&mut self, newcomer: PlaceId, address: AddressKey, now: Instant) -> Vec<T> {
        let mut gone = Vec::new();
        while let Some(id) = self.next_to_go(newcomer, address, now) {
            gone.extend(self.leave(id));
        }
        gone
    }

    fn next_to_go(&self, newcomer: PlaceId, address: AddressKey, now: Instant) -> Option<PlaceId> {
        let of_address = self.addresses.get(&address);
        let of_site = self.sites.get(&site_of(address));
        let over =
            |holder: Option<&PlaceCounts>, share| holder.filter(|holder| holder.exceeds(share))?.next(newcomer, now);
        over(of_address, self.most.of(1))
            .or_else(|| over(of_site, self.share_of_site(address)))
            .or_else(|| self.heaviest_over_all(newcomer, now))
    }

    fn heaviest_over_all(&self, newcomer: PlaceId, now: Instant) -> Option<PlaceId> {
        let share = PlaceLimit {
            all: self.most.over_all,
            others: usize::MAX,
        };
        if !share.is_exceeded(self.entries.len() - self.members, self.members) {
            return None;
        }
        let mut sites = self.heaviest.iter().rev();
        sites.find_map(|(_, site)| self.sites.get(site)?.next(newcomer, now))
    }

    fn share_of_site(&self, address: AddressKey) -> PlaceLimit {
        self.most.of(address.site().map_or(1, |_| SITE_FACTOR as usize))
    }

    fn count(&mut self, id: PlaceId, entry: &PlaceEntry<T>, there: bool) {
        let (place, site) = ((entry.since, id), site_of(entry.address));
        let holder = self.addresses.entry(entry.address).or_default();
        holder.count(entry.rank, place, there);
        if holder.is_empty() {
            self.addresses.remove(&entry.address);
        }
        let holder = self.sites.entry(site).or_default();
        self.heaviest.remove(&(holder.others(), site));
        holder.count(entry.rank, place, there);
        if holder.others() > 0 {
            self.heaviest.insert((holder.others(), site));
        }
        if holder.is_empty() {
            self.sites.remove(&site);
        }
        match (entry.rank, there) {
            (Rank::Member, true) => self.members += 1,
            (Rank::Member, false) => self.members -= 1,
            (Rank::Idle | Rank::Visitor, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCHOOL: &str = "192.0.2.1";
    const NOBODY: [usize; 0] = [];

    fn key(text: &str) -> AddressKey {
        AddressKey::of(text.parse().unwrap())
    }

    /// A table that is told who comes, and by whom it is left.
    struct Crowd {
        places: Places<usize>,
        ids: Vec<PlaceId>,
        now: Instant,
    }

    impl Crowd {
        fn new(over_all: usize, per_address: usize) -> Self {
            Self {
                places: Places::new(Most {
                    over_all,
                    per_address,
                    others_per_address: usize::MAX,
                }),
                ids: Vec::new(),
                now: Instant::now(),
            }
        }

        fn enter(&mut self, address: &str, rank: Rank) -> Vec<usize> {
            self.now += Duration::from_millis(1);
            let (id, gone) = self.places.enter(key(address), rank, self.now, self.ids.len());
            self.ids.push(id);
            gone
        }

        fn rank(&mut self, number: usize, rank: Rank) -> Vec<usize> {
            self.now += Duration::from_millis(1);
            self.places.rank(self.ids[number], rank, self.now)
        }
    }

    #[test]
    fn the_oldest_of_an_address_gives_way_and_members_never_do() {
        let mut crowd = Crowd::new(1_000, 100);
        for number in 0..100 {
            assert_eq!(crowd.enter(SCHOOL, Rank::Visitor), NOBODY, "{number}");
        }
        assert_eq!(crowd.enter("192.0.2.2", Rank::Visitor), NOBODY, "another address");
        crowd.rank(0, Rank::Member);
        assert_eq!(crowd.enter(SCHOOL, Rank::Visitor), [1], "the oldest that is no member");
        for number in 2..100 {
            crowd.rank(number, Rank::Member);
        }
        // 99 members and a visitor: what an address has beside its members stays.
        for _ in 0..RESERVE - 1 {
            assert_eq!(crowd.enter(SCHOOL, Rank::Visitor), NOBODY);
        }
        assert_eq!(crowd.enter(SCHOOL, Rank::Visitor), [101]);
        assert_eq!(crowd.enter("192.0.2.2", Rank::Visitor), NOBODY);
    }

    #[test]
    fn what_is_idle_gives_way_first_unless_it_has_just_come() {
        let mut crowd = Crowd::new(1_000, 100);
        for _ in 0..98 {
            crowd.enter(SCHOOL, Rank::Visitor);
        }
        crowd.enter(SCHOOL, Rank::Idle);
        crowd.enter(SCHOOL, Rank::Idle);
        assert_eq!(crowd.enter(SCHOOL, Rank::Idle), [0], "both have just come");
        crowd.now += FRESH;
        assert_eq!(crowd.enter(SCHOOL, Rank::Idle), [98]);
        crowd.rank(99, Rank::Visitor);
        assert_eq!(crowd.enter(SCHOOL, Rank::Idle), [100]);
        crowd.rank(1, Rank::Idle);
        crowd.now += FRESH;
        assert_eq!(crowd.enter(SCHOOL, Rank::Idle), [101], "idle for longer");
    }

    #[test]
    fn a_flood_of_silence_drives_out_silence() {
        let mut crowd = Crowd::new(1_000, 100);
        crowd.enter(SCHOOL, Rank::Visitor);
        for number in 0..1_000 {
            let gone = crowd.enter(SCHOOL, Rank::Idle);
            assert!(!gone.contains(&0), "{number}: {gone:?}");
        }
        crowd.rank(1_000, Rank::Visitor);
        for number in 0..1_000 {
            let gone = crowd.enter(SCHOOL, Rank::Idle);
            assert!(!gone.contains(&1_000), "{number}: {gone:?}");
        }
    }

    #[test]
    fn over_all_the_address_that_holds_the_most_loses() {
        let mut crowd = Crowd::new(100, 90);
        for _ in 0..10 {
            crowd.enter(SCHOOL, Rank::Visitor);
        }
        for _ in 0..90 {
            assert_eq!(crowd.enter("198.51.100.1", Rank::Visitor), NOBODY);
        }
        assert_eq!(crowd.enter("203.0.113.1", Rank::Visitor), [10]);
        assert_eq!(crowd.enter(SCHOOL, Rank::Idle), [11]);
        assert_eq!(crowd.places.len(), 100);
    }

    #[test]
    fn a_newcomer_among_members_only_is_let_in() {
        let mut crowd = Crowd::new(50, 40);
        for _ in 0..60 {
            crowd.enter(SCHOOL, Rank::Member);
        }
        for _ in 0..RESERVE {
            assert_eq!(crowd.enter(SCHOOL, Rank::Visitor), NOBODY);
        }
        assert_eq!(crowd.enter("203.0.113.1", Rank::Idle), [60]);
        let mut single = Crowd::new(1, 1);
        assert_eq!(single.enter(SCHOOL, Rank::Idle), NOBODY);
        assert_eq!(single.enter(SCHOOL, Rank::Idle), [0]);
    }

    #[test]
    fn those_in_no_class_may_have_a_limit_of_their_own() {
        let mut crowd = Crowd::new(1_000, 100);
        crowd.places.most.others_per_address = 2;
        for _ in 0..50 {
            crowd.enter(SCHOOL, Rank::Member);
        }
        assert_eq!(crowd.enter(SCHOOL, Rank::Visitor), NOBODY);
        assert_eq!(crowd.enter(SCHOOL, Rank::Visitor), NOBODY);
        assert_eq!(crowd.enter(SCHOOL, Rank::Visitor), [50]);
        assert_eq!(crowd.rank(0, Rank::Visitor), [51], "who has left a class is a newcomer");
    }

    #[test]
    fn so_many_of_an_address_of_a_site_and_of_all_may_join() {
        let mut crowd = Crowd::new(50, 2);
        let may_join = |crowd: &mut Crowd, address: &str| {
            crowd.enter(address, Rank::Visitor);
            crowd.places.may_join(crowd.ids[crowd.ids.len() - 1])
        };
        for _ in 0..2 {
            assert_eq!(may_join(&mut crowd, SCHOOL), Ok(()));
            crowd.enter(SCHOOL, Rank::Member);
        }
        assert_eq!(may_join(&mut crowd, SCHOOL), Err(Full::Address));
        assert_eq!(
            crowd.places.may_join(crowd.ids[1]),
            Ok(()),
            "who is in a class may go to another"
        );
        crowd.rank(1, Rank::Visitor);
        assert_eq!(may_join(&mut crowd, SCHOOL), Ok(()), "somebody has left");
        for network in 0..16 {
            let host = format!("2001:db8:0:{network:x}::1");
            crowd.enter(&host, Rank::Member);
            assert_eq!(may_join(&mut crowd, &host), Ok(()));
            crowd.enter(&host, Rank::Member);
        }
        assert_eq!(may_join(&mut crowd, "2001:db8:0:99::1"), Err(Full::Address));
        assert_eq!(may_join(&mut crowd, "2001:db8:1::1"), Ok(()));
        for host in 0..17 {
            crowd.enter(&format!("198.51.100.{host}"), Rank::Member);
        }
        assert_eq!(may_join(&mut crowd, "203.0.113.1"), Err(Full::OverAll));
    }

    #[test]
    fn a_site_holds_sixteen_times_as_much_as_a_network() {
        let mut crowd = Crowd::new(100_000, 10);
        let mut gone = 0;
        for network in 0..1_000 {
            gone += crowd.enter(&format!("2001:db8:0:{network:x}::1"), Rank::Visitor).len();
        }
        assert_eq!(gone, 1_000 - 160);
        assert_eq!(crowd.enter("2001:db8:1::1", Rank::Visitor), NOBODY);
        let mut network = Crowd::new(100_000, 40);
        let gone: usize = (0..100)
            .map(|host| network.enter(&format!("2001:db8::{host:x}"), Rank::Visitor).len())
            .sum();
        assert_eq!(gone, 60);
    }

    #[test]
    fn a_place_may_pass_to_another_address() {
        let mut crowd = Crowd::new(1_000, 40);
        for _ in 0..40 {
            crowd.enter("127.0.0.1", Rank::Idle);
        }
        for number in 0..40 {
            crowd
                .places
                .change(crowd.ids[number], key(SCHOOL), Rank::Visitor, crowd.now);
        }
        assert_eq!(crowd.enter("127.0.0.1", Rank::Idle), NOBODY);
        assert_eq!(
            crowd
                .places
                .change(crowd.ids[40], key(SCHOOL), Rank::Visitor, crowd.now),
            [0]
        );
    }

    /// 300 people of one school with up to 8 connections each come within 5 s, twice a minute, beside somebody at the
    /// same address who opens connections without end: nobody who has joined is cut, and nobody before it has had 5 s.
    #[test]
    fn a_school_comes_back_twice_a_minute_beside_a_flood() {
        let mut crowd = Crowd::new(16_000, 5_000);
        let mut joined: Vec<usize> = Vec::new();
        for _ in 0..4 {
            let mut gone: Vec<usize> = Vec::new();
            let first = crowd.ids.len();
            for _ in 0..300 {
                for _ in 0..8 {
                    gone.extend(crowd.enter(SCHOOL, Rank::Idle));
                }
                gone.extend(crowd.enter(SCHOOL, Rank::Idle));
                let socket = crowd.ids.len() - 2;
                gone.extend(crowd.rank(socket, Rank::Visitor));
                gone.extend(crowd.rank(socket, Rank::Member));
                joined.push(socket);
            }
            assert!(
                gone.iter().all(|number| !joined.contains(number) && *number < first),
                "{gone:?}"
            );
            crowd.now += Duration::from_secs(25);
        }
    }

    proptest! {
        #[test]
        fn the_books_are_kept(
            steps in prop::collection::vec((0..6_usize, 0..4_usize, 0..200_u64, 0..80_usize), 1..400),
        ) {
            let mut crowd = Crowd::new(40, 8);
            let names = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"];
            for (what, address, wait, number) in steps {
                crowd.now += Duration::from_millis(wait * 10);
                let id = crowd.ids.get(number).copied();
                match (what, id) {
                    (0 | 1, _) | (_, None) => {
                        let newcomer = crowd.ids.len();
                        let gone = crowd.enter(names[address], if what == 0 { Rank::Idle } else { Rank::Visitor });
                        prop_assert!(!gone.contains(&newcomer));
                    }
                    (2, Some(id)) => drop(crowd.places.rank(id, Rank::Member, crowd.now)),
                    (3, Some(id)) => drop(crowd.places.rank(id, Rank::Idle, crowd.now)),
                    (4, Some(id)) => drop(crowd.places.change(id, key(names[address]), Rank::Visitor, crowd.now)),
                    (_, Some(id)) => drop(crowd.places.leave(id)),
                }
                let places = &crowd.places;
                let others = places.entries.values().filter(|entry| entry.rank != Rank::Member).count();
                prop_assert_eq!(places.entries.len() - others, places.members);
                prop_assert!(others <= 40.max(RESERVE));
                prop_assert_eq!(places.heaviest.iter().map(|(count, _)| count).sum::<usize>(), others);
                for holders in [&places.addresses, &places.sites] {
                    let held = holders.values().map(|holder| holder.others() + holder.members).sum::<usize>();
                    prop_assert_eq!(held, places.entries.len());
                    prop_assert!(holders.values().all(|holder| !holder.is_empty()));
                }
            }
        }
    }
}
