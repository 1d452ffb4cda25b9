//! Whether a request asks for a WebSocket. A proxy that does not pass its headers on leaves a request that would be
//! answered by a WebSocket which nobody speaks at the other end: its client hears nothing, and waits.

use axum::extract::Request;
use axum::http::header::{CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::transport_request::TransportRequest;

/// The version of RFC 6455.
const VERSION: HeaderValue = HeaderValue::from_static("13");
/// How many bytes a key has.
const KEY_BYTES: usize = 16;

/// Refuses what claims to be a WebSocket's handshake and is none.
pub(super) async fn only_real_ones(request: Request, next: Next) -> Response {
    let about = TransportRequest::of(request.method(), request.uri().query().unwrap_or_default());
    let is_websocket = about.is_some_and(|about| about.is_websocket) && request.method() == Method::GET;
    match is_websocket.then(|| check(request.version(), request.headers())) {
        Some(Err(missing)) => refuse(missing),
        Some(Ok(())) | None => next.run(request).await,
    }
}

fn refuse(missing: &str) -> Response {
    let text = format!(
        "This is no handshake of a WebSocket: {missing} is missing. A proxy in between has to speak HTTP/1.1 to this \
         server, and to pass on the headers Upgrade and Connection.\n"
    );
    (StatusCode::BAD_REQUEST, [(SEC_WEBSOCKET_VERSION, VERSION)], text).into_response()
}

/// What RFC 6455 (4.2.1) wants of a request.
fn check(version: Version, headers: &HeaderMap) -> Result<(), &'static str> {
    let wants = [
        (version == Version::HTTP_11, "HTTP/1.1"),
        (lists(headers, &UPGRADE, "websocket"), "Upgrade: websocket"),
        (lists(headers, &CONNECTION, "upgrade"), "Connection: Upgrade"),
        (
            headers.get(SEC_WEBSOCKET_VERSION) == Some(&VERSION),
            "Sec-WebSocket-Version: 13",
        ),
        (has_key(headers), "a valid Sec-WebSocket-Key"),
    ];
    match wants.into_iter().find(|(is_there, _)| !is_there) {
        Some((_, missing)) => Err(missing),
        None => Ok(()),
    }
}

fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let mut words = values.flat_map(|value| value.split(','));
    words.any(|one| one.trim().eq_ignore_ascii_case(word))
}

fn has_key(headers: &HeaderMap) -> bool {
    let key = headers.get(SEC_WEBSOCKET_KEY).map(|key| STANDARD.decode(key));
    key.is_some_and(|key| key.is_ok_and(|bytes| bytes.len() == KEY_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: [(&str, &str); 4] = [
        ("upgrade", "h2c, WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn check_with(name: &str, value: Option<&'static str>) -> Result<(), &'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in REAL {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let name = HeaderName::try_from(name).unwrap();
        match value {
            Some(value) => headers.insert(name, HeaderValue::from_static(value)),
            None => headers.remove(name),
        };
        check(Version::HTTP_11, &headers)
    }

    #[test]
    fn a_real_handshake_has_it_all() {
        assert_eq!(check_with("accept", Some("*/*")), Ok(()));
        for (name, _) in REAL {
            assert!(check_with(name, None).is_err(), "{name}");
        }
        for (name, value) in [
            ("upgrade", "h2c"),
            ("connection", "close"),
            ("sec-websocket-version", "8"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25j"),
            ("sec-websocket-key", "the key"),
        ] {
            assert!(check_with(name, Some(value)).is_err(), "{name}: {value}");
        }
        assert_eq!(check(Version::HTTP_10, &HeaderMap::new()), Err("HTTP/1.1"));
    }
}
