//! Whether the server that these settings describe is ready: what the manager of a container asks, without another program.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};

use crate::config::{Config, Host};
pub use crate::tls::secured;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(5);
/// More than any answer of a server of ours has.
const MOST_BYTES: usize = 64 * 1024;

/// Why the server is not ready, as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody but the server knows its port.
    #[error("PORT is 0, any free one, so the server cannot be found: set the one that it has")]
    UnknownPort,
    /// Nothing answers, or not as a server does.
    #[error("no server answers at port {port}: {source}")]
    NoAnswer {
        /// Where it was asked.
        port: u16,
        /// What the network says.
        source: io::Error,
    },
    /// It says that it is not.
    #[error("the server is not ready: {0}")]
    NotReady(String),
    /// Something else listens there, or has this path elsewhere.
    #[error("what answers at port {port} is no chatroom-server with this BASE_PATH: it says {status}")]
    Other {
        /// Where it was asked.
        port: u16,
        /// What it says.
        status: StatusCode,
    },
}

/// Asks `/readyz` of the server that has this configuration, on this machine.
///
/// # Errors
/// [`Error`] says why it is not ready, or not there.
pub async fn ask(config: &Config) -> Result<(), Error> {
    let port = config.port;
    if port == 0 {
        return Err(Error::UnknownPort);
    }
    let no_answer = |source| Error::NoAnswer { port, source };
    let late = io::Error::new(
        io::ErrorKind::TimedOut,
        format!("nothing within {} s", WITHIN.as_secs()),
    );
    let (status, answer) = tokio::time::timeout(WITHIN, exchange(config))
        .await
        .map_err(|_| no_answer(late))?
        .map_err(no_answer)?;
    let said = |field: &str| answer.as_ref().and_then(|answer| answer.get(field)?.as_str());
    match (status, said("status"), said("detail")) {
        (StatusCode::OK, Some("ready"), _) => Ok(()),
        (StatusCode::SERVICE_UNAVAILABLE, _, Some(reason)) => Err(Error::NotReady(reason.to_owned())),
        _ => Err(Error::Other { port, status }),
    }
}

/// What is answered, and its JSON if it is that.
async fn exchange(config: &Config) -> io::Result<(StatusCode, Option<Value>)> {
    let stream = TcpStream::connect(places(config).await?.as_slice()).await?;
    let base_path = config.base_path.as_str();
    let response = match config.tls.is_some() || config.tls_cert.is_some() {
        true => request(secured(stream).await?, base_path).await?,
        false => request(stream, base_path).await?,
    };
    let status = response.status();
    let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
    let body = body.map_err(io::Error::other)?.to_bytes();
    Ok((status, serde_json::from_slice(&body).ok()))
}

async fn request<S>(stream: S, base_path: &str) -> io::Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let request = Request::get(format!("{base_path}/readyz"))
        .header(HOST, "localhost")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    sender.send_request(request).await.map_err(io::Error::other)
}

/// Where this machine reaches it.
async fn places(config: &Config) -> io::Result<Vec<SocketAddr>> {
    let mut places = Vec::new();
    for host in config.host.iter() {
        match host {
            Host::Loopback => places.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]),
            Host::Address(address) => places.push(reachable(*address)),
            Host::Name(name) => places.extend(lookup_host((name.as_str(), config.port)).await?.map(|at| at.ip())),
        }
    }
    Ok(places.into_iter().map(|at| SocketAddr::new(at, config.port)).collect())
}

/// "Every address" is no address to ask.
fn reachable(address: IpAddr) -> IpAddr {
    match address.is_unspecified() {
        false => address,
        true if address.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
        true => Ipv6Addr::LOCALHOST.into(),
    }
}
