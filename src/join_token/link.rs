//! The address by which somebody comes in.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::claims::Grant;
use crate::model::id::Username;

/// What needs no escaping in a part of an address (RFC 3986).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a page is that people come in by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageAddress(String);

impl PageAddress {
    const MAX_CHARS: usize = 512;

    /// Reads an address such as `https://class.example/`.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(raw: &str) -> Result<Self, String> {
        const FORM: &str = "must be the address of a page such as https://class.example/, without ? and #";
        let raw = raw.trim();
        let rest = raw.strip_prefix("https://").or_else(|| raw.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let is_plain = |c: char| c.is_ascii_graphic() && !"?#\"'<>\\^`{|}@".contains(c);
        if host.is_empty() || raw.len() > Self::MAX_CHARS || !raw.chars().all(is_plain) {
            return Err(FORM.to_owned());
        }
        Ok(Self(raw.to_owned()))
    }
}

/// A link to the page that comes in with this token. It is behind the `#`, which browsers send to nobody: no log of a
/// server has it.
pub fn link(page: &PageAddress, grant: &Grant, token: &str) -> String {
    let room = grant
        .room
        .room()
        .map(|room| format!("?room={}", escaped(room.as_str())));
    let name = grant.name.as_ref().map(Username::as_str);
    let name = name.map(|name| format!("&name={}", escaped(name)));
    let (room, name) = (room.unwrap_or_default(), name.unwrap_or_default());
    format!("{}{room}#token={token}{name}", page.0)
}

fn escaped(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, ESCAPED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::join_token::RoomPattern;
    use crate::model::time::Timestamp;

    #[test]
    fn a_link_has_the_room_and_behind_the_hash_who_comes() {
        let page = PageAddress::parse(" https://class.example/room/ ").unwrap();
        let link = |room: &str, name: Option<&str>| {
            let grant = Grant {
                room: RoomPattern::parse(room).unwrap(),
                name: name.map(|name| Username::parse(name).unwrap()),
                expires_at: Timestamp(0),
            };
            super::link(&page, &grant, "a.b.c")
        };
        assert_eq!(
            link("Year 7 & é", Some("Ann #1")),
            "https://class.example/room/?room=Year%207%20%26%20%C3%A9#token=a.b.c&name=Ann%20%231"
        );
        assert_eq!(link("lesson-*", None), "https://class.example/room/#token=a.b.c");
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        for raw in [
            "",
            "class.example",
            "https://",
            "https:///",
            "javascript:alert(1)",
            "https://a.example/?room=x",
            "https://a.example/#token",
            "https://a.example/\"><script>",
            "https://user@a.example/",
            "https://a.example/a b",
            "https://é.example/",
            &format!("https://a.example/{}", "x".repeat(512)),
        ] {
            assert!(PageAddress::parse(raw).is_err(), "{raw}");
        }
        PageAddress::parse("http://localhost:3000").unwrap();
    }
}
