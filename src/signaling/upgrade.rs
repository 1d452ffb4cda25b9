//! A polling session that moves to a WebSocket.
//!
//! The engine ends a session whose upgrade fails, and as long as one goes on it answers every poll at once, with nothing.
//! But networks there are that let the handshake of a WebSocket pass, and cut or swallow what follows. So the WebSocket is
//! held here until its client has said that it moves: until then the session polls as if nothing had been, and if that
//! word never comes, it goes on polling. The engine hears of the WebSocket only then, by a request of its own on that
//! connection (only hyper can make what the engine takes a connection over from), and finds on it at once all that its
//! client has said so far.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use socketioxide::socket::Sid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tower::ServiceExt;
use tracing::debug;

use super::engine_error::bad_request;
use super::handshake_guard::PATH;
use super::replayed::Replayed;
use super::transport::{HeldUpgrade, Transport};
use crate::net::Connection;

/// How long a client has to say that it moves.
const UPGRADE_WITHIN: Duration = Duration::from_secs(10);

/// What RFC 6455 appends to a key.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The answer to a probe, as a frame.
const PROBE_ANSWER: &[u8] = b"\x81\x063probe";
/// The client's own words, as frames with a mask that changes nothing.
const PROBE_AND_UPGRADE: &[u8] = b"\x81\x86\0\0\0\x002probe\x81\x81\0\0\0\x005";

const FINAL_TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const MASKED: u8 = 0x80;
/// The longest frame that a client has to send before it moves.
const MOST_PAYLOAD: usize = 125;

/// Answers the request of a WebSocket for a polling session, and holds it.
pub(super) fn hold(engine: &Router, transport: &Arc<Transport>, session: Sid, mut request: Request) -> Response {
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let accepted = accept(request.headers());
    let (Some(upgrade), Some(accepted)) = (upgrade, accepted) else {
        return refuse();
    };
    let Some(held) = transport.hold_upgrade() else {
        return refuse();
    };
    let moving = Moving {
        engine: engine.clone(),
        held,
        session,
        connection: request.extensions().get().cloned(),
    };
    tokio::spawn(moving.follow(upgrade));
    let headers = [
        (UPGRADE, HeaderValue::from_static("websocket")),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (SEC_WEBSOCKET_ACCEPT, accepted),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// The session has a WebSocket already, or is about to get one.
fn refuse() -> Response {
    bad_request()
}

/// By what a client knows that its WebSocket was understood.
fn accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let key = headers.get(SEC_WEBSOCKET_KEY)?;
    let digest = Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize();
    HeaderValue::try_from(STANDARD.encode(digest)).ok()
}

/// A WebSocket to which a session may move.
struct Moving {
    engine: Router,
    held: HeldUpgrade,
    session: Sid,
    connection: Option<Connection>,
}

impl Moving {
    async fn follow(self, upgrade: OnUpgrade) {
        let Self {
            engine,
            held,
            session,
            connection,
        } = self;
        let said = async {
            let mut stream = TokioIo::new(upgrade.await.map_err(io::Error::other)?);
            until_moved(&mut stream, &held).await.map(|()| stream)
        };
        let stream = match timeout(UPGRADE_WITHIN, said).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return debug!(%error, "a session goes on polling: its WebSocket failed"),
            Err(_) => return debug!("a session goes on polling: nothing came over its WebSocket"),
        };
        held.moved(connection.as_ref());
        if let Err(error) = hand_over(engine, session, stream).await {
            debug!(%error, "a session's WebSocket ended while it was moving");
        }
    }
}

/// Follows what a client says on its WebSocket up to the word that it moves.
async fn until_moved(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), held: &HeldUpgrade) -> io::Result<()> {
    loop {
        match frame(stream).await?.as_slice() {
            b"2probe" => {
                stream.write_all(PROBE_ANSWER).await?;
                stream.flush().await?;
                held.probed();
            }
            b"5" => return Ok(()),
            // A ping or pong of the WebSocket itself.
            b"" => {}
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "no part of an upgrade")),
        }
    }
}

/// The text of the next frame; nothing for a ping or pong. Not a byte more is read: what follows is the engine's.
async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).await?;
    let [kind, length] = header;
    let count = usize::from(length & !MASKED);
    if ![FINAL_TEXT, PING, PONG].contains(&kind) || length & MASKED == 0 || count > MOST_PAYLOAD {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no frame of an upgrade"));
    }
    let mut mask = [0; 4];
    stream.read_exact(&mut mask).await?;
    let mut payload = vec![0; count];
    stream.read_exact(&mut payload).await?;
    if kind != FINAL_TEXT {
        return Ok(Vec::new());
    }
    payload
        .iter_mut()
        .zip(mask.iter().cycle())
        .for_each(|(byte, mask)| *byte ^= mask);
    Ok(payload)
}

/// Hands a WebSocket over to the engine, as if its client asked for it only now.
async fn hand_over(
    engine: Router,
    session: Sid,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> hyper::Result<()> {
    let mut said = format!(
        "GET {PATH}/?EIO=4&transport=websocket&sid={session} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes();
    said.extend_from_slice(PROBE_AND_UPGRADE);
    let stream = Replayed::new(stream, Bytes::from(said), PROBE_ANSWER.len());
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let engine = engine.clone();
        async move {
            let Ok(response) = engine.oneshot(request.map(Body::new)).await;
            let is_upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
            // A refusal is none of what a WebSocket's client understands.
            is_upgraded.then_some(response).ok_or("the session has ended")
        }
    });
    let http = http1::Builder::new();
    http.serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_answered_as_the_standard_has_it() {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(accept(&headers).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn frames_are_read_to_their_end_and_not_beyond() {
        let mut bytes: &[u8] = b"\x81\x86\x01\x02\x03\x043rqkcc\x89\x80\0\0\0\0\x81\x81\0\0\0\x005rest";
        let probe: Vec<u8> = b"2probe"
            .iter()
            .zip([1, 2, 3, 4].iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        let sent = [&b"\x81\x86\x01\x02\x03\x04"[..], &probe, &bytes[12..]].concat();
        bytes = &sent;
        for text in ["2probe", "", "5"] {
            assert_eq!(frame(&mut bytes).await.unwrap(), text.as_bytes());
        }
        assert_eq!(bytes, b"rest");
        for wrong in [
            &b"\x01\x81\0\0\0\x005"[..],
            b"\x81\x015",
            b"\x82\x81\0\0\0\x005",
            b"\x81\xfe\0\0\0\0\0\0",
        ] {
            let mut wrong = wrong;
            assert!(frame(&mut wrong).await.is_err());
        }
    }
}
