//! How many new names each address has brought to a session: one address cannot fill it.

use std::collections::BTreeMap;

use crate::model::address::AddressKey;

/// How many new names each address has brought. A restart forgets it; the session's own bound holds all the same.
#[derive(Debug, Clone, Default)]
pub(super) struct NewcomerCounts {
    networks: BTreeMap<AddressKey, usize>,
    sites: BTreeMap<AddressKey, usize>,
}

impl NewcomerCounts {
    /// By how much more a whole IPv6 site may bring than one of its networks. No more, or the session's own bound would
    /// be the only one for who has a site.
    const SITE_FACTOR: usize = 2;

    pub(super) fn count(&mut self, address: AddressKey) {
        *self.networks.entry(address).or_default() += 1;
        if let Some(site) = address.site() {
            *self.sites.entry(site).or_default() += 1;
        }
    }

    /// Whether this address has brought so many.
    pub(super) fn has_reached(&self, address: AddressKey, most: usize) -> bool {
        let of = |counts: &BTreeMap<AddressKey, usize>, key| counts.get(&key).copied().unwrap_or_default();
        let site = address.site().map_or(0, |site| of(&self.sites, site));
        of(&self.networks, address) >= most || site >= most.saturating_mul(Self::SITE_FACTOR)
    }
}
