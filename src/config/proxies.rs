//! The proxies whose word on whom they speak for is taken.

use std::net::IpAddr;

use ipnet::IpNet;

use super::value::items;

/// Those on the machine itself.
pub(super) const USUAL: &str = "127.0.0.0/8,::1";

/// What stands for no proxy at all: an empty variable is one that is not set.
const NONE: &str = "none";

/// Addresses and networks of reverse proxies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses and networks separated by commas.
    ///
    /// # Errors
    /// What they must be.
    pub fn parse(raw: &str) -> Result<Self, String> {
        if raw.trim().eq_ignore_ascii_case(NONE) {
            return Ok(Self::default());
        }
        let networks = items(raw).map(network).collect::<Option<_>>();
        networks.map(Self).ok_or_else(|| {
            format!("must be {NONE} or a list of addresses and networks such as 192.0.2.7 or 10.0.0.0/8")
        })
    }

    /// Whether nothing is said of a proxy: it is as it is by itself, or nobody is trusted.
    pub fn are_usual(&self) -> bool {
        self.0.is_empty() || Self::parse(USUAL).as_ref() == Ok(self)
    }

    /// Whether a proxy of this address is trusted.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(raw: &str) -> Option<IpNet> {
    match raw.parse::<IpAddr>() {
        Ok(address) => Some(address.to_canonical().into()),
        Err(_) => raw.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_told_apart() {
        let proxies = TrustedProxies::parse("127.0.0.0/8, ::1,192.0.2.7,2001:db8::/32,").unwrap();
        for (address, trusted) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::ffff:127.0.0.1", true),
            ("::1", true),
            ("::2", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(proxies.contains(address.parse().unwrap()), trusted, "{address}");
        }
    }

    #[test]
    fn nobody_may_be_trusted() {
        let proxies = TrustedProxies::parse("None").unwrap();
        assert!(!proxies.contains("127.0.0.1".parse().unwrap()));
        for wrong in ["10.0.0.0/33", "proxy.example", "none,10.0.0.1", "10.0.0.1:80"] {
            assert!(TrustedProxies::parse(wrong).is_err(), "{wrong}");
        }
    }
}
