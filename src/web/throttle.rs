//! A limit on guessing: so many wrong tokens per address, then one per interval.
//!
//! The right token is always let in, so the limit can lock nobody out, also where everyone shares a proxy's address.
//! What keeps guessing hopeless is the token's length; the limit keeps it cheap and visible.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Wrong tokens an address may send at once.
const BURST: u32 = 10;

/// How long it takes until it may send one more.
const INTERVAL: Duration = Duration::from_secs(3);

/// The most addresses that are told apart. Past that they share one allowance.
const MAX_ADDRESSES: usize = 4096;

const SHARED: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// When the allowance of each address that has used some of it will be whole again.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    whole_at: HashMap<IpAddr, Instant>,
}

impl Throttle {
    /// Counts a wrong token.
    ///
    /// # Errors
    /// If the address has used up its allowance: how long until it has one again.
    pub(crate) fn count(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = self.slot(network(address), now);
        let whole_at = self.whole_at.get(&address).copied().unwrap_or(now).max(now) + INTERVAL;
        let excess = whole_at.saturating_duration_since(now + INTERVAL * BURST);
        if !excess.is_zero() {
            return Err(excess);
        }
        self.whole_at.insert(address, whole_at);
        Ok(())
    }

    fn slot(&mut self, address: IpAddr, now: Instant) -> IpAddr {
        if self.whole_at.contains_key(&address) || self.whole_at.len() < MAX_ADDRESSES {
            return address;
        }
        self.whole_at.retain(|_, whole_at| *whole_at > now);
        if self.whole_at.len() < MAX_ADDRESSES {
            address
        } else {
            SHARED
        }
    }
}

/// One customer's network: a whole /64 belongs to one, and could otherwise be a fresh address per guess.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_allowance_is_used_up_and_comes_back() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..BURST {
            assert_eq!(throttle.count(address("192.0.2.1"), start), Ok(()));
        }
        assert_eq!(throttle.count(address("192.0.2.1"), start), Err(INTERVAL));
        assert_eq!(throttle.count(address("::ffff:192.0.2.1"), start), Err(INTERVAL));
        assert_eq!(throttle.count(address("192.0.2.2"), start), Ok(()));

        let later = start + INTERVAL;
        assert_eq!(throttle.count(address("192.0.2.1"), later), Ok(()));
        assert_eq!(throttle.count(address("192.0.2.1"), later), Err(INTERVAL));
    }

    #[test]
    fn a_network_is_one_address() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        for host in 0..BURST {
            assert_eq!(throttle.count(address(&format!("2001:db8::{host:x}")), now), Ok(()));
        }
        assert!(throttle.count(address("2001:db8::ffff"), now).is_err());
        assert_eq!(throttle.count(address("2001:db8:0:1::1"), now), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_freed() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        for index in 0..10_000_u32 {
            let _ = throttle.count(IpAddr::V4(index.into()), now);
        }
        assert!(throttle.whole_at.len() <= MAX_ADDRESSES + 1);
        assert!(
            throttle.count(IpAddr::V4(9_999.into()), now).is_err(),
            "strangers share what is left"
        );

        let later = now + INTERVAL * (BURST + 1);
        assert_eq!(throttle.count(address("192.0.2.1"), later), Ok(()));
        assert_eq!(throttle.whole_at.len(), 1);
    }
}
