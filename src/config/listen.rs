//! A port of a part's own, and at which addresses.

use super::value::{Hosts, items};

const FORM: &str = "must be a port, or a list of hosts all with one port, such as 3001 or localhost:3001";

/// Where a part of the server listens by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAt {
    hosts: Option<Hosts>,
    port: u16,
}

impl ListenAt {
    /// Reads a port, or hosts each with the same port.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(raw: &str) -> Result<Self, String> {
        if let Ok(port) = raw.trim().parse() {
            return Ok(Self { hosts: None, port });
        }
        let places: Vec<(&str, &str)> = items(raw)
            .map(|item| item.rsplit_once(':'))
            .collect::<Option<_>>()
            .ok_or(FORM)?;
        let (_, first) = places.first().ok_or(FORM)?;
        // An address of IPv6 without brackets would lose its last part to the port.
        let is_odd = |(host, port): &(&str, &str)| port != first || (host.contains(':') && !host.starts_with('['));
        if places.iter().any(is_odd) {
            return Err(FORM.to_owned());
        }
        let hosts: Vec<&str> = places.iter().map(|(host, _)| *host).collect();
        Ok(Self {
            hosts: Some(Hosts::parse(&hosts.join(",")).map_err(|_| FORM)?),
            port: first.parse().map_err(|_| FORM)?,
        })
    }

    /// The same hosts, at any free port.
    #[must_use]
    pub fn at_free_port(&self) -> Self {
        Self {
            hosts: self.hosts.clone(),
            port: 0,
        }
    }

    /// Where, if more than a port was given.
    pub fn hosts(&self) -> Option<&Hosts> {
        self.hosts.as_ref()
    }

    /// The port; 0 is any free one.
    pub fn port(&self) -> u16 {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_or_hosts_with_one_port() {
        for (raw, hosts, port) in [
            ("3001", None, 3001),
            (" 0 ", None, 0),
            ("localhost:3001", Some("localhost"), 3001),
            ("0.0.0.0:81, [::]:81", Some("0.0.0.0,::"), 81),
            ("review.example:443,", Some("review.example"), 443),
        ] {
            let listen = ListenAt::parse(raw).unwrap();
            let expected = hosts.map(|hosts| Hosts::parse(hosts).unwrap());
            assert_eq!((listen.hosts(), listen.port()), (expected.as_ref(), port), "{raw}");
        }
        for raw in [
            "",
            ",",
            "localhost",
            "localhost:",
            ":3001",
            "localhost:65536",
            "localhost:81,127.0.0.1:82",
            "::1:3001",
            "http://localhost:3001",
            "3001,3002",
        ] {
            assert_eq!(ListenAt::parse(raw), Err(FORM.to_owned()), "{raw}");
        }
    }
}
