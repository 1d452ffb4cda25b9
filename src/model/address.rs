//! Whom limits and throttles count as one client.

use std::net::{IpAddr, Ipv6Addr};

/// One client as far as a limit can tell: an IPv4 address, or the /64 of an IPv6 address, all of which belongs to one
/// customer and could otherwise be a fresh address for every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey(IpAddr);

impl AddressKey {
    /// Whom this address belongs to. An IPv4 address in IPv6 form is the same as by itself.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => Self(network(address, 64)),
        }
    }

    /// The address, or that of the network.
    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// The IPv6 /48 around it, as a customer may well have that many /64s: limits count it too, sixteen-fold.
    pub fn site(self) -> Option<Self> {
        match self.0 {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(Self(network(address, 48))),
        }
    }
}

fn network(address: Ipv6Addr, prefix: u32) -> IpAddr {
    let host_bits = 128 - prefix;
    IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> host_bits << host_bits))
}

/// As people write it, with the prefix where it is a network.
impl std::fmt::Display for AddressKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> AddressKey {
        AddressKey::of(text.parse().unwrap())
    }

    #[test]
    fn a_network_is_one_client() {
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("2001:db8::1").to_string(), "2001:db8::/64");
    }

    #[test]
    fn networks_of_one_site_are_counted_together_as_well() {
        assert_eq!(key("192.0.2.1").site(), None);
        assert_eq!(key("2001:db8::1").site(), key("2001:db8:0:1::1").site());
        assert_ne!(key("2001:db8::1").site(), key("2001:db8:1::1").site());
    }
}
