//! How much memory holds what waits for clients, or for the rest of what they send: counted by address and over all.
//!
//! Whoever holds bytes that a client can make wait (an unfinished message, a request's body, output that nobody reads,
//! messages before a join) takes a [`Held`] from the [`MemoryBudget`] and tells it how many they are. What is small is
//! not counted, so that what passes at once costs a comparison.
//!
//! Past an address's share one of that address's holders gives way, never another's; past the whole, one of the address
//! that holds most. Those give way first that have shown nothing of themselves, the largest of them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tracing::warn;

use crate::limit::{SITE_FACTOR, Seldom};
use crate::metrics;
use crate::model::address::AddressKey;
use crate::model::limit::LimitName;

/// Bytes are counted in steps of this size, and the first step of each holder not at all: there are no more holders
/// than connections, which are limited by themselves.
pub const STEP: usize = 16 * 1024;

/// The shortest time between two lines in the log.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How much may be held, in bytes; 0 means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldLimits {
    /// `MAX_HELD_MEMORY`.
    pub in_all: usize,
    /// `MAX_HELD_PER_ADDRESS`.
    pub per_address: usize,
}

/// Whoever can be asked to let go of what it holds.
pub trait Holder: Send + Sync {
    /// Whether others give way before it: it has joined a room.
    fn is_member(&self) -> bool;

    /// Lets go of all at once, usually by ending the connection. It is not asked again, and what it holds is counted no
    /// more. Called while no lock of the budget is held, perhaps by another connection's task: it must not wait.
    fn give_way(&self);
}

/// The memory that may be held; clones are the same one.
#[derive(Clone)]
pub struct MemoryBudget(Arc<BudgetState>);

struct BudgetState {
    limits: HeldLimits,
    next_id: AtomicU64,
    table: Mutex<HeldTable>,
    told: Seldom,
}

/// What is held, by whom. It has an entry only where more than a [`STEP`] is, so the limits bound it too.
#[derive(Default)]
struct HeldTable {
    bytes: usize,
    addresses: HashMap<AddressKey, AddressShare>,
    sites: HashMap<AddressKey, usize>,
}

#[derive(Default)]
struct AddressShare {
    bytes: usize,
    holdings: HashMap<u64, HolderShare>,
}

struct HolderShare {
    bytes: usize,
    /// Without one it never gives way to others.
    holder: Option<Arc<dyn Holder>>,
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    /// The address's own.
    #[error("too much waits for this address in the server's memory")]
    Address,
    /// The one over all.
    #[error("too much waits in the server's memory")]
    All,
}

impl OverBudget {
    fn limit(self) -> LimitName {
        match self {
            Self::Address => LimitName::MaxHeldPerAddress,
            Self::All => LimitName::MaxHeldMemory,
        }
    }
}

/// What one holder holds, given back when it is dropped.
pub struct Held {
    budget: MemoryBudget,
    address: AddressKey,
    id: u64,
    holder: Option<Arc<dyn Holder>>,
    /// As the table has it: a multiple of [`STEP`].
    counted: usize,
}

impl MemoryBudget {
    /// A budget within these limits.
    pub fn new(limits: HeldLimits) -> Self {
        Self(Arc::new(BudgetState {
            limits,
            next_id: AtomicU64::new(0),
            table: Mutex::default(),
            told: Seldom::new(TOLD_EVERY),
        }))
    }

    /// A place to count what waits for this address; nothing is counted yet. `holder` is who gives way when others of
    /// the address need the memory more; without one it only can be refused when it asks for more itself.
    pub fn held(&self, address: AddressKey, holder: Option<Arc<dyn Holder>>) -> Held {
        Held {
            budget: self.clone(),
            address,
            id: self.0.next_id.fetch_add(1, Ordering::Relaxed),
            holder,
            counted: 0,
        }
    }

    /// How many bytes are counted.
    pub fn bytes(&self) -> usize {
        self.0.table.lock().bytes
    }

    /// Whose turn it is, if a limit is passed.
    fn who_gives_way(&self, asking: AddressKey, id: u64) -> Option<(OverBudget, AddressKey, u64)> {
        let table = self.0.table.lock();
        let over = table.over(self.0.limits, asking)?;
        let (address, id) = table.who_gives_way(over, asking, id)?;
        Some((over, address, id))
    }

    fn forget(&self, address: AddressKey, id: u64) -> Option<Arc<dyn Holder>> {
        let mut table = self.0.table.lock();
        // It may have let go by itself meanwhile.
        if table.has(address, id) {
            return table.count(address, id, 0, None);
        }
        None
    }

    fn is_off(&self) -> bool {
        self.0.limits == HeldLimits::default()
    }

    fn tell(&self, over: OverBudget, address: AddressKey) {
        metrics::limit_reached(over.limit());
        self.0.told.then(|| {
            let variable = over.limit().as_str();
            warn!(%address, "{variable} is reached: a client of this address that holds much of it is cut or refused");
        });
    }
}

impl Default for MemoryBudget {
    /// Without limits.
    fn default() -> Self {
        Self::new(HeldLimits::default())
    }
}

impl Held {
    /// Says how many bytes are held, instead of what was said before. Less is never refused.
    ///
    /// # Errors
    /// If a limit is reached and this holder is the one that should give way: then it must not hold more than before.
    /// Else others give way.
    pub fn set(&mut self, bytes: usize) -> Result<(), OverBudget> {
        // With some slack downwards, so that what goes up and down around a step costs nothing.
        let shrinks = bytes <= STEP && self.counted > 0 || bytes + 2 * STEP <= self.counted;
        if bytes <= self.counted.max(STEP) && !shrinks || self.budget.is_off() {
            return Ok(());
        }
        let counted = if bytes <= STEP { 0 } else { bytes.next_multiple_of(STEP) };
        if counted < self.counted {
            self.count(counted);
            return Ok(());
        }
        self.grow(counted)
    }

    /// The bytes that are counted of it, in whole steps.
    pub fn counted(&self) -> usize {
        self.counted
    }

    fn grow(&mut self, counted: usize) -> Result<(), OverBudget> {
        let budget = self.budget.clone();
        let before = self.counted;
        self.count(counted);
        while let Some((over, address, id)) = budget.who_gives_way(self.address, self.id) {
            budget.tell(over, address);
            if id == self.id {
                self.count(before);
                return Err(over);
            }
            if let Some(holder) = budget.forget(address, id) {
                holder.give_way();
            }
        }
        Ok(())
    }

    fn count(&mut self, counted: usize) {
        let mut table = self.budget.0.table.lock();
        // One that gave way stays uncounted until it holds nothing: what it still has is about to go.
        let gone = if self.counted == 0 || table.has(self.address, self.id) {
            table.count(self.address, self.id, counted, self.holder.as_ref())
        } else {
            None
        };
        drop(table);
        drop(gone);
        self.counted = counted;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.counted > 0 {
            self.count(0);
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({} of {})", self.counted, self.address)
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryBudget({:?})", self.0.limits)
    }
}

impl HeldTable {
    fn has(&self, address: AddressKey, id: u64) -> bool {
        let share = self.addresses.get(&address);
        share.is_some_and(|share| share.holdings.contains_key(&id))
    }

    /// Sets what one holds, and gives back who it was if that is nothing now.
    fn count(
        &mut self,
        address: AddressKey,
        id: u64,
        bytes: usize,
        holder: Option<&Arc<dyn Holder>>,
    ) -> Option<Arc<dyn Holder>> {
        let share = self.addresses.entry(address).or_default();
        let new = || HolderShare {
            bytes: 0,
            holder: holder.cloned(),
        };
        let holding = share.holdings.entry(id).or_insert_with(new);
        let before = std::mem::replace(&mut holding.bytes, bytes);
        let gone = if bytes == 0 { share.holdings.remove(&id) } else { None };
        let changed = |total: usize| total - before + bytes;
        share.bytes = changed(share.bytes);
        if share.bytes == 0 {
            self.addresses.remove(&address);
        }
        self.bytes = changed(self.bytes);
        if let Some(site) = address.site() {
            let total = self.sites.entry(site).or_default();
            *total = changed(*total);
            if *total == 0 {
                self.sites.remove(&site);
            }
        }
        gone.and_then(|holding| holding.holder)
    }

    fn over(&self, limits: HeldLimits, address: AddressKey) -> Option<OverBudget> {
        let is_over = |bytes: usize, limit: usize| limit > 0 && bytes > limit;
        let share = self.addresses.get(&address).map_or(0, |share| share.bytes);
        let site = address.site().and_then(|site| self.sites.get(&site).copied());
        let site_limit = limits.per_address.saturating_mul(SITE_FACTOR as usize);
        if is_over(share, limits.per_address) || is_over(site.unwrap_or(0), site_limit) {
            return Some(OverBudget::Address);
        }
        is_over(self.bytes, limits.in_all).then_some(OverBudget::All)
    }

    /// At an address's limit one of its own gives way (of its site, if that is what is full), over all one of the address
    /// that holds most.
    fn who_gives_way(&self, over: OverBudget, asking: AddressKey, id: u64) -> Option<(AddressKey, u64)> {
        let concerned = |address: AddressKey| {
            over == OverBudget::All || address == asking || asking.site().is_some() && address.site() == asking.site()
        };
        let shares = self.addresses.iter().filter(|(address, _)| concerned(**address));
        let candidates = shares.filter_map(|(address, share)| Some((share.bytes, *address, share.first_to_go(id)?)));
        let heaviest = candidates.max_by_key(|(bytes, ..)| *bytes);
        heaviest.map(|(_, address, id)| (address, id))
    }
}

impl AddressShare {
    /// Who gives way first: no member, then whoever holds most, then the newest.
    fn first_to_go(&self, asking: u64) -> Option<u64> {
        let can_go = |(id, holding): &(&u64, &HolderShare)| **id == asking || holding.holder.is_some();
        let first = self.holdings.iter().filter(can_go).min_by_key(|(id, holding)| {
            let is_member = holding.holder.as_ref().is_some_and(|holder| holder.is_member());
            (is_member, Reverse(holding.bytes), Reverse(**id))
        });
        first.map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize};

    use super::*;

    const LIMITS: HeldLimits = HeldLimits {
        in_all: 16 * STEP,
        per_address: 8 * STEP,
    };

    #[derive(Default)]
    struct TestHolder {
        is_member: AtomicBool,
        gave_way: AtomicUsize,
    }

    impl Holder for TestHolder {
        fn is_member(&self) -> bool {
            self.is_member.load(Ordering::Relaxed)
        }

        fn give_way(&self) {
            self.gave_way.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn held(budget: &MemoryBudget, address: &str) -> (Arc<TestHolder>, Held) {
        let client = Arc::new(TestHolder::default());
        let address = AddressKey::of(address.parse().unwrap());
        (client.clone(), budget.held(address, Some(client)))
    }

    fn gave_way(client: &TestHolder) -> usize {
        client.gave_way.load(Ordering::Relaxed)
    }

    #[test]
    fn the_largest_of_an_address_gives_way_and_nobody_elses() {
        let budget = MemoryBudget::new(LIMITS);
        let (other, mut others) = held(&budget, "192.0.2.2");
        let (large, mut larges) = held(&budget, "192.0.2.1");
        let (small, mut smalls) = held(&budget, "192.0.2.1");
        others.set(8 * STEP).unwrap();
        larges.set(5 * STEP).unwrap();
        smalls.set(3 * STEP).unwrap();
        smalls.set(4 * STEP).unwrap();
        assert_eq!([gave_way(&large), gave_way(&small), gave_way(&other)], [1, 0, 0]);
        assert_eq!(budget.bytes(), 12 * STEP);
        larges.set(6 * STEP).unwrap();
        assert_eq!(budget.bytes(), 12 * STEP, "what gave way is about to go");
        drop((larges, smalls, others));
        assert_eq!(budget.bytes(), 0);
        assert!(budget.0.table.lock().addresses.is_empty());
    }

    #[test]
    fn who_asks_for_most_is_refused_and_keeps_what_it_had() {
        let budget = MemoryBudget::new(LIMITS);
        let (client, mut held) = held(&budget, "192.0.2.1");
        held.set(8 * STEP).unwrap();
        assert_eq!(held.set(8 * STEP + 1), Err(OverBudget::Address));
        assert_eq!(budget.bytes(), 8 * STEP);
        assert_eq!(gave_way(&client), 0, "it has been told by the refusal");
        held.set(0).unwrap();
        assert_eq!(budget.bytes(), 0);
    }

    #[test]
    fn members_go_last() {
        let budget = MemoryBudget::new(LIMITS);
        let (member, mut members) = held(&budget, "192.0.2.1");
        let (stranger, mut strangers) = held(&budget, "192.0.2.1");
        member.is_member.store(true, Ordering::Relaxed);
        members.set(6 * STEP).unwrap();
        strangers.set(2 * STEP).unwrap();
        assert!(strangers.set(3 * STEP).is_err());
        members.set(7 * STEP).unwrap();
        assert_eq!([gave_way(&member), gave_way(&stranger)], [0, 1]);
    }

    #[test]
    fn over_all_the_address_that_holds_most_gives_way() {
        let budget = MemoryBudget::new(LIMITS);
        let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
        let mut all = addresses.map(|address| held(&budget, address));
        for ((_, held), steps) in all.iter_mut().zip([8, 6, 2]) {
            held.set(steps * STEP).unwrap();
        }
        all[2].1.set(3 * STEP).unwrap();
        assert_eq!(all.each_ref().map(|(client, _)| gave_way(client)), [1, 0, 0]);
        assert_eq!(budget.bytes(), 9 * STEP);
    }

    #[test]
    fn a_site_has_sixteen_shares() {
        let budget = MemoryBudget::new(HeldLimits { in_all: 0, ..LIMITS });
        let mut networks: Vec<_> = (0..16)
            .map(|network| held(&budget, &format!("2001:db8:0:{network}::1")))
            .collect();
        for (_, held) in &mut networks {
            held.set(8 * STEP).unwrap();
        }
        let (newcomer, mut more) = held(&budget, "2001:db8:0:ffff::1");
        more.set(2 * STEP).unwrap();
        assert_eq!(gave_way(&newcomer), 0);
        assert_eq!(networks.iter().map(|(client, _)| gave_way(client)).sum::<usize>(), 1);
    }

    #[test]
    fn what_is_small_or_goes_up_and_down_a_little_is_not_counted() {
        let budget = MemoryBudget::new(LIMITS);
        let (_, mut held) = held(&budget, "192.0.2.1");
        held.set(STEP).unwrap();
        assert_eq!(budget.bytes(), 0);
        held.set(3 * STEP + 1).unwrap();
        assert_eq!(held.counted(), 4 * STEP);
        held.set(2 * STEP + 1).unwrap();
        assert_eq!(held.counted(), 4 * STEP);
        held.set(2 * STEP).unwrap();
        assert_eq!(held.counted(), 2 * STEP);
        held.set(STEP).unwrap();
        assert_eq!(budget.bytes(), 0);
    }

    #[test]
    fn one_without_a_holder_is_refused_but_never_cut() {
        let budget = MemoryBudget::new(LIMITS);
        let address = AddressKey::of("192.0.2.1".parse().unwrap());
        let mut alone = budget.held(address, None);
        alone.set(8 * STEP).unwrap();
        let (client, mut held) = held(&budget, "192.0.2.1");
        assert_eq!(held.set(2 * STEP), Err(OverBudget::Address));
        assert_eq!(alone.set(9 * STEP), Err(OverBudget::Address));
        assert_eq!(gave_way(&client), 0);
    }
}
