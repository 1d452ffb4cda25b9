//! What a newcomer reads at start: at most ten lines.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::config::{BasePath, ReviewToken};

/// The most addresses that are told one by one.
const MAX_ORIGINS: usize = 4;

/// What the reader is to know of a server that has started.
#[derive(Debug)]
pub struct Banner<'a> {
    /// Where it listens, at least one address.
    pub addresses: &'a [SocketAddr],
    /// The path below which everything is.
    pub base_path: &'a BasePath,
    /// Where the review listens, if not there.
    pub review: Option<&'a [SocketAddr]>,
    /// This machine's own addresses, for those who cannot type `localhost`.
    pub interfaces: &'a [IpAddr],
    /// The token that the server has made; `None` if the user has set one, who then knows it.
    pub made_token: Option<&'a ReviewToken>,
    /// The history's file, absolute.
    pub database: &'a Path,
    /// The served exercise page, if any.
    pub static_dir: Option<&'a Path>,
}

impl Banner<'_> {
    /// The lines, each ended.
    pub fn text(&self) -> String {
        let base = self.base_path.as_str();
        let below = |address: String| format!("{address}{base}");
        let origins = origins(&reachable(self.addresses, self.interfaces));
        let origins: Vec<_> = origins.into_iter().map(below).collect();
        let first = origins.first().map(String::as_str).unwrap_or_default();
        let review = self
            .review
            .and_then(|addresses| addresses.first())
            .map(origin)
            .map(below);
        let review = review.as_deref().unwrap_or(first);
        let (link, token) = match self.made_token {
            Some(token) => (
                format!("{review}/review?token={}", token.as_str()),
                "the token of that link",
            ),
            None => (format!("{review}/review (with your REVIEW_TOKEN)"), "your REVIEW_TOKEN"),
        };
        let mut lines = vec![format!("chatroom-server {} is running.", env!("CARGO_PKG_VERSION"))];
        for (index, origin) in origins.iter().take(MAX_ORIGINS).enumerate() {
            let label = if index == 0 { "Clients connect to" } else { "" };
            lines.push(row(label, origin));
        }
        if let Some(directory) = self.static_dir {
            lines.push(row(
                "Your page is at",
                &format!("{first}/ (from {})", directory.display()),
            ));
        }
        lines.push(row("Review a class at", &link));
        lines.push(row(
            "Ask by REST at",
            &format!("{review}/api/v1, header \"Authorization: Bearer\" and {token}"),
        ));
        lines.push(row("The history is in", &self.database.display().to_string()));
        lines.push(row("To stop it", "press Ctrl-C"));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

fn row(label: &str, text: &str) -> String {
    format!("  {label:<20}{text}")
}

/// Where others reach what listens on "every address": under each of the machine's own, after `localhost`.
fn reachable(addresses: &[SocketAddr], interfaces: &[IpAddr]) -> Vec<SocketAddr> {
    let everywhere = addresses.iter().filter(|address| address.ip().is_unspecified());
    let elsewhere = everywhere.flat_map(|address| {
        let same_family = |ip: &&IpAddr| ip.is_ipv4() == address.is_ipv4();
        let typed = interfaces.iter().filter(same_family).filter(|ip| can_be_typed(ip));
        typed.map(|ip| SocketAddr::new(*ip, address.port()))
    });
    addresses.iter().copied().chain(elsewhere).collect()
}

/// Whether an address means the same on another machine; a link-local one of IPv6 needs the name of an interface there.
fn can_be_typed(ip: &IpAddr) -> bool {
    let is_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !is_local && !ip.is_loopback()
}

/// How a browser on this machine writes each address: both loopbacks are `localhost`, and so is "every address".
fn origins(addresses: &[SocketAddr]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    addresses
        .iter()
        .map(origin)
        .filter(|origin| seen.insert(origin.clone()))
        .collect()
}

fn origin(address: &SocketAddr) -> String {
    let port = address.port();
    match address.ip() {
        ip if ip.is_loopback() || ip.is_unspecified() => format!("http://localhost:{port}"),
        IpAddr::V4(ip) => format!("http://{ip}:{port}"),
        IpAddr::V6(ip) => format!("http://[{ip}]:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(addresses: &[&str], token: Option<&str>, static_dir: Option<&str>) -> String {
        let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let token = token.map(|token| ReviewToken::parse(token).unwrap());
        let banner = Banner {
            addresses: &addresses,
            base_path: &BasePath::default(),
            review: None,
            interfaces: &[],
            made_token: token.as_ref(),
            database: Path::new("/home/li/chatroom.db"),
            static_dir: static_dir.map(Path::new),
        };
        banner.text()
    }

    #[test]
    fn a_first_start_says_where_everything_is() {
        let expected = concat!(
            "chatroom-server ",
            env!("CARGO_PKG_VERSION"),
            " is running.\n",
            "  Clients connect to  http://localhost:3000\n",
            "  Review a class at   http://localhost:3000/review?token=0123456789abcdef\n",
            "  Ask by REST at      http://localhost:3000/api/v1, header \"Authorization: Bearer\" and the token of that link\n",
            "  The history is in   /home/li/chatroom.db\n",
            "  To stop it          press Ctrl-C\n",
        );
        assert_eq!(
            text(&["127.0.0.1:3000", "[::1]:3000"], Some("0123456789abcdef"), None),
            expected
        );
    }

    #[test]
    fn a_token_of_the_users_own_is_only_mentioned() {
        let text = text(&["0.0.0.0:3000"], None, None);
        assert!(
            text.contains("http://localhost:3000/review (with your REVIEW_TOKEN)"),
            "{text}"
        );
        assert!(!text.contains("token="), "{text}");
    }

    #[test]
    fn every_address_is_said_as_others_type_it() {
        let interfaces = ["127.0.0.1", "192.0.2.7", "::1", "fe80::1", "2001:db8::7", "169.254.0.9"];
        let interfaces = interfaces.map(|ip| ip.parse().unwrap());
        let origins = |addresses: &[&str]| {
            let addresses: Vec<_> = addresses.iter().map(|address| address.parse().unwrap()).collect();
            super::origins(&reachable(&addresses, &interfaces))
        };
        let (local, v4, v6) = (
            "http://localhost:3000",
            "http://192.0.2.7:3000",
            "http://[2001:db8::7]:3000",
        );
        assert_eq!(origins(&["0.0.0.0:3000"]), [local, v4]);
        assert_eq!(origins(&["[::]:3000", "0.0.0.0:3000"]), [local, v6, v4]);
        assert_eq!(origins(&["127.0.0.1:3000"]), [local]);
    }

    #[test]
    fn the_review_may_be_elsewhere() {
        let banner = Banner {
            addresses: &["0.0.0.0:3000".parse().unwrap()],
            base_path: &BasePath::parse("/signal").unwrap(),
            review: Some(&["192.0.2.1:3001".parse().unwrap(), "[::1]:3001".parse().unwrap()]),
            interfaces: &[],
            made_token: None,
            database: Path::new("/home/li/chatroom.db"),
            static_dir: Some(Path::new("/srv/page")),
        };
        let text = banner.text();
        for line in [
            "Clients connect to  http://localhost:3000/signal\n",
            "Your page is at     http://localhost:3000/signal/ (",
            "Review a class at   http://192.0.2.1:3001/signal/review (",
            "Ask by REST at      http://192.0.2.1:3001/signal/api/v1,",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn ten_lines_are_enough_for_everything() {
        let addresses = [
            "127.0.0.1:1",
            "[2001:db8::1]:1",
            "192.0.2.1:1",
            "192.0.2.2:1",
            "192.0.2.3:1",
            "192.0.2.4:1",
        ];
        let text = text(&addresses, Some("0123456789abcdef"), Some("/srv/page"));
        assert_eq!(text.lines().count(), 10, "{text}");
        assert!(text.contains("http://[2001:db8::1]:1\n"), "{text}");
        assert!(
            text.contains("Your page is at     http://localhost:1/ (from /srv/page)\n"),
            "{text}"
        );
    }
}
