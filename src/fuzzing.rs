//! What reads strangers' bytes, each under a name: for the targets in `fuzz`, and for the test that feeds them what those
//! have found worth keeping. A target panics if something is wrong.

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::TrustedProxies;
use crate::net::forwarded;
use crate::{net, signaling, static_files, web};

/// Reads any bytes.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: [(&str, Target); 8] = [
    ("frames", net::fuzzing::frames),
    ("records", signaling::fuzzing::records),
    ("message", signaling::fuzzing::message),
    ("language", signaling::fuzzing::language),
    ("parameters", parameters),
    ("cursor", web::fuzzing::cursor),
    ("path", path),
    ("forwarded", forwarded_headers),
];

/// Lets the target of that name read.
///
/// # Panics
/// If there is none of that name, or something is wrong.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, read) = target.unwrap_or_else(|| panic!("there is no target {name}"));
    read(bytes);
}

/// Reads a query: of a list, and of a transport's request.
fn parameters(bytes: &[u8]) {
    web::fuzzing::parameters(bytes);
    signaling::fuzzing::query(bytes);
}

/// Reads a path: of a part of it what it names, of all of it whether a file may be served for it.
fn path(bytes: &[u8]) {
    web::fuzzing::path(bytes);
    static_files::fuzz(bytes);
}

/// Each line is a header, in turn: nobody but a trusted proxy may say whom it speaks for, or over what.
fn forwarded_headers(bytes: &[u8]) {
    let names = [
        HeaderName::from_static("x-forwarded-for"),
        FORWARDED,
        HeaderName::from_static("x-forwarded-proto"),
    ];
    let mut headers = HeaderMap::new();
    for (line, name) in bytes.split(|byte| *byte == b'\n').zip(names.iter().cycle()).take(64) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name, value);
        }
    }
    let proxies = TrustedProxies::parse("127.0.0.0/8,::1,10.0.0.0/8").expect("these are networks");
    for stranger in ["192.0.2.1", "2001:db8::1"] {
        let peer = stranger.parse().expect("this is an address");
        assert_eq!(forwarded::client_address(peer, &headers, &proxies), peer);
        assert!(!forwarded::is_https(peer, &headers, &proxies));
    }
    for proxy in ["127.0.0.1", "::1", "::ffff:10.0.0.1"] {
        let peer = proxy.parse().expect("this is an address");
        forwarded::client_address(peer, &headers, &proxies);
        forwarded::is_https(peer, &headers, &proxies);
    }
}
