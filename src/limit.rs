//! How often something may happen for each client, in a table of bounded size.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;

use crate::model::address::AddressKey;

/// The most keys that are told apart. Past that, newcomers share one allowance until old ones are whole again.
const MAX_KEYS: usize = 16_384;

/// The shortest time between two looks for keys that say nothing any more: each costs a look at all of them.
const TIDIED_EVERY: Duration = Duration::from_secs(1);

/// By how much more a whole IPv6 site may do than one of its networks.
pub const SITE_FACTOR: u32 = 16;

/// How often: so many at once, and as many again each second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many come back each second; 0 means no limit.
    pub per_second: u32,
    /// How many may happen at once, at least 1.
    pub burst: u32,
}

impl Rate {
    fn quota(self, factor: u32) -> Option<Quota> {
        let times = |count: u32| NonZeroU32::new(count.saturating_mul(factor));
        let per_second = times(self.per_second)?;
        Some(Quota::per_second(per_second).allow_burst(times(self.burst).unwrap_or(per_second)))
    }
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

/// A rate for each key of a kind.
pub struct KeyedRate<K: Clone + Eq + Hash> {
    limiter: Option<RateLimiter<Option<K>, HashMapStateStore<Option<K>>, DefaultClock>>,
    tidied: Seldom,
}

impl<K: Clone + Eq + Hash> KeyedRate<K> {
    /// Lets each key do so much.
    pub fn new(rate: Rate) -> Self {
        Self::within(rate.quota(1))
    }

    /// Lets each key do so much in a minute, also all at once; 0 means no limit.
    pub fn per_minute(count: u32) -> Self {
        Self::within(NonZeroU32::new(count).map(Quota::per_minute))
    }

    fn within(quota: Option<Quota>) -> Self {
        Self {
            limiter: quota.map(RateLimiter::hashmap),
            tidied: Seldom::new(TIDIED_EVERY),
        }
    }

    /// Counts one.
    ///
    /// # Errors
    /// If the key has used up its allowance: how long until it may try again.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        if limiter.len() >= MAX_KEYS {
            self.tidied.then(|| limiter.retain_recent());
        }
        let slot = if limiter.len() < MAX_KEYS {
            Some(key.clone())
        } else {
            None
        };
        limiter
            .check_key(&slot)
            .map_err(|refused| refused.wait_time_from(DefaultClock::default().now()))
    }
}

/// A rate for each client's address, and sixteen times as much for an IPv6 site.
pub struct AddressRate {
    networks: KeyedRate<AddressKey>,
    sites: KeyedRate<AddressKey>,
}

impl AddressRate {
    /// Lets each address do so much.
    pub fn new(rate: Rate) -> Self {
        Self {
            networks: KeyedRate::new(rate),
            sites: KeyedRate::within(rate.quota(SITE_FACTOR)),
        }
    }

    /// Lets each address do so much in a minute, also all at once; 0 means no limit.
    pub fn per_minute(count: u32) -> Self {
        Self {
            networks: KeyedRate::per_minute(count),
            sites: KeyedRate::per_minute(count.saturating_mul(SITE_FACTOR)),
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 1,
        burst: 3,
    };

    fn key(text: &str) -> AddressKey {
        AddressKey::of(text.parse().unwrap())
    }

    #[test]
    fn an_allowance_is_used_up_by_each_address_for_itself() {
        let rate = AddressRate::new(RATE);
        for _ in 0..RATE.burst {
            assert_eq!(rate.check(key("192.0.2.1")), Ok(()));
        }
        assert!(rate.check(key("192.0.2.1")).unwrap_err() <= Duration::from_secs(1));
        assert_eq!(rate.check(key("192.0.2.2")), Ok(()));
    }

    #[test]
    fn a_minutes_worth_may_come_at_once() {
        let rate = AddressRate::per_minute(120);
        assert!((0..120).all(|_| rate.check(key("192.0.2.1")).is_ok()));
        assert!(rate.check(key("192.0.2.1")).unwrap_err() <= Duration::from_millis(500));
        let free = AddressRate::per_minute(0);
        assert!((0..1_000).all(|_| free.check(key("192.0.2.1")).is_ok()));
    }

    #[test]
    fn nothing_is_counted_where_there_is_no_limit() {
        let rate = AddressRate::new(Rate {
            per_second: 0,
            burst: 1,
        });
        for _ in 0..100 {
            assert_eq!(rate.check(key("192.0.2.1")), Ok(()));
        }
    }

    #[test]
    fn many_networks_of_one_site_run_out_together() {
        let rate = AddressRate::new(RATE);
        let allowed = (0..100)
            .filter(|network| rate.check(key(&format!("2001:db8:0:{network:x}::1"))).is_ok())
            .count();
        assert_eq!(allowed as u32, RATE.burst * SITE_FACTOR);
        assert_eq!(rate.check(key("2001:db8:1::1")), Ok(()), "another site");
    }

    #[test]
    fn memory_is_bounded() {
        let rate = KeyedRate::new(RATE);
        for number in 0..MAX_KEYS * 2 {
            let _ = rate.check(&number);
        }
        let limiter = rate.limiter.as_ref().unwrap();
        assert!(limiter.len() <= MAX_KEYS + 1, "{}", limiter.len());
        assert!(rate.check(&usize::MAX).is_err(), "strangers share what is left");
    }
}
