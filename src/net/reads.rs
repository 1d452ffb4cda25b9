//! How fast an address is read as long as it has shown nothing of itself: its requests, and its sockets in no room.
//!
//! A thousand connections that send as fast as they can would otherwise take all of a worker's time, each only its fair
//! share of it. Nothing is refused here, and nothing lost: what comes too fast is read later. `governor` has no
//! reservations: those who wait for a rate all wake at once, and find it used up by the first of them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::limit::SITE_FACTOR;
use crate::model::address::AddressKey;

/// As many bytes count as one more read.
const PART: usize = 1024;
/// How many bytes of a connection are read at once while its address is as deep in debt as it gets: a thousand of them
/// would otherwise still be read faster than the rate, each once in a while, but much at a time. A page's request, and what
/// it sends to come in, is shorter.
pub(super) const PIECE: usize = 2048;
/// How far an address gets into debt. A page whose neighbours flood still gets in, some seconds later.
pub(super) const LONGEST: Duration = Duration::from_secs(1);
/// As much as may come at once, as the time that it takes at the rate: others wait until it has been read.
const BURST: Duration = Duration::from_millis(250);
/// Who meets an address deeper in debt than [`LONGEST`] waits up to as long again, each for another part of it: else they
/// would all be read at once, later.
const SPREAD: u32 = 64;
/// How many addresses are told apart before those that have paused are forgotten.
const MOST_KEYS: usize = 16_384;

/// What all addresses have read lately.
#[derive(Debug)]
pub(super) struct Reads {
    /// Of one address, each second; 0 is no limit.
    rate: u32,
    table: Mutex<ReadsTable>,
}

#[derive(Debug, Default)]
struct ReadsTable {
    networks: UsedUntil,
    sites: UsedUntil,
    /// Trusted proxies that have named clients: their connections are nobody's until they name one.
    proxies: HashSet<AddressKey>,
}

/// Until when what each has read would take at its rate (the generic cell rate algorithm's arrival time).
#[derive(Debug, Default)]
struct UsedUntil {
    keys: HashMap<AddressKey, Instant>,
    latecomers: u32,
}

impl Reads {
    pub(super) fn new(rate: u32) -> Self {
        Self {
            rate,
            table: Mutex::default(),
        }
    }

    /// Counts what was read on a connection of this peer, on behalf of the client that its last request named: so many
    /// requests or messages, of so many bytes in all. Returns how long that has to wait until it may be handed on.
    pub(super) fn count(&self, peer: AddressKey, client: Option<AddressKey>, messages: u32, bytes: usize) -> Duration {
        if self.rate == 0 {
            return Duration::ZERO;
        }
        let cost = Duration::from_secs(u64::from(messages.max(1)) + (bytes / PART) as u64) / self.rate;
        let mut table = self.table.lock();
        let address = client.unwrap_or(peer);
        if address != peer {
            if table.proxies.len() < MOST_KEYS {
                table.proxies.insert(peer);
            }
        } else if table.proxies.contains(&peer) {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let site = address
            .site()
            .map(|site| table.sites.take(site, cost / SITE_FACTOR, now));
        table.networks.take(address, cost, now).max(site.unwrap_or_default())
    }
}

impl UsedUntil {
    fn take(&mut self, key: AddressKey, cost: Duration, now: Instant) -> Duration {
        if self.keys.len() >= MOST_KEYS {
            self.keys.retain(|_, until| *until > now);
        }
        let until = self.keys.entry(key).or_insert(now);
        *until = (*until).max(now) + cost;
        let most = now + BURST + LONGEST;
        if *until <= most {
            return until.duration_since(now).saturating_sub(BURST);
        }
        // Not without end: who has closed its connections does not pay for ever.
        *until = most;
        self.latecomers = self.latecomers.wrapping_add(1);
        LONGEST + LONGEST * (self.latecomers % SPREAD) / SPREAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> AddressKey {
        AddressKey::of(text.parse().unwrap())
    }

    fn waits(reads: &Reads, text: &str, times: usize) -> Duration {
        let wait = |_| reads.count(key(text), None, 1, 100);
        (0..times).map(wait).last().unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_of_an_address_passes_and_then_each_read_has_a_time_of_its_own() {
        let reads = Reads::new(100);
        assert_eq!(waits(&reads, "192.0.2.1", 25), Duration::ZERO);
        assert_eq!(waits(&reads, "192.0.2.1", 1), Duration::from_millis(10));
        assert_eq!(waits(&reads, "192.0.2.1", 1), Duration::from_millis(20));
        assert_eq!(waits(&reads, "192.0.2.2", 1), Duration::ZERO, "another's is its own");
        let late: Vec<_> = (0..1_000).map(|_| waits(&reads, "192.0.2.1", 1)).collect();
        assert!(late.iter().all(|wait| *wait < 2 * LONGEST));
        assert_ne!(late[998], late[999], "not all at once");
        tokio::time::advance(BURST + LONGEST).await;
        assert_eq!(waits(&reads, "192.0.2.1", 25), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn large_reads_and_many_messages_count_for_more() {
        let reads = Reads::new(100);
        assert_eq!(reads.count(key("192.0.2.1"), None, 1, 24 * PART), Duration::ZERO);
        assert_eq!(
            reads.count(key("192.0.2.1"), None, 1, 9 * PART),
            Duration::from_millis(100)
        );
        assert_eq!(reads.count(key("192.0.2.1"), None, 10, 100), Duration::from_millis(200));
    }

    #[tokio::test(start_paused = true)]
    async fn a_site_has_sixteen_shares() {
        let reads = Reads::new(100);
        for network in 0..16 {
            assert_eq!(waits(&reads, &format!("2001:db8:0:{network:x}::1"), 25), Duration::ZERO);
        }
        assert!(waits(&reads, "2001:db8:0:ff::1", 16) > Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_that_names_its_clients_has_no_share() {
        let reads = Reads::new(100);
        let (proxy, client) = (key("127.0.0.1"), key("192.0.2.1"));
        assert_eq!(reads.count(proxy, Some(client), 1, 100), Duration::ZERO);
        assert_eq!(waits(&reads, "127.0.0.1", 1_000), Duration::ZERO);
        assert!((0..200).any(|_| reads.count(proxy, Some(client), 1, 100) > Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_paused_is_forgotten() {
        let reads = Reads::new(1_000_000);
        for number in 0..2 * MOST_KEYS as u32 {
            reads.count(AddressKey::of(std::net::Ipv4Addr::from_bits(number).into()), None, 1, 1);
            tokio::time::advance(Duration::from_micros(1)).await;
        }
        assert!(reads.table.lock().networks.keys.len() <= MOST_KEYS);
    }
}
