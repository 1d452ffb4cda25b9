//! The accept loop: HTTP/1.1 with upgrades, on sockets whose peers cannot hold anything up for long.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
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
use super::connection::{ClientAddress, Connection};
use super::stall::StallGuard;
use super::{Listeners, query};

/// The shortest time between two complaints that nothing can be accepted: success and failure may alternate quickly.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The largest head of a request, in bytes: a query of 8 KiB, and twice the cookies that browsers send to one host. (hyper
/// looks after each read, so one read may go past it.)
const MOST_HEAD: usize = 32 * 1024;

/// For how long a peer may hold up what.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From a connection's start, or the end of its last response, to the end of the next request's head. So it also
    /// bounds how long a connection may idle.
    pub head: Duration,
    /// How long what was sent may stay unacknowledged, and a write may wait for a peer that does not read.
    pub stall: Duration,
    /// How long requests that are being answered have to end once the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            stall: Duration::from_secs(20),
            drain: Duration::from_secs(2),
        }
    }
}

/// Serves `router` until `shutdown`, within the usual [`Limits`]. Handlers may extract `ConnectInfo<SocketAddr>`, and
/// find their [`Connection`] among the request's extensions.
///
/// At `shutdown` nothing more is accepted, idle connections close, and the call returns when the last request is
/// answered or [`Limits::drain`] is over. Upgraded connections (WebSocket) are not waited for: whoever upgraded them
/// closes them.
pub async fn serve(listeners: Listeners, router: Router, admission: Arc<Admission>, shutdown: CancellationToken) {
    serve_with(listeners, router, admission, shutdown, Limits::default()).await;
}

/// [`serve`] within other limits.
pub async fn serve_with(
    listeners: Listeners,
    router: Router,
    admission: Arc<Admission>,
    shutdown: CancellationToken,
    limits: Limits,
) {
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let accepting = TaskTracker::new();
    for listener in listeners.into_inner() {
        let server = Server {
            router: router.clone(),
            admission: admission.clone(),
            limits,
            shutdown: shutdown.clone(),
            cut: cut.clone(),
            connections: connections.clone(),
        };
        accepting.spawn(server.accept(listener));
    }
    accepting.close();
    accepting.wait().await;
    connections.close();
    if timeout(limits.drain, connections.wait()).await.is_err() {
        warn!(open = connections.len(), "requests were cut off by the shutdown");
        cut.cancel();
        connections.wait().await;
    }
}

#[derive(Clone)]
struct Server {
    router: Router,
    admission: Arc<Admission>,
    limits: Limits,
    /// No new connection, no new request.
    shutdown: CancellationToken,
    /// The time of those that are being answered is over.
    cut: CancellationToken,
    connections: TaskTracker,
}

impl Server {
    async fn accept(self, listener: TcpListener) {
        let mut pause = Backoff::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shutdown.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause.failures = 0;
                    self.connections.spawn(self.clone().connection(stream, peer));
                }
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => tokio::select! {
                    () = pause.after(&error) => {}
                    () = self.shutdown.cancelled() => return,
                },
            }
        }
    }

    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = tune(&stream, self.limits.stall) {
            debug!(%error, "a connection was gone before it began");
            return;
        }
        // On a socket for both families an IPv4 peer would look like ::ffff:192.0.2.1.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let (router, admission) = (self.router, self.admission);
        let handle = Connection::default();
        let stream = TokioIo::new(StallGuard::new(
            ReadAhead::new(stream),
            handle.clone(),
            self.limits.stall,
        ));
        let service = service_fn(move |request: Request<Incoming>| {
            let client = admission.client(peer.ip(), request.headers());
            answer(router.clone(), client, request, peer, handle.clone())
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(MOST_HEAD);
        let mut connection = pin!(http.serve_connection(stream, service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
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

async fn answer(
    router: Router,
    client: ClientAddress,
    request: Request<Incoming>,
    peer: SocketAddr,
    connection: Connection,
) -> Result<Response, Infallible> {
    if let Some(refusal) = query::refuse(request.uri()) {
        return Ok(refusal);
    }
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(connection);
    router.oneshot(request).await
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
