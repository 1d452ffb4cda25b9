//! Where the review is, and what opens it.

use std::fmt;

use super::value::{Hosts, items};

const FORM: &str = "must be a port, or a list of hosts all with one port, such as 3001 or localhost:3001";

/// Where the review listens, if not where everything does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewListen {
    hosts: Option<Hosts>,
    port: u16,
}

impl ReviewListen {
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

    /// Where, if not at the hosts of everything else.
    pub fn hosts(&self) -> Option<&Hosts> {
        self.hosts.as_ref()
    }

    /// The port; 0 is any free one.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// The secret a reviewer shows. It never reaches a log: its `Debug` does not tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct ReviewToken(String);

impl ReviewToken {
    /// A token of one's own with fewer characters can be guessed.
    pub const SAFE_CHARS: usize = 16;
    /// The most characters it may have.
    pub const MAX_CHARS: usize = 256;

    /// Checks a token of one's own.
    ///
    /// # Errors
    /// What it must be, without telling what it is.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let length = 1..=Self::MAX_CHARS;
        if !length.contains(&raw.len()) {
            return Err(format!("must have {} to {} characters", length.start(), length.end()));
        }
        // These need no escaping in a link or a header, so what is typed is what arrives.
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
        if !raw.chars().all(valid) {
            return Err("may hold only letters, digits, and - . _ ~".to_owned());
        }
        Ok(Self(raw.to_owned()))
    }

    /// A token nobody can guess: 256 random bits.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(hex::encode(bytes)))
    }

    /// Whether it is short enough to be guessed.
    pub fn is_short(&self) -> bool {
        self.0.len() < Self::SAFE_CHARS
    }

    /// The secret itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ReviewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReviewToken(..)")
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
            let listen = ReviewListen::parse(raw).unwrap();
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
            assert_eq!(ReviewListen::parse(raw), Err(FORM.to_owned()), "{raw}");
        }
    }
}
