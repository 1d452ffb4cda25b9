//! In which order addresses are served: members who send little first, and then each address one read in turn.
//!
//! A worker of the runtime takes what is ready in the order in which it became ready, so that a member's message waits
//! for whatever a thousand connections have sent just before it. What passes here instead is let through read by read,
//! and between two of them the worker looks for whatever else has come.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::model::address::AddressKey;

/// How many reads of its members an address has in a millisecond before they have to wait for their turn too.
const READS_PER_MILLISECOND: u64 = 8;
/// As many bytes count as one more.
const PART: usize = 256;
/// For so many milliseconds after members of two addresses were read, both count as sending.
const TOGETHER: u64 = 16;
/// Addresses that fall into one of so many slots share their members' reads.
const SLOTS: usize = 1024;

/// Who waits for a turn.
#[derive(Debug)]
pub(super) struct Turns {
    queue: Mutex<TurnQueue>,
    begun: Instant,
    hasher: RandomState,
    /// By slot: the millisecond of the last read of a member, and how many there were in it.
    lately: Box<[AtomicU64]>,
    last_slot: AtomicUsize,
    /// Until which millisecond members of more than one address send.
    together_until: AtomicU64,
}

/// Where the reads of an address's members are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(usize);

#[derive(Debug, Default)]
struct TurnQueue {
    /// Whose turn is next: each that waits, once.
    order: VecDeque<AddressKey>,
    waiting: HashMap<AddressKey, VecDeque<oneshot::Sender<()>>>,
    /// Whether a task lets them through.
    is_served: bool,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            queue: Mutex::default(),
            begun: Instant::now(),
            hasher: RandomState::new(),
            lately: (0..SLOTS).map(|_| AtomicU64::default()).collect(),
            last_slot: AtomicUsize::default(),
            together_until: AtomicU64::default(),
        }
    }

    /// Waits for a turn of this address. A /48 of IPv6 has the turns of one.
    pub(super) async fn take(self: Arc<Self>, address: AddressKey) {
        let (pass, passed) = oneshot::channel();
        if self.queue.lock().push(address.site().unwrap_or(address), pass) {
            tokio::spawn(self.serve());
        }
        // Only the runtime's end forgets it.
        let _ = passed.await;
    }

    /// Lets through one for each worker, then has the workers look for whatever else has come, and so on.
    async fn serve(self: Arc<Self>) {
        let at_once = Handle::current().metrics().num_workers();
        while self.queue.lock().let_through(at_once) {
            yield_now().await;
        }
    }

    /// Where the reads of this address's members count.
    pub(super) fn slot(&self, address: AddressKey) -> Slot {
        Slot(self.hasher.hash_one(address) as usize % SLOTS)
    }

    /// Counts a read of a member. True if it has to wait for its address's turn: there are many, and others send too.
    pub(super) fn is_crowded(&self, slot: Slot, bytes: usize) -> bool {
        let now = self.begun.elapsed().as_millis() as u64;
        if self.last_slot.load(Ordering::Relaxed) != slot.0 {
            self.last_slot.store(slot.0, Ordering::Relaxed);
            self.together_until.store(now + TOGETHER, Ordering::Relaxed);
        }
        let lately = &self.lately[slot.0];
        let (then, count) = split(lately.load(Ordering::Relaxed));
        let reads = 1 + (bytes / PART) as u64;
        let count = if then == now { count + reads } else { reads };
        // Of two that store at once one may be lost: this is no account.
        lately.store(now << COUNT_BITS | count.min(MOST_COUNT), Ordering::Relaxed);
        count > READS_PER_MILLISECOND && now < self.together_until.load(Ordering::Relaxed)
    }
}

/// How many bits of a slot are the count.
const COUNT_BITS: u32 = 16;
const MOST_COUNT: u64 = (1 << COUNT_BITS) - 1;

fn split(lately: u64) -> (u64, u64) {
    (lately >> COUNT_BITS, lately & MOST_COUNT)
}

impl TurnQueue {
    /// True if it is not served yet, and so from now on.
    fn push(&mut self, address: AddressKey, pass: oneshot::Sender<()>) -> bool {
        let waiting = self.waiting.entry(address).or_default();
        if waiting.is_empty() {
            self.order.push_back(address);
        }
        waiting.push_back(pass);
        !std::mem::replace(&mut self.is_served, true)
    }

    /// False if there was nobody left: it is not served any more then.
    fn let_through(&mut self, at_once: usize) -> bool {
        self.is_served = (0..at_once).all(|_| self.pass_next());
        self.is_served
    }

    fn pass_next(&mut self) -> bool {
        while let Some(address) = self.order.pop_front() {
            let waiting = self.waiting.get_mut(&address);
            let next = waiting.and_then(|waiting| Some((waiting.pop_front()?, waiting.is_empty())));
            let Some((pass, was_last)) = next else { continue };
            if was_last {
                self.waiting.remove(&address);
            } else {
                self.order.push_back(address);
            }
            // Whose connection has ended needs no turn.
            if pass.send(()).is_ok() {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(text: &str) -> AddressKey {
        AddressKey::of(text.parse().unwrap())
    }

    /// In which order those that came in this order were let through.
    async fn order(addresses: &[&str]) -> Vec<String> {
        let turns = Arc::new(Turns::new());
        let passed = Arc::new(Mutex::new(Vec::new()));
        let all = addresses.iter().map(|address| {
            let (turn, passed, address) = (turns.clone().take(key(address)), passed.clone(), (*address).to_owned());
            tokio::spawn(async move {
                turn.await;
                passed.lock().push(address);
            })
        });
        for one in all.collect::<Vec<_>>() {
            one.await.unwrap();
        }
        assert!(turns.queue.lock().waiting.is_empty(), "whoever has passed is forgotten");
        let passed = passed.lock();
        passed.clone()
    }

    #[tokio::test]
    async fn addresses_take_turns() {
        let order = order(&[
            "192.0.2.1",
            "192.0.2.1",
            "192.0.2.1",
            "192.0.2.2",
            "192.0.2.3",
            "192.0.2.2",
        ])
        .await;
        assert_eq!(
            order,
            [
                "192.0.2.1",
                "192.0.2.2",
                "192.0.2.3",
                "192.0.2.1",
                "192.0.2.2",
                "192.0.2.1"
            ]
        );
    }

    #[tokio::test]
    async fn networks_of_one_site_share_a_turn() {
        let order = order(&["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:1::1"]).await;
        assert_eq!(order, ["2001:db8:0:1::1", "2001:db8:1::1", "2001:db8:0:2::1"]);
    }

    #[tokio::test]
    async fn whatever_else_is_ready_comes_between_two() {
        let turns = Arc::new(Turns::new());
        let passed = Arc::new(AtomicUsize::default());
        for _ in 0..100 {
            let (turn, passed) = (turns.clone().take(key("192.0.2.1")), passed.clone());
            tokio::spawn(async move {
                turn.await;
                passed.fetch_add(1, Ordering::Relaxed);
            });
        }
        for done in 0..50 {
            assert!(passed.load(Ordering::Relaxed) <= done + 1);
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_has_gone_takes_no_turn() {
        let turns = Arc::new(Turns::new());
        for _ in 0..100 {
            let gone = tokio::spawn(turns.clone().take(key("192.0.2.1")));
            yield_now().await;
            gone.abort();
        }
        turns.clone().take(key("192.0.2.1")).await;
        yield_now().await;
        assert!(!turns.queue.lock().is_served);
    }

    #[tokio::test(start_paused = true)]
    async fn members_wait_only_where_they_send_much_beside_others() {
        let turns = Turns::new();
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|address| turns.slot(key(address)));
        tokio::time::advance(Duration::from_secs(1)).await;
        turns.together_until.store(0, Ordering::Relaxed);
        turns.last_slot.store(one.0, Ordering::Relaxed);
        assert!((0..1_000).all(|_| !turns.is_crowded(one, 100)), "nobody else sends");
        assert!(!turns.is_crowded(other, 100));
        assert!(turns.is_crowded(one, 100));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!((0..READS_PER_MILLISECOND).all(|_| !turns.is_crowded(one, 100)));
        assert!(turns.is_crowded(one, 100));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(turns.is_crowded(one, 8 * PART), "much at once");
        tokio::time::advance(Duration::from_millis(TOGETHER)).await;
        assert!((0..1_000).all(|_| !turns.is_crowded(one, 100)));
    }
}
