//! What a newcomer reads at start: a line for each thing that there is.

use std::net::IpAddr;
use std::path::Path;

use crate::addresses::Addresses;
use crate::config::{BasePath, ReviewToken};

/// What the reader is to know of a server that has started.
#[derive(Debug)]
pub struct Banner<'a> {
    /// Where it listens.
    pub addresses: &'a Addresses,
    /// The path below which everything is.
    pub base_path: &'a BasePath,
    /// Where the review is.
    pub review: &'a Addresses,
    /// Where metrics are read, if anywhere.
    pub metrics: Option<&'a Addresses>,
    /// This machine's own addresses, for those who cannot type `localhost`.
    pub interfaces: &'a [IpAddr],
    /// What opens the review.
    pub token: ToldToken<'a>,
    /// What people call where the history is: a file, absolute, or a database's name, host and schema.
    pub database: &'a str,
    /// The served exercise page, if any.
    pub static_dir: Option<&'a Path>,
}

/// How the reader learns the review's token.
#[derive(Debug, Clone, Copy)]
pub enum ToldToken<'a> {
    /// The user has set it, and knows it.
    Known,
    /// The server has made it, and tells it.
    Told(&'a ReviewToken),
    /// The server has made it, and others see what is printed: it is in this file.
    Kept(&'a Path),
    /// The same, and the database has it.
    InDatabase,
}

impl Banner<'_> {
    /// The lines, each ended.
    pub fn text(&self) -> String {
        let base = self.base_path.as_str();
        let below = |address: &String| format!("{address}{base}");
        let origins = self.addresses.origins(self.interfaces);
        let first = origins.first().map(below).unwrap_or_default();
        let review = self.review.origins(&[]).first().map(below).unwrap_or_default();
        let (link, token) = self.token.told(&review);
        let mut lines = vec![format!("chatroom-server {} is running.", env!("CARGO_PKG_VERSION"))];
        for (index, origin) in origins.iter().map(below).enumerate() {
            let label = if index == 0 { "Clients connect to" } else { "" };
            lines.push(row(label, &origin));
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
        lines.push(row("The history is in", self.database));
        if let Some(metrics) = self.metrics.and_then(|metrics| metrics.origins(&[]).into_iter().next()) {
            lines.push(row("Metrics are at", &format!("{metrics}/metrics")));
        }
        lines.push(row("To stop it", "press Ctrl-C"));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl ToldToken<'_> {
    /// The way to the review that is there, and which token is meant.
    fn told(self, review: &str) -> (String, &'static str) {
        match self {
            Self::Known => (format!("{review}/review (with your REVIEW_TOKEN)"), "your REVIEW_TOKEN"),
            Self::Told(token) => (
                format!("{review}/review?token={}", token.as_str()),
                "the token of that link",
            ),
            Self::Kept(file) => (
                format!("{review}/review (with the token in {})", file.display()),
                "that token",
            ),
            Self::InDatabase => (
                format!("{review}/review (with the token that `chatroom-server show-review-token` prints)"),
                "that token",
            ),
        }
    }
}

fn row(label: &str, text: &str) -> String {
    format!("  {label:<20}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(addresses: &[&str]) -> Addresses {
        Addresses {
            listening: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            is_https: false,
            names: Vec::new(),
        }
    }

    fn text(addresses: &Addresses, token: ToldToken<'_>, static_dir: Option<&str>) -> String {
        let banner = Banner {
            addresses,
            base_path: &BasePath::default(),
            review: addresses,
            metrics: None,
            interfaces: &["192.0.2.7".parse().unwrap()],
            token,
            database: "/home/li/chatroom.db",
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
        let token = ReviewToken::parse("0123456789abcdef").unwrap();
        let addresses = at(&["127.0.0.1:3000", "[::1]:3000"]);
        assert_eq!(text(&addresses, ToldToken::Told(&token), None), expected);
    }

    #[test]
    fn a_token_of_the_users_own_is_only_mentioned() {
        let text = text(&at(&["0.0.0.0:3000"]), ToldToken::Known, None);
        assert!(
            text.contains("http://localhost:3000/review (with your REVIEW_TOKEN)"),
            "{text}"
        );
        assert!(!text.contains("token="), "{text}");
    }

    #[test]
    fn a_token_that_others_must_not_see_is_where_it_is_kept() {
        let file = Path::new("/home/li/chatroom.db.review-token");
        let text = text(&at(&["0.0.0.0:3000"]), ToldToken::Kept(file), None);
        let line = "http://localhost:3000/review (with the token in /home/li/chatroom.db.review-token)\n";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("and that token\n"), "{text}");
        let text = self::text(&at(&["0.0.0.0:3000"]), ToldToken::InDatabase, None);
        assert!(
            text.contains("(with the token that `chatroom-server show-review-token` prints)\n"),
            "{text}"
        );
    }

    #[test]
    fn the_review_may_be_elsewhere() {
        let secure = |addresses: &[&str]| Addresses {
            is_https: true,
            ..at(addresses)
        };
        let banner = Banner {
            addresses: &secure(&["0.0.0.0:3000"]),
            base_path: &BasePath::parse("/signal").unwrap(),
            review: &secure(&["192.0.2.1:3001", "[::1]:3001"]),
            metrics: Some(&at(&["127.0.0.1:9464", "[::1]:9464"])),
            interfaces: &[],
            token: ToldToken::Known,
            database: "/home/li/chatroom.db",
            static_dir: Some(Path::new("/srv/page")),
        };
        let text = banner.text();
        for line in [
            "Clients connect to  https://localhost:3000/signal\n",
            "Your page is at     https://localhost:3000/signal/ (",
            "Review a class at   https://192.0.2.1:3001/signal/review (",
            "Ask by REST at      https://192.0.2.1:3001/signal/api/v1,",
            "Metrics are at      http://localhost:9464/metrics\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn every_address_has_a_line() {
        let addresses = at(&[
            "127.0.0.1:1",
            "[2001:db8::1]:1",
            "192.0.2.1:1",
            "192.0.2.2:1",
            "0.0.0.0:1",
        ]);
        let text = text(&addresses, ToldToken::Known, Some("/srv/page"));
        for origin in ["localhost", "[2001:db8::1]", "192.0.2.1", "192.0.2.2", "192.0.2.7"] {
            assert!(text.contains(&format!("  http://{origin}:1\n")), "{text}");
        }
        assert!(
            text.contains("Your page is at     http://localhost:1/ (from /srv/page)\n"),
            "{text}"
        );
    }
}
