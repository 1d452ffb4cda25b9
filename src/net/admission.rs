//! Who is let in, and as whom.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use tracing::warn;

use super::connection::ClientAddress;
use super::forwarded;
use crate::config::TrustedProxies;

/// Decides who is let in, for all listeners of a server.
#[derive(Debug)]
pub struct Admission {
    proxies: TrustedProxies,
    /// A peer that looks like a proxy and is not trusted has been told of.
    told_of_proxy: AtomicBool,
}

impl Admission {
    /// Knows clients by what these proxies say of them.
    pub fn new(proxies: TrustedProxies) -> Self {
        Self {
            proxies,
            told_of_proxy: AtomicBool::new(false),
        }
    }

    /// Whose request it is that has come from `peer`.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        if forwarded::is_forwarded(headers) && !self.proxies.contains(peer) {
            self.tell_of_proxy(peer);
        }
        ClientAddress(forwarded::client_address(peer, headers, &self.proxies))
    }

    fn tell_of_proxy(&self, peer: IpAddr) {
        if !self.told_of_proxy.swap(true, Ordering::Relaxed) {
            warn!(
                %peer,
                "a peer sends X-Forwarded-For or Forwarded, and is not believed: if it is your reverse proxy, name its address in TRUSTED_PROXIES, else all its clients count as one"
            );
        }
    }
}
