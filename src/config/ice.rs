//! The STUN and TURN servers that pages are told of, checked so that every browser takes them.

use std::fmt;
use std::net::Ipv6Addr;
use std::num::NonZeroU16;

use axum::http::uri::Authority;

use super::value::items;

const FORM: &str = "must be a list such as stun:turn.example:3478,turns:turn.example?transport=tcp";

/// The servers, each a URL of RFC 7064 (STUN) or RFC 7065 (TURN).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IceServers {
    stun: Vec<String>,
    turn: Vec<String>,
}

impl IceServers {
    /// Reads URLs separated by commas.
    ///
    /// # Errors
    /// What they must be.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let mut servers = Self::default();
        for item in items(raw) {
            let (scheme, rest) = item.split_once(':').ok_or(FORM)?;
            let scheme = scheme.to_ascii_lowercase();
            let (list, rest) = match scheme.as_str() {
                "stun" | "stuns" => (&mut servers.stun, place(rest)?),
                "turn" | "turns" => (&mut servers.turn, relay(rest)?),
                _ => return Err(FORM.to_owned()),
            };
            list.push(format!("{scheme}:{rest}"));
        }
        Ok(servers)
    }

    /// Those that need no credentials.
    pub fn stun(&self) -> &[String] {
        &self.stun
    }

    /// Those that need them.
    pub fn turn(&self) -> &[String] {
        &self.turn
    }
}

/// A place, and perhaps how it is reached: browsers know UDP and TCP.
fn relay(raw: &str) -> Result<&str, String> {
    match raw.split_once('?') {
        None => place(raw),
        Some((before, "transport=udp" | "transport=tcp")) => place(before).map(|_| raw),
        Some(_) => Err("may say only ?transport=udp or ?transport=tcp after a turn: or turns: server".to_owned()),
    }
}

/// A host, and perhaps a port. Browsers take neither `//` nor a path.
fn place(raw: &str) -> Result<&str, String> {
    let authority: Authority = raw.parse().map_err(|_| FORM)?;
    let host = authority.host();
    let is_address = host.starts_with('[') && host.trim_matches(['[', ']']).parse::<Ipv6Addr>().is_ok();
    let is_name = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    let is_port = |port: &str| port.chars().all(|c| c.is_ascii_digit()) && port.parse::<NonZeroU16>().is_ok();
    let port = raw.strip_prefix(host).ok_or(FORM)?;
    if (is_address || is_name) && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)) {
        return Ok(raw);
    }
    Err(FORM.to_owned())
}

/// What is shared with the TURN server, to make credentials from. It never reaches a log: its `Debug` does not tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnSecret(String);

impl TurnSecret {
    /// The most characters it may have.
    pub const MAX_CHARS: usize = 256;

    /// Checks a secret.
    ///
    /// # Errors
    /// What it must be, without telling what it is.
    pub fn parse(raw: &str) -> Result<Self, String> {
        // The TURN server's own configuration is a file of lines, which could not hold others.
        if raw.is_empty() || raw.len() > Self::MAX_CHARS || !raw.chars().all(|c| c.is_ascii_graphic()) {
            return Err(format!(
                "must have 1 to {} ASCII characters and no spaces",
                Self::MAX_CHARS
            ));
        }
        Ok(Self(raw.to_owned()))
    }

    /// The secret itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TurnSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_two_standards_is_taken() {
        let raw =
            "stun:192.0.2.1, STUNS:a.example:5349,turn:[2001:db8::1]:3478?transport=udp,turns:a.example?transport=tcp,";
        let servers = IceServers::parse(raw).unwrap();
        assert_eq!(servers.stun(), ["stun:192.0.2.1", "stuns:a.example:5349"]);
        assert_eq!(
            servers.turn(),
            ["turn:[2001:db8::1]:3478?transport=udp", "turns:a.example?transport=tcp"]
        );
    }

    #[test]
    fn what_a_browser_would_refuse_is_refused() {
        for raw in [
            "a.example",
            "a.example:3478",
            "stun:",
            "stun://a.example",
            "stun:a.example/path",
            "stun:user@a.example",
            "stun:a.example:",
            "stun:a.example:0",
            "stun:a.example:65536",
            "stun:a.example:+1",
            "stun:[a.example]",
            "stun:2001:db8::1",
            "stun:a.example?transport=udp",
            "turn:a.example?transport=sctp",
            "turn:?transport=udp",
            "stun:a.example turn:a.example",
            "https://a.example",
        ] {
            assert!(IceServers::parse(raw).is_err(), "{raw}");
        }
    }
}
