//! The accept loop: HTTP/1.1 with upgrades, on sockets whose peers cannot hold anything up for long.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{CONNECTION, HeaderName};
use axum::http::{HeaderValue, Method, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::admission::Admission;
use super::ahead::ReadAhead;
use super::connection::Connection;
use super::forwarded::ClientAddress;
use super::inbound::{Inbound, InboundLimits};
use super::secure::{OverTls, Transport, to_https};
use super::stall::StallGuard;
use super::{Listeners, query};
use crate::model::address::AddressKey;
use crate::tls::Certificates;

/// The shortest time between two complaints that nothing can be accepted: success and failure may alternate quickly.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The largest head of a request, in bytes: a query of 8 KiB, and twice the cookies that browsers send to one host. (hyper
/// looks after each read, so one read may go past it.)
const MOST_HEAD: usize = 32 * 1024;

/// The address whose turn it is to be accepted: nobody's own.
const ACCEPTING: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// An answer of fewer bytes than this is with the system as soon as it is written.
const SHORT: u64 = 64 * 1024;

/// For how long a peer may hold up what.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionTimeouts {
    /// From a connection's start, or the end of its last response, to the end of the next request's head. So it also
    /// bounds how long a connection may idle.
    pub head_timeout: Duration,
    /// How long what was sent may stay unacknowledged, and a write may wait for a peer that does not read.
    pub stall_timeout: Duration,
    /// How long requests that are being answered have to end once the server stops.
    pub drain_timeout: Duration,
}

impl Default for ConnectionTimeouts {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(2),
        }
    }
}

/// Serves `router` until `shutdown`, with the usual [`ConnectionTimeouts`]. Handlers may extract `ConnectInfo<SocketAddr>`, and
/// find their [`Connection`] among the request's extensions.
///
/// At `shutdown` nothing more is accepted, idle connections close, and the call returns when the last request is
/// answered or [`ConnectionTimeouts::drain_timeout`] is over. Upgraded connections (WebSocket) are not waited for: whoever upgraded them
/// closes them.
pub async fn serve(
    listeners: Listeners,
    router: Router,
    admission: Arc<Admission>,
    inbound: Arc<InboundLimits>,
    shutdown: CancellationToken,
) {
    serve_with(
        listeners,
        router,
        admission,
        inbound,
        shutdown,
        ConnectionTimeouts::default(),
    )
    .await;
}

/// [`serve`] with other timeouts.
pub async fn serve_with(
    listeners: Listeners,
    router: Router,
    admission: Arc<Admission>,
    inbound: Arc<InboundLimits>,
    shutdown: CancellationToken,
    timeouts: ConnectionTimeouts,
) {
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let accepting = TaskTracker::new();
    let (sockets, certificates) = listeners.into_inner();
    for listener in sockets {
        let server = HttpServer {
            router: router.clone(),
            certificates: certificates.clone(),
            admission: admission.clone(),
            inbound: inbound.clone(),
            timeouts,
            shutdown: shutdown.clone(),
            cut: cut.clone(),
            connections: connections.clone(),
        };
        accepting.spawn(server.accept(listener));
    }
    accepting.close();
    accepting.wait().await;
    connections.close();
    if timeout(timeouts.drain_timeout, connections.wait()).await.is_err() {
        warn!(open = connections.len(), "requests were cut off by the shutdown");
        cut.cancel();
        connections.wait().await;
    }
}

#[derive(Clone)]
struct HttpServer {
    router: Router,
    /// Where TLS is spoken, what is shown.
    certificates: Option<Arc<Certificates>>,
    admission: Arc<Admission>,
    inbound: Arc<InboundLimits>,
    timeouts: ConnectionTimeouts,
    /// No new connection, no new request.
    shutdown: CancellationToken,
    /// The time of those that are being answered is over.
    cut: CancellationToken,
    connections: TaskTracker,
}

impl HttpServer {
    async fn accept(self, listener: TcpListener) {
        let mut pause = Backoff::default();
        loop {
            let accepting = async {
                self.admission.until_there_is_room().await;
                listener.accept().await
            };
            let accepted = tokio::select! {
                accepted = accepting => accepted,
                () = self.shutdown.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause.failures = 0;
                    // Thousands may wait to be accepted: others have their turn in between.
                    self.inbound.turns.clone().take(AddressKey::of(ACCEPTING)).await;
                    self.let_in(stream, peer);
                }
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => tokio::select! {
                    () = pause.after(&error) => {}
                    () = self.shutdown.cancelled() => return,
                },
            }
        }
    }

    fn let_in(&self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = tune(&stream, self.timeouts.stall_timeout) {
            debug!(%error, "a connection was gone before it began");
            return;
        }
        // On a socket for both families an IPv4 peer would look like ::ffff:192.0.2.1.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let handle = Connection::accepted(&self.admission, peer.ip());
        let server = self.clone();
        match self.certificates.clone() {
            None => self
                .connections
                .spawn(server.connection(Transport::Plain(stream), peer, handle)),
            Some(certificates) => self
                .connections
                .spawn(server.secure_connection(stream, certificates, peer, handle)),
        };
    }

    /// Until its handshake is over, a connection has its place and nothing else: it is the first to give way.
    async fn secure_connection(
        mut self,
        stream: TcpStream,
        certificates: Arc<Certificates>,
        peer: SocketAddr,
        handle: Connection,
    ) {
        // What a handshake costs is waited for by its own address.
        let turn = self.inbound.turns.clone().take(AddressKey::of(peer.ip()));
        let opened = Transport::open(stream, &certificates, turn);
        let opened = tokio::select! {
            opened = timeout(self.timeouts.head_timeout, opened) => opened,
            () = handle.over() => return handle.close(),
            () = self.shutdown.cancelled() => return handle.close(),
        };
        let transport = match opened {
            Ok(Ok(transport)) => transport,
            Ok(Err(error)) => {
                debug!(%error, "a handshake failed");
                return handle.close();
            }
            Err(_) => return handle.close(),
        };
        if !transport.is_secure() {
            self.router = to_https();
        }
        self.connection(transport, peer, handle).await;
    }

    async fn connection(self, transport: Transport, peer: SocketAddr, handle: Connection) {
        let is_secure = transport.is_secure();
        let inbound = Inbound::new(self.inbound, handle.clone(), AddressKey::of(peer.ip()));
        let ahead = ReadAhead::new(inbound);
        let stream = StallGuard::new(transport, ahead, handle.clone(), self.timeouts.stall_timeout);
        let (router, admission) = (self.router, self.admission);
        let asked = handle.clone();
        let keep_alive = keep_alive(self.timeouts.head_timeout);
        let service = service_fn(move |request| {
            let mut request = introduce(request, peer, &asked, &admission);
            if is_secure {
                request.extensions_mut().insert(OverTls);
            }
            answer(router.clone(), request, asked.clone(), keep_alive.clone())
        });
        let stream = TokioIo::new(stream);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.timeouts.head_timeout)
            .max_buf_size(MOST_HEAD);
        let mut connection = pin!(http.serve_connection(stream, service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // It looks for the peer's end only while it has nothing to read.
            () = handle.over() => return,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.cut.cancelled() => return,
                }
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection broke");
        }
    }
}

/// Says of a request whose it is.
fn introduce(request: Request<Incoming>, peer: SocketAddr, connection: &Connection, admission: &Admission) -> Request {
    let client = admission.client(peer.ip(), request.headers());
    connection.ask(client);
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(connection.clone());
    request
}

/// Whether the connection is kept after the answer, as far as its client has a say in it.
fn is_kept(request: &Request) -> bool {
    let closes = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"close");
    request.version() >= Version::HTTP_11 && !request.headers().get(CONNECTION).is_some_and(closes)
}

/// Tells those who keep connections for later how long they can: a request that crosses the end of one is lost.
fn keep_alive(idle: Duration) -> HeaderValue {
    HeaderValue::try_from(format!("timeout={}", idle.as_secs())).expect("a word and a number are a header's value")
}

async fn answer(
    router: Router,
    request: Request,
    connection: Connection,
    keep_alive: HeaderValue,
) -> Result<Response, Infallible> {
    let is_kept = is_kept(&request);
    let mut response = match query::refuse(request.uri()) {
        Some(refusal) => refusal,
        None => answer_in_turn(router, request, &connection).await?,
    };
    let ends = response.status() == StatusCode::SWITCHING_PROTOCOLS || response.headers().contains_key(CONNECTION);
    if is_kept && !ends {
        response.headers_mut().insert(KEEP_ALIVE, keep_alive);
    }
    Ok(rest_after(response, connection))
}

/// Lets the connection know to whom what it reads belongs: to this request, the next, or a WebSocket.
async fn answer_in_turn(router: Router, mut request: Request, connection: &Connection) -> Result<Response, Infallible> {
    let extensions = request.extensions();
    let upgrades = request.method() == Method::GET && extensions.get::<OnUpgrade>().is_some();
    let client = extensions.get().map(|ClientAddress(address)| AddressKey::of(*address));
    let has_waited = connection.begin(client, upgrades);
    if !upgrades {
        request.extensions_mut().remove::<OnUpgrade>();
    } else if !has_waited {
        let refusal = "Nothing may be sent after an upgrade's request before it is answered.\n";
        return Ok((StatusCode::BAD_REQUEST, [(CONNECTION, "close")], refusal).into_response());
    }
    let response = router.oneshot(request).await?;
    connection.end(upgrades && response.status() == StatusCode::SWITCHING_PROTOCOLS);
    Ok(response)
}

/// Lets a connection count as idle once its answer is sent, or is short enough to be as good as sent.
fn rest_after(response: Response, connection: Connection) -> Response {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    if response.body().size_hint().exact().is_some_and(|bytes| bytes < SHORT) {
        connection.rest();
        return response;
    }
    let resting = Resting(connection);
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _until_sent = &resting;
            frame
        }))
    })
}

struct Resting(Connection);

impl Drop for Resting {
    fn drop(&mut self) {
        self.0.rest();
    }
}

pub(super) fn tune(stream: &TcpStream, stall: Duration) -> io::Result<()> {
    // Else a small message waits up to 40 ms for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(stall))?;
    // Without it, what was sent to a machine that vanished is repeated for a quarter of an hour.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(stall))?;
    Ok(())
}

/// Whether accepting failed by that one peer's doing, so that the next may be accepted at once.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// Longer and longer pauses while the system refuses (it is out of file descriptors, say): a loop without them would
/// take a whole core from those that are connected.
#[derive(Default)]
struct Backoff {
    /// Since the last success.
    failures: u32,
    told: Option<Instant>,
}

impl Backoff {
    async fn after(&mut self, error: &io::Error) {
        if self.told.is_none_or(|told| told.elapsed() > TOLD_EVERY) {
            warn!(%error, "connections cannot be accepted for now");
            self.told = Some(Instant::now());
        }
        let pause = Duration::from_millis(50) * 2u32.pow(self.failures.min(4));
        self.failures = self.failures.saturating_add(1);
        sleep(pause).await;
    }
}
