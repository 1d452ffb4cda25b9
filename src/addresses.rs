//! The addresses by which the server is reached, as people type them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// An address on another network, which exists nowhere (RFC 5737). To find the way there sends nothing.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// Where the server is, at least one address.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Where it listens.
    pub listening: Vec<SocketAddr>,
    /// Whether it speaks TLS there.
    pub is_https: bool,
    /// The names that others type rather than an address, as far as any are known.
    pub names: Vec<String>,
}

impl Addresses {
    /// Every origin once: those by name, then how a browser on this machine writes it (both loopbacks are `localhost`, and so is "every
    /// address"), then how others do, by these addresses of the machine.
    pub fn origins(&self, interfaces: &[IpAddr]) -> Vec<String> {
        let all = self.listening.iter().copied().chain(self.elsewhere(interfaces));
        self.with_names(self.written(all))
    }

    /// Those that others can type. Only if there are none, those for this machine.
    pub fn for_others(&self, interfaces: &[IpAddr]) -> Vec<String> {
        let own = self.listening.iter().copied();
        let own = own.filter(|address| !address.ip().is_unspecified() && can_be_typed(&address.ip()));
        let typed = self.written(own.chain(self.elsewhere(interfaces)));
        if typed.is_empty() {
            self.origins(interfaces)
        } else {
            self.with_names(typed)
        }
    }

    /// The same after those by name. What listens for this machine only is known to others by none.
    fn with_names(&self, origins: Vec<String>) -> Vec<String> {
        let reached = self.listening.iter().find(|address| !address.ip().is_loopback());
        let named = reached.into_iter().flat_map(|at| {
            let named = self.names.iter();
            named.map(|name| self.written_as(name, at.port()))
        });
        named.chain(origins).collect()
    }

    /// Where others reach what listens on "every address": under each of the machine's own.
    fn elsewhere(&self, interfaces: &[IpAddr]) -> impl Iterator<Item = SocketAddr> {
        let everywhere = self.listening.iter().filter(|address| address.ip().is_unspecified());
        // Alone, `::` takes IPv4 too.
        let takes_both = self.listening.len() == 1;
        everywhere.flat_map(move |address| {
            let is_taken = move |ip: &&IpAddr| takes_both && address.is_ipv6() || ip.is_ipv4() == address.is_ipv4();
            let typed = interfaces.iter().filter(is_taken).filter(|ip| can_be_typed(ip));
            typed.map(|ip| SocketAddr::new(*ip, address.port()))
        })
    }

    fn written(&self, addresses: impl Iterator<Item = SocketAddr>) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let origins = addresses.map(|address| self.origin(&address));
        origins.filter(|origin| seen.insert(origin.clone())).collect()
    }

    fn origin(&self, address: &SocketAddr) -> String {
        let host = match address.ip() {
            ip if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        self.written_as(&host, address.port())
    }

    fn written_as(&self, host: &str, port: u16) -> String {
        let (scheme, usual) = if self.is_https { ("https", 443) } else { ("http", 80) };
        match port {
            port if port == usual => format!("{scheme}://{host}"),
            port => format!("{scheme}://{host}:{port}"),
        }
    }
}

/// The machine's own addresses: that by which it reaches other networks first, and those of IPv4, which are shorter to type,
/// before those of IPv6. Where the system does not tell them, there are fewer.
pub fn interfaces() -> Vec<IpAddr> {
    let found = if_addrs::get_if_addrs().unwrap_or_default();
    let mut found: Vec<IpAddr> = found.iter().map(if_addrs::Interface::ip).collect();
    let main = way_out();
    found.sort_by_key(|ip| (Some(*ip) != main, ip.is_ipv6()));
    found
}

fn way_out() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Whether an address means the same on another machine; a link-local one of IPv6 needs the name of an interface there.
pub fn can_be_typed(ip: &IpAddr) -> bool {
    let is_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !is_local && !ip.is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "http://localhost:3000";
    const V4: &str = "http://192.0.2.7:3000";
    const V6: &str = "http://[2001:db8::7]:3000";

    fn machine() -> Vec<IpAddr> {
        let addresses = ["127.0.0.1", "192.0.2.7", "::1", "fe80::1", "2001:db8::7", "169.254.0.9"];
        addresses.map(|ip| ip.parse().unwrap()).to_vec()
    }

    fn at(listening: &[&str]) -> Addresses {
        Addresses {
            listening: listening.iter().map(|address| address.parse().unwrap()).collect(),
            is_https: false,
            names: Vec::new(),
        }
    }

    #[test]
    fn names_come_first_where_others_reach_it() {
        let named = |listening| Addresses {
            is_https: true,
            names: vec!["class.example".to_owned(), "b.example".to_owned()],
            ..at(&[listening])
        };
        let (first, second) = ("https://class.example", "https://b.example");
        let everywhere = named("0.0.0.0:443");
        assert_eq!(
            everywhere.origins(&machine()),
            [first, second, "https://localhost", "https://192.0.2.7"]
        );
        assert_eq!(everywhere.for_others(&machine()), [first, second, "https://192.0.2.7"]);
        assert_eq!(named("192.0.2.9:8443").for_others(&[])[0], "https://class.example:8443");
        assert_eq!(named("127.0.0.1:443").for_others(&machine()), ["https://localhost"]);
    }

    #[test]
    fn every_address_is_said_as_others_type_it() {
        let origins = |listening: &[&str]| at(listening).origins(&machine());
        assert_eq!(origins(&["0.0.0.0:3000"]), [LOCAL, V4]);
        assert_eq!(origins(&["[::]:3000", "0.0.0.0:3000"]), [LOCAL, V6, V4]);
        assert_eq!(origins(&["[::]:3000"]), [LOCAL, V4, V6]);
        assert_eq!(origins(&["127.0.0.1:3000"]), [LOCAL]);
        let secure = Addresses {
            is_https: true,
            ..at(&["0.0.0.0:443"])
        };
        assert_eq!(secure.origins(&machine()), ["https://localhost", "https://192.0.2.7"]);
    }

    #[test]
    fn others_are_told_of_this_machine_only_if_there_is_nothing_else() {
        let for_others = |listening: &[&str]| at(listening).for_others(&machine());
        assert_eq!(for_others(&["0.0.0.0:3000"]), [V4]);
        assert_eq!(
            for_others(&["127.0.0.1:3000", "192.0.2.9:3000"]),
            ["http://192.0.2.9:3000"]
        );
        assert_eq!(for_others(&["127.0.0.1:3000", "[::1]:3000"]), [LOCAL]);
        assert_eq!(
            at(&["0.0.0.0:3000"]).for_others(&["127.0.0.1".parse().unwrap()]),
            [LOCAL]
        );
    }
}
