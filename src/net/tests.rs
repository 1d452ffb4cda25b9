use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Extension, Request};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::{Config, TrustedProxies, Variables};
use crate::held::MemoryBudget;
use crate::model::vocabulary::DropReason;
use crate::tls::Source;

const SHORT: ConnectionTimeouts = ConnectionTimeouts {
    head_timeout: Duration::from_millis(400),
    stall_timeout: Duration::from_secs(1),
    drain_timeout: Duration::from_millis(300),
};
/// Far more than any of [`SHORT`], far less than the usual limits.
const SOON: Duration = Duration::from_secs(6);

async fn bind(host: &str, port: u16) -> Result<Listeners, BindError> {
    let config = Config::read(["--host", host], &Variables::new()).unwrap();
    Listeners::bind(&config.host, port).await
}

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    admission: Arc<Admission>,
}

async fn start(router: Router) -> Running {
    start_for(router, Capacity::new(0, 0, None)).await
}

async fn start_for(router: Router, capacity: Capacity) -> Running {
    start_at(bind("127.0.0.1", 0).await.unwrap(), router, capacity)
}

fn start_at(listeners: Listeners, router: Router, capacity: Capacity) -> Running {
    let address = listeners.addresses()[0];
    let stop = CancellationToken::new();
    let admission = Arc::new(Admission::new(TrustedProxies::parse("127.0.0.0/8").unwrap(), capacity));
    let inbound = Arc::new(InboundLimits::new(
        MemoryBudget::default(),
        PaceLimits::default(),
        1_000_000,
        0,
    ));
    let serving = tokio::spawn(serve_with(
        listeners,
        router,
        admission.clone(),
        inbound,
        stop.clone(),
        SHORT,
    ));
    Running {
        address,
        stop,
        serving,
        admission,
    }
}

/// Asks, and reads the answer without the connection's end.
async fn ask(stream: &mut TcpStream, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 1024];
    let read = timeout(SOON, stream.read(&mut answer)).await.expect("no answer");
    String::from_utf8_lossy(&answer[..read.unwrap_or(0)]).into_owned()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn connect(address: SocketAddr, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    stream
}

/// What arrives until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    // A reset is an end too.
    let _ = timeout(SOON, stream.read_to_end(&mut received))
        .await
        .expect("still open");
    String::from_utf8_lossy(&received).into_owned()
}

async fn wait_forever() {
    std::future::pending().await
}

#[tokio::test]
async fn a_request_that_comes_with_its_connections_end_is_heard_of() {
    let (heard, mut hears) = mpsc::unbounded_channel();
    let listeners = bind("127.0.0.1", 0).await.unwrap();
    let address = listeners.addresses()[0];
    for _ in 0..20 {
        // All of it is there before anybody accepts it.
        connect(address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    }
    let router = Router::new().route(
        "/",
        get(move |Extension(connection): Extension<Connection>| async move {
            heard.send(connection).unwrap();
            wait_forever().await;
        }),
    );
    let _running = start_at(listeners, router, Capacity::new(0, 0, None));
    for _ in 0..20 {
        let connection = timeout(SOON, hears.recv()).await.expect("nobody heard").unwrap();
        until("its end is known", || {
            connection.end_reason() == Some(DropReason::Closed) && connection.is_over()
        })
        .await;
    }
}

#[tokio::test]
async fn localhost_is_both_loopbacks_on_one_port() {
    let listeners = bind("localhost", 0).await.unwrap();
    let addresses = listeners.addresses();
    assert_ne!(addresses[0].port(), 0);
    assert!(
        addresses
            .iter()
            .all(|at| at.ip().is_loopback() && at.port() == addresses[0].port())
    );
    let has_v6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    assert_eq!(addresses.len(), if has_v6 { 2 } else { 1 });
    for address in addresses {
        TcpStream::connect(address).await.unwrap();
    }
}

#[tokio::test]
async fn both_families_of_every_address_share_a_port() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let listeners = bind("0.0.0.0,::,0.0.0.0", 0).await.unwrap();
    let addresses = listeners.addresses();
    assert_eq!(addresses.len(), 2);
    assert_eq!(addresses[0].port(), addresses[1].port());
}

#[tokio::test]
async fn what_cannot_be_listened_at_is_one_sentence() {
    let first = bind("127.0.0.1", 0).await.unwrap();
    let port = first.addresses()[0].port();
    for host in ["127.0.0.1", "localhost"] {
        let sentence = bind(host, port).await.unwrap_err().to_string();
        assert!(
            sentence.starts_with(&format!("Port {port} of 127.0.0.1 is taken")),
            "{sentence}"
        );
        assert!(sentence.contains("--port"), "{sentence}");
    }
    let sentence = bind("192.0.2.1", 0).await.unwrap_err().to_string();
    assert!(
        sentence.starts_with("192.0.2.1 is not an address of this machine"),
        "{sentence}"
    );
    let sentence = bind("no-such-host.invalid", 0).await.unwrap_err().to_string();
    assert!(
        sentence.starts_with("The host \"no-such-host.invalid\" has no address"),
        "{sentence}"
    );
}

#[tokio::test]
async fn handlers_know_the_peer() {
    let handler = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let server = start(Router::new().route("/", get(handler))).await;
    let mut stream = connect(server.address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let own = stream.local_addr().unwrap().to_string();
    assert!(rest(&mut stream).await.ends_with(&own));
}

#[tokio::test]
async fn handlers_know_the_client_behind_a_proxy() {
    let handler = |Extension(ClientAddress(client)): Extension<ClientAddress>| async move { client.to_string() };
    let server = start(Router::new().route("/", get(handler))).await;
    let head = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let mut direct = connect(server.address, &format!("{head}\r\n")).await;
    assert!(rest(&mut direct).await.ends_with("\r\n127.0.0.1"));
    let mut proxied = connect(server.address, &format!("{head}x-forwarded-for: 192.0.2.1\r\n\r\n")).await;
    assert!(rest(&mut proxied).await.ends_with("\r\n192.0.2.1"));
}

#[tokio::test]
async fn what_nobody_needs_is_refused_before_anybody_reads_it() {
    let server = start(Router::new().fallback(|| async { "here" })).await;
    let ask = async |target: &str, more: &str| {
        let mut stream = connect(
            server.address,
            &format!("GET {target} HTTP/1.1\r\nhost: x\r\n{more}\r\n"),
        )
        .await;
        rest(&mut stream).await
    };
    let refused = ask(&format!("/?{}", "a=1&".repeat(16_000 / 8)), "").await;
    assert!(
        refused.starts_with("HTTP/1.1 400") && refused.contains("32 parameters"),
        "{refused}"
    );
    let refused = ask(&format!("/?{}", "x".repeat(9_000)), "").await;
    assert!(
        refused.starts_with("HTTP/1.1 414") && refused.contains("8 KiB"),
        "{refused}"
    );
    let refused = ask("/", &format!("cookie: {}\r\n", "x".repeat(100_000))).await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
    let taken = ask(
        "/?a=1&b=2",
        &format!("cookie: {}\r\nconnection: close\r\n", "x".repeat(16_000)),
    )
    .await;
    assert!(taken.ends_with("here"), "{taken}");
}

#[tokio::test]
async fn silent_half_and_idle_connections_are_cut() {
    let server = start(Router::new().route("/", get(|| async { "here" }))).await;
    let mut silent = connect(server.address, "").await;
    let mut half = connect(server.address, "GET / HTTP/1.1\r\nhost: x\r\n").await;
    let mut idle = connect(server.address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let start = Instant::now();
    let (silent, half, idle) = tokio::join!(rest(&mut silent), rest(&mut half), rest(&mut idle));
    assert!(start.elapsed() >= SHORT.head_timeout / 2, "cut too soon");
    assert!(!silent.contains("here") && !half.contains("here"));
    assert!(idle.ends_with("here"), "{idle}");
}

#[tokio::test]
async fn a_visitor_gives_way_to_a_newcomer_and_a_member_does_not() {
    let (entered, mut inside) = mpsc::channel(2);
    let wait = move |is_member: bool| {
        let entered = entered.clone();
        move |Extension(connection): Extension<Connection>| async move {
            if is_member {
                connection.set_member(true);
            }
            entered.send(()).await.unwrap();
            wait_forever().await;
        }
    };
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/member", get(wait(true)))
        .route("/visitor", get(wait(false)));
    // One beside the member, as a full address has a place for who comes back.
    let only_one = Capacity {
        over_all: 10,
        per_address: 1,
    };
    let server = start_for(router, only_one).await;
    let mut member = connect(server.address, "GET /member HTTP/1.1\r\nhost: x\r\n\r\n").await;
    inside.recv().await.unwrap();
    // What waits to be read hides a connection's end from whoever only reads.
    let pipelined = "GET /visitor HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2);
    let mut visitor = connect(server.address, &pipelined).await;
    inside.recv().await.unwrap();
    for _ in 0..20 {
        let mut newcomer = connect(server.address, "").await;
        assert!(ask(&mut newcomer, "/").await.ends_with("here"));
        assert_eq!(server.admission.places(), 2);
    }
    assert_eq!(rest(&mut visitor).await, "", "the visitor is still there");
    let waited = timeout(Duration::from_millis(100), member.read(&mut [0; 64])).await;
    assert!(waited.is_err(), "the member was cut");
}

#[tokio::test]
async fn a_connection_gives_its_place_back() {
    let server = start(Router::new().route("/", get(|| async { "here" }))).await;
    for _ in 0..10 {
        let mut stream = connect(server.address, "").await;
        assert!(ask(&mut stream, "/").await.ends_with("here"));
    }
    until("none is left", || server.admission.places() == 0).await;
}

#[tokio::test]
async fn a_peer_that_stops_reading_a_response_is_cut() {
    let dropped = CancellationToken::new();
    let body = dropped.clone();
    let endless = move || {
        let guard = body.clone().drop_guard();
        async move {
            Body::from_stream(futures_util::stream::repeat_with(move || {
                let _alive = &guard;
                Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b'x'; 65536]))
            }))
        }
    };
    let server = start(Router::new().route("/", get(endless))).await;
    let _unread = connect(server.address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    timeout(SOON, dropped.cancelled())
        .await
        .expect("the body is still there");
}

#[tokio::test]
async fn a_peer_that_stops_reading_an_upgraded_connection_is_cut() {
    let (report, mut reported) = mpsc::channel(1);
    let upgrade = move |mut request: Request| {
        let report = report.clone();
        async move {
            let upgrading = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut socket = TokioIo::new(upgrading.await.unwrap());
                let error = loop {
                    if let Err(error) = socket.write_all(&[b'x'; 65536]).await {
                        break error;
                    }
                };
                report.send(error.kind()).await.unwrap();
            });
            axum::http::StatusCode::SWITCHING_PROTOCOLS
        }
    };
    let server = start(Router::new().route("/", get(upgrade))).await;
    let _unread = connect(
        server.address,
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    )
    .await;
    let kind = timeout(SOON, reported.recv()).await.expect("still writing");
    assert_eq!(kind, Some(std::io::ErrorKind::TimedOut));
}

/// TCP_USER_TIMEOUT without any help: it ends a connection in a zero window although the peer's kernel answers probes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernel_alone_cuts_a_peer_that_stops_reading() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _unread = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    super::serve::tune(&stream, SHORT.stall_timeout).unwrap();
    let writing = async {
        loop {
            if let Err(error) = stream.write_all(&[0; 65536]).await {
                return error;
            }
        }
    };
    let error = timeout(SOON, writing).await.expect("still writing");
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn stopping_answers_what_was_asked_and_accepts_nothing_more() {
    let (entered, mut inside) = mpsc::channel(1);
    let (finish, finished) = tokio::sync::watch::channel(false);
    let slow = move || {
        let (entered, mut finished) = (entered.clone(), finished.clone());
        async move {
            entered.send(()).await.unwrap();
            finished.wait_for(|finished| *finished).await.unwrap();
            "answered"
        }
    };
    let server = start(Router::new().route("/", get(slow))).await;
    let mut asked = connect(server.address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    inside.recv().await.unwrap();
    server.stop.cancel();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    finish.send(true).unwrap();
    assert!(rest(&mut asked).await.ends_with("answered"));
    timeout(SOON, server.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn stopping_does_not_wait_for_requests_without_end() {
    let (entered, mut inside) = mpsc::channel(1);
    let endless = move || {
        let entered = entered.clone();
        async move {
            entered.send(()).await.unwrap();
            wait_forever().await
        }
    };
    let server = start(Router::new().route("/", get(endless))).await;
    let mut asked = connect(server.address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    inside.recv().await.unwrap();
    server.stop.cancel();
    timeout(SOON, server.serving).await.expect("still serving").unwrap();
    assert_eq!(rest(&mut asked).await, "");
}

#[tokio::test]
async fn an_unfinished_handshake_ends_in_time_and_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/chatroom.db", folder.path().display());
    let flags = ["--tls", "self-signed", "--database-url", &database];
    let source = Source::of(&Config::read(flags, &Variables::new()).unwrap()).unwrap();
    let (certificates, _) = source.unwrap().open().unwrap();
    let listeners = bind("127.0.0.1", 0).await.unwrap().with_tls(Some(certificates));
    let running = start_at(listeners, Router::new(), Capacity::new(0, 4, None));
    let mut crowd = Vec::new();
    for begun in ["", "\x16", "\x16\x03\x01\x02\x00\x01", "\x16\x03\x01", "\x16\x03"] {
        crowd.push(connect(running.address, begun).await);
    }
    // The oldest gives way, and nobody is waited for.
    let mut asked = connect(running.address, "GET /a HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let answer = rest(&mut asked).await;
    assert!(
        answer.starts_with("HTTP/1.1 308 ") && answer.contains("location: https://x/a\r\n"),
        "{answer}"
    );
    assert!(running.admission.places() <= 4);
    for stream in &mut crowd {
        assert_eq!(rest(stream).await, "");
    }
    until("no place is kept", || running.admission.places() == 0).await;
}
