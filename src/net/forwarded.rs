//! Whom a proxy says that it speaks for, and over what: `X-Forwarded-For` and `X-Forwarded-Proto`, or `Forwarded`
//! (RFC 7239).
//!
//! Anyone can send these headers, so only a trusted proxy's are read, and of a list only as much as trusted proxies have
//! added: from its end on, up to the first address that is none of theirs. What cannot be read never fails a request; it
//! is then the last proxy's own.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HeaderName};

use crate::config::TrustedProxies;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whose request it is, among the extensions of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The most hops that are looked at: as many as a chain of proxies may reasonably have.
const MOST_HOPS: usize = 32;

/// The address of the client whose request has come from `peer`.
///
/// If both headers are there and do not agree, one of them was passed on as the client sent it: then it is the peer's.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> IpAddr {
    let peer = peer.to_canonical();
    if !proxies.contains(peer) {
        return peer;
    }
    let listed: Vec<_> = plain_list(headers, &X_FORWARDED_FOR).map(address).collect();
    let by_standard: Vec<_> = forwarded(headers, "for").map(|hop| hop.and_then(address)).collect();
    match (
        nearest_stranger(peer, &listed, proxies),
        nearest_stranger(peer, &by_standard, proxies),
    ) {
        (Some(one), Some(other)) if one != other => peer,
        (one, other) => one.or(other).unwrap_or(peer),
    }
}

/// Whether the client of a request that has come from `peer` speaks TLS, as far as a trusted proxy says so.
pub fn is_https(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> bool {
    if !proxies.contains(peer) {
        return false;
    }
    // The first of a list is the client's own connection. A forged one deceives only who forged it.
    let listed = plain_list(headers, &X_FORWARDED_PROTO).next();
    let by_standard = forwarded(headers, "proto").next().flatten();
    [listed, by_standard]
        .into_iter()
        .flatten()
        .any(|scheme| scheme.eq_ignore_ascii_case("https"))
}

/// Whether the headers say anything of a client behind the peer.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED)
}

/// The first address that is no trusted proxy's, from the end of a list on. If a hop cannot be read before that, or the
/// list is over, it is the last one that could. `None` without a list.
fn nearest_stranger(peer: IpAddr, hops: &[Option<IpAddr>], proxies: &TrustedProxies) -> Option<IpAddr> {
    let mut known = peer;
    for hop in hops.iter().rev().take(MOST_HOPS) {
        let Some(address) = *hop else {
            return Some(known);
        };
        if !proxies.contains(address) {
            return Some(address);
        }
        known = address;
    }
    (!hops.is_empty()).then_some(known)
}

/// What a header lists, perhaps over several lines.
fn plain_list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    lines(headers, name).flat_map(|line| line.split(',')).map(str::trim)
}

/// What each hop of `Forwarded` says of `name`.
fn forwarded<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = Option<&'a str>> {
    lines(headers, &FORWARDED)
        .flat_map(|line| split_unquoted(line, b','))
        .map(move |hop| parameter(hop, name))
}

/// A line that is no text says nothing, but it is there: what stands before it is not nearer for that.
fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter();
    lines.map(|line| line.to_str().unwrap_or_default())
}

/// The value of a parameter, without its quotes.
fn parameter<'a>(hop: &'a str, name: &str) -> Option<&'a str> {
    let value = split_unquoted(hop, b';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })?;
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Some(unquoted.unwrap_or(value))
}

/// The parts between separators that are in no quotes. A quote that is never closed runs to the end.
fn split_unquoted(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let part = rest?;
        match unquoted_position(part, separator) {
            Some(at) => {
                rest = Some(&part[at + 1..]);
                Some(&part[..at])
            }
            None => rest.take(),
        }
    })
}

fn unquoted_position(text: &str, separator: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.bytes().position(|byte| {
        let ends = byte == separator && !quoted;
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && quoted && !escaped;
        ends
    })
}

/// An address, perhaps with a port; IPv6 perhaps in brackets. Names, `unknown` and made-up identifiers are none.
fn address(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']'));
    let address: Option<IpAddr> = bare.unwrap_or(node).parse().ok();
    let with_port = || node.parse::<SocketAddr>().ok().map(|node| node.ip());
    address.or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const PROXIES: &str = "127.0.0.0/8,::1,10.0.0.0/8";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            (HeaderName::from_static(name), value)
        };
        lines.iter().map(line).collect()
    }

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let proxies = TrustedProxies::parse(PROXIES).unwrap();
        client_address(peer.parse().unwrap(), &headers(lines), &proxies).to_string()
    }

    #[test]
    fn the_nearest_address_that_is_no_proxys_is_the_clients() {
        let list = "x-forwarded-for";
        for (value, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("198.51.100.9, 192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, 10.1.2.3,10.9.9.9", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("127.0.0.1", "127.0.0.1"),
            ("10.0.0.1, 127.0.0.1", "10.0.0.1"),
            // What cannot be read is as near as one comes.
            ("192.0.2.1, unknown", "127.0.0.1"),
            ("192.0.2.1, unknown, 10.0.0.1", "10.0.0.1"),
            ("192.0.2.1,", "127.0.0.1"),
            ("", "127.0.0.1"),
            ("192.0.2.1, \u{fc}", "127.0.0.1"),
            ("192.0.2.1, \"", "127.0.0.1"),
        ] {
            assert_eq!(client("127.0.0.1", &[(list, value)]), expected, "{value:?}");
        }
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("::ffff:127.0.0.1", &[(list, "192.0.2.1")]), "192.0.2.1");
        assert_eq!(
            client("::1", &[(list, "192.0.2.1"), (list, "192.0.2.2")]),
            "192.0.2.2",
            "the last line is the nearest"
        );
        assert_eq!(client("::1", &[(list, "192.0.2.1"), (list, "\u{fc}")]), "::1");
    }

    #[test]
    fn the_standards_header_is_read_as_well() {
        for (value, expected) in [
            ("for=192.0.2.1", "192.0.2.1"),
            ("For=192.0.2.1;proto=http;by=203.0.113.43", "192.0.2.1"),
            ("proto=https; FOR = \"192.0.2.1:80\"", "192.0.2.1"),
            ("for=198.51.100.9, for=192.0.2.1, for=10.0.0.1", "192.0.2.1"),
            ("for=\"[2001:db8::1]\"", "2001:db8::1"),
            ("for=\"[2001:db8::1]:4711\";by=x", "2001:db8::1"),
            ("for=192.0.2.1;host=\"a,b;c\\\"d\"", "192.0.2.1"),
            ("for=unknown", "127.0.0.1"),
            ("for=_hidden", "127.0.0.1"),
            ("for=192.0.2.1, proto=https", "127.0.0.1"),
            ("for=192.0.2.1, for=\", for=192.0.2.2", "127.0.0.1"),
            ("for=\"192.0.2.1, for=192.0.2.2", "127.0.0.1"),
            (";;=,=;for", "127.0.0.1"),
        ] {
            assert_eq!(client("127.0.0.1", &[("forwarded", value)]), expected, "{value:?}");
        }
    }

    #[test]
    fn two_headers_that_disagree_give_nobody_another_address() {
        let both = |one, other| client("127.0.0.1", &[("x-forwarded-for", one), ("forwarded", other)]);
        assert_eq!(both("192.0.2.1", "for=192.0.2.1"), "192.0.2.1");
        assert_eq!(both("192.0.2.1", "for=192.0.2.2"), "127.0.0.1");
    }

    #[test]
    fn the_scheme_is_a_trusted_proxys_word() {
        let proxies = TrustedProxies::parse(PROXIES).unwrap();
        for (name, value, expected) in [
            ("x-forwarded-proto", "https", true),
            ("x-forwarded-proto", "HTTPS, http", true),
            ("x-forwarded-proto", "http, https", false),
            ("x-forwarded-proto", "", false),
            ("forwarded", "for=192.0.2.1;proto=https", true),
            ("forwarded", "proto=\"https\", proto=http", true),
            ("forwarded", "for=192.0.2.1, proto=https", false),
        ] {
            let headers = headers(&[(name, value)]);
            assert_eq!(
                is_https("::1".parse().unwrap(), &headers, &proxies),
                expected,
                "{value}"
            );
            assert!(!is_https("192.0.2.1".parse().unwrap(), &headers, &proxies), "{value}");
        }
    }

    fn some_hop() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<IpAddr>().prop_map(|address| address.to_string()),
            any::<SocketAddr>().prop_map(|address| address.to_string()),
            any::<[u8; 3]>().prop_map(|[b, c, d]| format!("10.{b}.{c}.{d}")),
            "[ \t\",;=\\\\a-zA-Z0-9:.\\[\\]_]{0,20}",
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read(lines in prop::collection::vec((0..3_usize, prop::collection::vec(0x20..=255_u8, 0..200)), 0..6)) {
            let names = [X_FORWARDED_FOR, FORWARDED, X_FORWARDED_PROTO];
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(names[name].clone(), HeaderValue::from_bytes(&value).unwrap_or(HeaderValue::from_static("")));
            }
            let proxies = TrustedProxies::parse(PROXIES).unwrap();
            client_address("127.0.0.1".parse().unwrap(), &headers, &proxies);
            is_https("127.0.0.1".parse().unwrap(), &headers, &proxies);
        }

        #[test]
        fn a_stranger_is_never_believed(address: IpAddr, hops in prop::collection::vec(some_hop(), 0..5)) {
            let proxies = TrustedProxies::parse(PROXIES).unwrap();
            prop_assume!(!proxies.contains(address));
            let list = hops.join(",");
            let headers = headers(&[("x-forwarded-for", &list), ("forwarded", &format!("for={list}"))]);
            prop_assert_eq!(client_address(address, &headers, &proxies), address.to_canonical());
        }

        /// What a trusted proxy has added at the end counts, whatever its client has put before it.
        #[test]
        fn what_stands_before_a_stranger_is_never_believed(address: IpAddr, hops in prop::collection::vec(some_hop(), 0..5), own in 0..2_usize) {
            let proxies = TrustedProxies::parse(PROXIES).unwrap();
            prop_assume!(!proxies.contains(address));
            let peer = "127.0.0.1".parse().unwrap();
            let own = if own == 0 { "" } else { ", 10.0.0.9" };
            let forged = hops.join(",");
            let list = headers(&[("x-forwarded-for", &format!("{forged}, {address}{own}"))]);
            prop_assert_eq!(client_address(peer, &list, &proxies), address.to_canonical());
            let standard = headers(&[("forwarded", &format!("{forged}, for=\"{}\"", SocketAddr::new(address, 1)))]);
            let found = client_address(peer, &standard, &proxies);
            // A quote that is never closed hides what the proxy has added: then nothing is known.
            prop_assert!(found == address.to_canonical() || found == peer || forged.contains('"'), "{found}");
            prop_assert!(found == address.to_canonical() || proxies.contains(found), "{found}");
        }
    }
}
