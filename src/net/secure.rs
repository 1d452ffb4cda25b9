//! TLS between the socket and what reads requests, where the server speaks it; and what is told to those who do not.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONNECTION, HOST, LOCATION};
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::tls::Certificates;

/// The first byte of a TLS connection: the type of a record that is part of a handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 0x16;

/// How many bytes TLS takes before the system has taken those from before: one record. They count as sent.
const MOST_BUFFERED: usize = 16 * 1024;

/// Among the extensions of requests that came over TLS of the server's own.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;

/// A connection's bytes, in the clear or within TLS.
pub(super) enum Transport {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl Transport {
    /// Shakes hands with a client that begins to, when it has its `turn`; any other is left as it is.
    pub(super) async fn open(
        stream: TcpStream,
        certificates: &Certificates,
        turn: impl Future<Output = ()>,
    ) -> io::Result<Self> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 || first != [HANDSHAKE] {
            return Ok(Self::Plain(stream));
        }
        // Nothing is dearer than the answer to a client's first message, which has come.
        turn.await;
        let address = stream.local_addr()?.ip().to_canonical();
        let config = certificates.config_for(address);
        let config = config.ok_or_else(|| io::Error::other("there is no certificate"))?;
        let acceptor = TlsAcceptor::from(config);
        let accepted = acceptor.accept_with(stream, |tls| tls.set_buffer_limit(Some(MOST_BUFFERED)));
        Ok(Self::Secure(Box::new(accepted.await?)))
    }

    pub(super) fn is_secure(&self) -> bool {
        matches!(self, Self::Secure(_))
    }
}

impl AsyncRead for Transport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = match &mut *self {
            Self::Plain(stream) => return Pin::new(stream).poll_read(cx, buf),
            Self::Secure(stream) => stream,
        };
        match ready!(Pin::new(stream).poll_read(cx, buf)) {
            // Most clients end the connection without saying so within TLS. Requests and frames say themselves how long they are.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Secure(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Secure(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Secure(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Answers what comes in the clear where TLS is spoken: the same address, with https.
pub(super) fn to_https() -> Router {
    Router::new().fallback(redirect)
}

async fn redirect(request: Request) -> Response {
    let close = (CONNECTION, "close");
    match secure_address(request.uri(), request.headers()) {
        Some(address) => (
            StatusCode::PERMANENT_REDIRECT,
            [close, (LOCATION, address.as_str())],
            "This address speaks https.\n",
        )
            .into_response(),
        None => (
            StatusCode::BAD_REQUEST,
            [close],
            "This address speaks https, and the request names no host to be sent to.\n",
        )
            .into_response(),
    }
}

fn secure_address(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host: Authority = host.or(uri.authority().map(Authority::as_str))?.parse().ok()?;
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let can_be_sent_to = !host.as_str().contains('@') && path.starts_with('/');
    can_be_sent_to.then(|| format!("https://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_request_is_sent_to_the_same_address_with_https() {
        for (host, uri, expected) in [
            (
                Some("192.0.2.7:3000"),
                "/?room=a%20b",
                Some("https://192.0.2.7:3000/?room=a%20b"),
            ),
            (Some("[2001:db8::7]:3000"), "/", Some("https://[2001:db8::7]:3000/")),
            (None, "http://class.example/x", Some("https://class.example/x")),
            (None, "/", None),
            (Some("a@b"), "/", None),
            (Some("a b"), "/", None),
            (Some(""), "/", None),
            (Some("class.example"), "*", None),
        ] {
            let headers = host.map(|host| (HOST, host.parse().unwrap())).into_iter().collect();
            let address = secure_address(&uri.parse().unwrap(), &headers);
            assert_eq!(address.as_deref(), expected, "{host:?} {uri}");
        }
    }
}
