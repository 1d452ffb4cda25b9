//! How often something may happen: for one client, for each key of a table of bounded size, or for each address.
//!
//! All of it is the generic cell rate algorithm: of each is kept until when what it did lasts at its rate. `governor` has
//! that too, but cannot look without counting, let nobody go into debt, and take no room's clock.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::model::address::AddressKey;

/// The most keys that are told apart. Past that, newcomers share one allowance until old ones are whole again.
const MAX_KEYS: usize = 16_384;

/// The shortest time between two looks for keys that say nothing any more: each costs a look at all of them.
const TIDIED_EVERY: Duration = Duration::from_secs(1);

/// By how much more a whole IPv6 site may do than one of its networks.
pub const SITE_FACTOR: u32 = 16;

/// How much at once, and how fast it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// After how many nanoseconds one more may happen; 0 is no limit.
    interval: u64,
    burst: u64,
}

impl Quota {
    /// So many in a minute, also all at once; 0 is no limit.
    pub fn per_minute(count: u32) -> Self {
        Self::new(Duration::from_secs(60), count, count)
    }

    /// So many in a second, and so many seconds' worth at once; 0 is no limit.
    pub fn per_second(count: u32, burst_seconds: u32) -> Self {
        Self::new(Duration::from_secs(1), count, count.saturating_mul(burst_seconds))
    }

    fn new(period: Duration, count: u32, burst: u32) -> Self {
        Self {
            interval: nanos(period).checked_div(count.into()).unwrap_or_default(),
            burst: burst.into(),
        }
    }

    /// Whether nothing needs to be counted.
    pub fn is_unlimited(self) -> bool {
        self.interval == 0
    }

    /// So many times as much.
    fn times(self, factor: u32) -> Self {
        let factor = u64::from(factor);
        Self {
            interval: self.interval / factor,
            burst: self.burst.saturating_mul(factor),
        }
    }

    /// How far ahead of the time what was done may be.
    fn ahead(self) -> u64 {
        self.interval.saturating_mul(self.burst)
    }
}

/// What one client has used up of an allowance that refills. Time is what has passed since any start that stays the same.
#[derive(Debug, Default, Clone, Copy)]
pub struct Bucket {
    /// When it is whole again, in nanoseconds.
    whole_at: u64,
}

impl Bucket {
    /// Takes one, if there is one left.
    ///
    /// # Errors
    /// If there is none: how long until there is.
    pub fn take(&mut self, quota: Quota, now: Duration) -> Result<(), Duration> {
        let now = nanos(now);
        let whole_at = self.whole_at.max(now).saturating_add(quota.interval);
        match whole_at.checked_sub(now.saturating_add(quota.ahead())) {
            Some(over) if over > 0 => Err(Duration::from_nanos(over)),
            Some(_) | None => {
                self.whole_at = whole_at;
                Ok(())
            }
        }
    }

    /// How long what is owed beyond the allowance lasts. Then takes `cost` intervals more, though what is owed lasts for
    /// no longer than `longest`.
    fn owe(&mut self, quota: Quota, cost: f64, longest: Duration, now: Duration) -> Duration {
        let free = nanos(now).saturating_add(quota.ahead());
        let owed = self.whole_at.max(nanos(now));
        let more = Duration::from_nanos(quota.interval).mul_f64(cost);
        self.whole_at = owed
            .saturating_add(nanos(more))
            .min(free.saturating_add(nanos(longest)));
        Duration::from_nanos(owed.saturating_sub(free))
    }

    /// Whether it says nothing any more.
    pub fn is_whole(self, now: Duration) -> bool {
        self.whole_at <= nanos(now)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Lets something be done now and then only, such as a line in the log that anybody can cause.
#[derive(Debug)]
pub struct Seldom {
    every: Duration,
    last: Mutex<Option<Instant>>,
}

impl Seldom {
    /// At most once in this time.
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            last: Mutex::new(None),
        }
    }

    /// Does it, unless it was done a short while ago.
    pub fn then(&self, act: impl FnOnce()) {
        let now = Instant::now();
        let mut last = self.last.lock();
        if last.is_some_and(|last| now.duration_since(last) < self.every) {
            return;
        }
        *last = Some(now);
        drop(last);
        act();
    }
}

/// [`Seldom`] for each key of a kind. Past so many different keys nothing is done until the first of them are due again.
#[derive(Debug)]
pub struct SeldomEach<K> {
    every: Duration,
    last: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> SeldomEach<K> {
    /// How many keys are told apart.
    const MOST: usize = 64;

    /// At most once in this time for each key.
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            last: Mutex::default(),
        }
    }

    /// Does it, unless it was done a short while ago for this key.
    pub fn then(&self, key: K, act: impl FnOnce()) {
        if self.is_due(key) {
            act();
        }
    }

    /// Whether it was not done a short while ago for this key; now it is.
    pub fn is_due(&self, key: K) -> bool {
        let now = Instant::now();
        let mut last = self.last.lock();
        last.retain(|_, at| now.duration_since(*at) < self.every);
        if last.contains_key(&key) || last.len() >= Self::MOST {
            return false;
        }
        last.insert(key, now);
        true
    }
}

/// A quota for each key of a kind.
pub struct KeyedRate<K> {
    quota: Quota,
    start: Instant,
    /// `None` is who found no place.
    buckets: Mutex<HashMap<Option<K>, Bucket>>,
    tidied: Seldom,
}

impl<K: Clone + Eq + Hash> KeyedRate<K> {
    /// Lets each key do so much.
    pub fn new(quota: Quota) -> Self {
        Self {
            quota,
            start: Instant::now(),
            buckets: Mutex::default(),
            tidied: Seldom::new(TIDIED_EVERY),
        }
    }

    /// Counts one.
    ///
    /// # Errors
    /// If the key has used up its allowance: how long until it may try again.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        let take = |bucket: &mut Bucket, now| bucket.take(self.quota, now);
        self.with_bucket(key, Instant::now(), take).unwrap_or(Ok(()))
    }

    /// How long what the key owes beyond its allowance lasts; then counts `cost`, see [`AddressRate::owe`].
    fn owe(&self, key: &K, cost: f64, longest: Duration, now: Instant) -> Duration {
        let owe = |bucket: &mut Bucket, now| bucket.owe(self.quota, cost, longest, now);
        self.with_bucket(key, now, owe).unwrap_or_default()
    }

    /// Does something with the key's bucket, if there is a limit.
    fn with_bucket<T>(&self, key: &K, now: Instant, act: impl FnOnce(&mut Bucket, Duration) -> T) -> Option<T> {
        if self.quota.is_unlimited() {
            return None;
        }
        let now = now.saturating_duration_since(self.start);
        let mut buckets = self.buckets.lock();
        let mut key = Some(key.clone());
        if buckets.len() >= MAX_KEYS && !buckets.contains_key(&key) {
            self.tidied.then(|| buckets.retain(|_, bucket| !bucket.is_whole(now)));
            key = key.filter(|_| buckets.len() < MAX_KEYS);
        }
        let mut bucket = buckets.get(&key).copied().unwrap_or_default();
        let done = act(&mut bucket, now);
        if bucket.is_whole(now) {
            buckets.remove(&key);
        } else {
            buckets.insert(key, bucket);
        }
        Some(done)
    }
}

/// A quota for each client's address, and sixteen times as much for an IPv6 site.
pub struct AddressRate {
    networks: KeyedRate<AddressKey>,
    sites: KeyedRate<AddressKey>,
}

impl AddressRate {
    /// Lets each address do so much.
    pub fn new(quota: Quota) -> Self {
        Self {
            networks: KeyedRate::new(quota),
            sites: KeyedRate::new(quota.times(SITE_FACTOR)),
        }
    }

    /// Counts one.
    ///
    /// # Errors
    /// If the address has used up its allowance: how long until it may try again.
    pub fn check(&self, address: AddressKey) -> Result<(), Duration> {
        self.networks.check(&address)?;
        address.site().map_or(Ok(()), |site| self.sites.check(&site))
    }

    /// How long what the address owes beyond its allowance lasts: nobody is refused, so that it may be more and more, up
    /// to `longest`. Then counts `cost`, in parts of what [`Self::check`] counts; nothing is only a look.
    pub fn owe(&self, address: AddressKey, cost: f64, longest: Duration, now: Instant) -> Duration {
        let wait = self.networks.owe(&address, cost, longest, now);
        let site = address.site();
        site.map_or(wait, |site| wait.max(self.sites.owe(&site, cost, longest, now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: u32 = 3;

    fn key(text: &str) -> AddressKey {
        AddressKey::of(text.parse().unwrap())
    }

    fn rate() -> AddressRate {
        AddressRate::new(Quota::per_second(1, BURST))
    }

    #[test]
    fn a_bucket_runs_out_and_refills() {
        let ms = Duration::from_millis;
        let quota = Quota::per_minute(60);
        let mut bucket = Bucket::default();
        for _ in 0..60 {
            assert_eq!(bucket.take(quota, ms(5)), Ok(()));
        }
        assert_eq!(bucket.take(quota, ms(5)), Err(ms(1_000)));
        assert_eq!(bucket.take(quota, ms(1_004)), Err(ms(1)));
        assert_eq!(bucket.take(quota, ms(1_005)), Ok(()));
        assert!(!bucket.is_whole(ms(60_005)));
        assert!(bucket.is_whole(ms(61_005)));
        let mut free = Bucket::default();
        assert!((0..1_000).all(|_| free.take(Quota::per_minute(0), ms(0)).is_ok()));
    }

    #[test]
    fn something_is_done_now_and_then_for_each_key_and_for_so_many_of_them() {
        let done = Mutex::new(Vec::new());
        let act = |seldom: &SeldomEach<usize>, key| seldom.then(key, || done.lock().push(key));
        let seldom = SeldomEach::new(Duration::from_secs(60));
        for key in [1, 2, 1, 2, 3] {
            act(&seldom, key);
        }
        assert_eq!(*done.lock(), [1, 2, 3]);
        (0..1_000).for_each(|key| act(&seldom, key));
        assert_eq!(done.lock().len(), SeldomEach::<usize>::MOST);
        let always = SeldomEach::new(Duration::ZERO);
        (0..1_000).for_each(|key| act(&always, key));
        assert_eq!(done.lock().len(), SeldomEach::<usize>::MOST + 1_000);
    }

    #[test]
    fn an_allowance_is_used_up_by_each_address_for_itself() {
        let rate = rate();
        for _ in 0..BURST {
            assert_eq!(rate.check(key("192.0.2.1")), Ok(()));
        }
        assert!(rate.check(key("192.0.2.1")).unwrap_err() <= Duration::from_secs(1));
        assert_eq!(rate.check(key("192.0.2.2")), Ok(()));
    }

    #[test]
    fn a_minutes_worth_may_come_at_once() {
        let rate = AddressRate::new(Quota::per_minute(120));
        assert!((0..120).all(|_| rate.check(key("192.0.2.1")).is_ok()));
        assert!(rate.check(key("192.0.2.1")).unwrap_err() <= Duration::from_millis(500));
    }

    #[test]
    fn nothing_is_counted_where_there_is_no_limit() {
        for quota in [Quota::per_minute(0), Quota::per_second(0, BURST)] {
            let rate = AddressRate::new(quota);
            assert!((0..1_000).all(|_| rate.check(key("192.0.2.1")).is_ok()));
            assert!(rate.networks.buckets.lock().is_empty());
        }
    }

    #[test]
    fn many_networks_of_one_site_run_out_together() {
        let rate = rate();
        let allowed = (0..100)
            .filter(|network| rate.check(key(&format!("2001:db8:0:{network:x}::1"))).is_ok())
            .count();
        assert_eq!(allowed as u32, BURST * SITE_FACTOR);
        assert_eq!(rate.check(key("2001:db8:1::1")), Ok(()), "another site");
    }

    #[test]
    fn memory_is_bounded_and_freed() {
        let rate = KeyedRate {
            tidied: Seldom::new(Duration::ZERO),
            ..KeyedRate::new(Quota::per_second(1, BURST))
        };
        let now = rate.start;
        let take = |key: usize, now| {
            let take = |bucket: &mut Bucket, now| bucket.take(rate.quota, now);
            rate.with_bucket(&key, now, take).unwrap()
        };
        for key in 0..MAX_KEYS + 10 {
            let _ = take(key, now);
        }
        assert_eq!(rate.buckets.lock().len(), MAX_KEYS + 1);
        assert!(take(usize::MAX, now).is_err(), "strangers share what is left");
        assert_eq!(take(0, now), Ok(()), "who is known does not");
        let later = now + Duration::from_secs(60);
        assert_eq!(take(usize::MAX, later), Ok(()));
        assert_eq!(rate.buckets.lock().len(), 1);
    }
}
