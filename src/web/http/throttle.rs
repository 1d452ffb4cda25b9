//! What slows down guessing: of the review's token, and of the ids of clients.
//!
//! An address may be wrong so often in a minute. Past that, whatever is shown from there is answered later, the more is
//! owed the later, up to [`LONGEST`]: what is right like what is wrong, so that the wait tells nothing, and who is right
//! gets in all the same, also behind an address that others guess from. Nothing is refused, so there is nothing that
//! could be filled up to keep somebody out; who waits is a request on a connection, of which there are only so many.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::Extensions;

use crate::limit::{AddressRate, Quota, Seldom};
use crate::metrics;
use crate::model::address::AddressKey;
use crate::model::limit::LimitName;
use crate::net::ClientAddress;

/// The longest an answer waits.
const LONGEST: Duration = Duration::from_secs(10);

/// The shortest time between two lines of the log.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How much of an allowance being wrong takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GuessCost(f64);

impl GuessCost {
    /// A guess that could have hit.
    pub(crate) const GUESS: Self = Self(1.0);
    /// Something too long to be guessed, as who returns too late still shows it.
    pub(crate) const UNLIKELY: Self = Self(1.0 / 16.0);
}

/// Slows down the guessing of one kind of secret.
pub(crate) struct Throttle {
    /// What is guessed, for the log.
    secret: &'static str,
    rate: AddressRate,
    /// How many guesses waited since the log was told.
    wrong: AtomicU64,
    told: Seldom,
}

impl Throttle {
    /// Lets each address be wrong so often in a minute; 0 is no limit.
    pub(crate) fn new(secret: &'static str, per_minute: u32) -> Self {
        Self {
            secret,
            rate: AddressRate::new(Quota::per_minute(per_minute)),
            wrong: AtomicU64::new(0),
            told: Seldom::new(TOLD_EVERY),
        }
    }

    /// Waits for as long as an answer to this address has to. `wrong` is what the answer costs, if it is that something
    /// was wrong.
    pub(crate) async fn settle(&self, address: AddressKey, wrong: Option<GuessCost>) {
        let wait = self.count(address, wrong, Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    fn count(&self, address: AddressKey, wrong: Option<GuessCost>, now: Instant) -> Duration {
        let cost = wrong.map_or(0.0, |cost| cost.0);
        let wait = self.rate.owe(address, cost, LONGEST, now);
        if wrong.is_some() && !wait.is_zero() {
            metrics::limit_reached(LimitName::GuessesPerMinute);
            self.wrong.fetch_add(1, Ordering::Relaxed);
            self.told.then(|| {
                tracing::warn!(
                    secret = self.secret,
                    %address,
                    wrong = self.wrong.swap(0, Ordering::Relaxed),
                    "somebody is guessing: answers to this address wait (GUESSES_PER_MINUTE)"
                );
            });
        }
        wait
    }
}

fn stranger() -> AddressKey {
    AddressKey::of(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
}

/// Who asks, as far as a throttle tells clients apart.
pub(crate) fn asker(extensions: &Extensions) -> AddressKey {
    let address = extensions.get::<ClientAddress>();
    address.map_or_else(stranger, |address| AddressKey::of(address.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::SITE_FACTOR;

    const PER_MINUTE: u32 = 20;
    const INTERVAL: Duration = Duration::from_secs(3);

    fn key(text: &str) -> AddressKey {
        AddressKey::of(text.parse().unwrap())
    }

    fn throttle() -> Throttle {
        Throttle::new("test", PER_MINUTE)
    }

    fn guess(throttle: &Throttle, address: &str, now: Instant) -> Duration {
        throttle.count(key(address), Some(GuessCost::GUESS), now)
    }

    #[test]
    fn who_is_wrong_too_often_waits_longer_and_longer_and_no_longer_than_that() {
        let (throttle, start) = (throttle(), Instant::now());
        for _ in 0..PER_MINUTE {
            assert_eq!(guess(&throttle, "192.0.2.1", start), Duration::ZERO);
        }
        assert_eq!(guess(&throttle, "192.0.2.1", start), Duration::ZERO);
        assert_eq!(guess(&throttle, "192.0.2.1", start), INTERVAL);
        assert_eq!(guess(&throttle, "::ffff:192.0.2.1", start), INTERVAL * 2);
        for _ in 0..100_000 {
            assert!(guess(&throttle, "192.0.2.1", start) <= LONGEST);
        }
        assert_eq!(guess(&throttle, "192.0.2.1", start), LONGEST);
        assert_eq!(guess(&throttle, "192.0.2.2", start), Duration::ZERO);
        let later = start + LONGEST + INTERVAL;
        assert_eq!(guess(&throttle, "192.0.2.1", later), Duration::ZERO, "and is forgiven");
    }

    #[test]
    fn who_is_right_waits_as_long_as_who_is_wrong_and_costs_nothing() {
        let (throttle, now) = (throttle(), Instant::now());
        for _ in 0..PER_MINUTE + 2 {
            guess(&throttle, "192.0.2.1", now);
        }
        for _ in 0..1000 {
            assert_eq!(throttle.count(key("192.0.2.1"), None, now), INTERVAL * 2);
            assert_eq!(throttle.count(key("192.0.2.2"), None, now), Duration::ZERO);
        }
        assert_eq!(guess(&throttle, "192.0.2.1", now), INTERVAL * 2);
    }

    #[test]
    fn a_school_that_returns_too_late_does_not_wait() {
        let (throttle, now) = (throttle(), Instant::now());
        for _ in 0..300 {
            assert_eq!(
                throttle.count(key("192.0.2.1"), Some(GuessCost::UNLIKELY), now),
                Duration::ZERO
            );
        }
    }

    #[test]
    fn many_networks_of_one_site_wait_together() {
        let (throttle, now) = (throttle(), Instant::now());
        let network = |number: u32| format!("2001:db8:0:{number:x}::1");
        let free = (0..1000).filter(|number| guess(&throttle, &network(*number), now).is_zero());
        assert_eq!(free.count() as u32, PER_MINUTE * SITE_FACTOR + 1);
        assert_eq!(guess(&throttle, "2001:db8:1::1", now), Duration::ZERO, "another site");
    }

    #[test]
    fn there_may_be_no_limit() {
        let (throttle, now) = (Throttle::new("test", 0), Instant::now());
        for _ in 0..1000 {
            assert_eq!(guess(&throttle, "192.0.2.1", now), Duration::ZERO);
        }
    }
}
