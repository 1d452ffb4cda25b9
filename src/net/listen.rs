//! Listening sockets: every place that was asked for, all on one port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, lookup_host};

use crate::config::{Host, Hosts, ListenAt};
use crate::tls::Certificates;

/// How many connections the kernel holds until they are accepted: a whole school that reconnects at once.
const BACKLOG: i32 = 1024;
/// How often another free port is tried, where the one that is free on one address is taken on another.
const FREE_PORT_TRIES: usize = 16;

/// Why the server cannot listen, as one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error(
        "Port {} of {} is taken, perhaps by another chatroom-server: stop that program, or choose another port with {}; 0 takes a free one.",
        .0.port(), .0.ip(), .1.port()
    )]
    Taken(SocketAddr, Setting),
    /// The system does not let this user.
    #[error(
        "This user may not listen on port {} of {}: choose a port from 1024 on with {}.",
        .0.port(), .0.ip(), .1.port()
    )]
    Forbidden(SocketAddr, Setting),
    /// The address is another machine's.
    #[error("{} is not an address of this machine: choose another with {}.", .0, .1.host())]
    NotHere(IpAddr, Setting),
    /// A name that stands for no address.
    #[error("The host {:?} has no address: choose another with {}.", .0, .1.host())]
    Unresolved(String, Setting),
    /// Anything else the system says.
    #[error("Cannot listen on {0}: {1}.")]
    Other(SocketAddr, io::Error),
}

/// Which setting says where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Those of everything.
    Main,
    /// That of the review.
    Review,
    /// That of the metrics.
    Metrics,
    /// That of the other nodes.
    Cluster,
}

impl Setting {
    fn host(self) -> &'static str {
        match self {
            Self::Main => "--host (variable HOST)",
            Self::Review => REVIEW,
            Self::Metrics => METRICS,
            Self::Cluster => CLUSTER,
        }
    }

    fn port(self) -> &'static str {
        match self {
            Self::Main => "--port (variable PORT)",
            Self::Review => REVIEW,
            Self::Metrics => METRICS,
            Self::Cluster => CLUSTER,
        }
    }
}

const REVIEW: &str = "--review-listen (variable REVIEW_LISTEN)";
const METRICS: &str = "--metrics-listen (variable METRICS_LISTEN)";
const CLUSTER: &str = "--cluster-listen (variable CLUSTER_LISTEN)";

impl BindError {
    fn of(self, setting: Setting) -> Self {
        match self {
            Self::Taken(at, _) => Self::Taken(at, setting),
            Self::Forbidden(at, _) => Self::Forbidden(at, setting),
            Self::NotHere(address, _) => Self::NotHere(address, setting),
            Self::Unresolved(name, _) => Self::Unresolved(name, setting),
            other @ Self::Other(..) => other,
        }
    }
}

/// Sockets that listen, at least one, all on the same port.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
    /// What is shown on them, where TLS is spoken.
    certificates: Option<Arc<Certificates>>,
}

/// An address to listen at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ListenAddress {
    address: IpAddr,
    /// Half of `localhost`: machines without IPv6 (or IPv4) have the other half only.
    may_be_missing: bool,
}

impl Listeners {
    /// Listens at every address of `hosts`. Port 0 takes a free port, the same on all of them.
    ///
    /// # Errors
    /// [`BindError`] says which address cannot be had, and why.
    pub async fn bind(hosts: &Hosts, port: u16) -> Result<Self, BindError> {
        let places = places(hosts).await?;
        let mut tries = if port == 0 { FREE_PORT_TRIES } else { 1 };
        loop {
            tries -= 1;
            match bind_all(&places, port) {
                Err(BindError::Taken(..)) if tries > 0 => {}
                done => {
                    let sockets = done?;
                    return Ok(Self {
                        sockets,
                        certificates: None,
                    });
                }
            }
        }
    }

    /// Listens where the review is to be, by itself at `hosts`.
    ///
    /// # Errors
    /// As [`Listeners::bind`].
    pub async fn bind_review(listen: &ListenAt, hosts: &Hosts) -> Result<Self, BindError> {
        Self::bind_at(listen, hosts, Setting::Review).await
    }

    /// Listens where other nodes come in: only this machine reaches that, unless hosts are named.
    ///
    /// # Errors
    /// As [`Listeners::bind`].
    pub async fn bind_cluster(listen: &ListenAt) -> Result<Self, BindError> {
        Self::bind_at(listen, &Hosts::loopback(), Setting::Cluster).await
    }

    /// The sockets themselves.
    pub fn into_sockets(self) -> Vec<TcpListener> {
        self.sockets
    }

    /// Listens where metrics are read: only this machine reaches that, unless hosts are named.
    ///
    /// # Errors
    /// As [`Listeners::bind`].
    pub async fn bind_metrics(listen: &ListenAt) -> Result<Self, BindError> {
        Self::bind_at(listen, &Hosts::loopback(), Setting::Metrics).await
    }

    async fn bind_at(listen: &ListenAt, usual: &Hosts, setting: Setting) -> Result<Self, BindError> {
        let bound = Self::bind(listen.hosts().unwrap_or(usual), listen.port()).await;
        bound.map_err(|error| error.of(setting))
    }

    /// The same, speaking TLS with these certificates, if there are any.
    #[must_use]
    pub fn with_tls(self, certificates: Option<Arc<Certificates>>) -> Self {
        Self { certificates, ..self }
    }

    /// The addresses listened at.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    pub(super) fn into_inner(self) -> (Vec<TcpListener>, Option<Arc<Certificates>>) {
        (self.sockets, self.certificates)
    }
}

async fn places(hosts: &Hosts) -> Result<Vec<ListenAddress>, BindError> {
    let mut places: Vec<ListenAddress> = Vec::new();
    for host in hosts.iter() {
        for place in places_of(host).await? {
            if !places.iter().any(|known| known.address == place.address) {
                places.push(place);
            }
        }
    }
    Ok(places)
}

async fn places_of(host: &Host) -> Result<Vec<ListenAddress>, BindError> {
    let place = |address, may_be_missing| ListenAddress {
        address,
        may_be_missing,
    };
    match host {
        Host::Loopback => Ok(vec![
            place(Ipv4Addr::LOCALHOST.into(), true),
            place(Ipv6Addr::LOCALHOST.into(), true),
        ]),
        Host::Address(address) => Ok(vec![place(*address, false)]),
        Host::Name(name) => {
            let found = lookup_host((name.as_str(), 0)).await.map(Iterator::collect::<Vec<_>>);
            match found {
                Ok(found) if !found.is_empty() => Ok(found.iter().map(|at| place(at.ip(), false)).collect()),
                _ => Err(BindError::Unresolved(name.clone(), Setting::Main)),
            }
        }
    }
}

fn bind_all(places: &[ListenAddress], port: u16) -> Result<Vec<TcpListener>, BindError> {
    // Alone, `::` takes IPv4 too; beside an IPv4 address it would collide with it.
    let only_v6 = places.iter().any(|place| place.address.is_ipv4());
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut missing = None;
    for place in places {
        let taken = listeners.first().and_then(|first| first.local_addr().ok());
        let at = SocketAddr::new(place.address, taken.map_or(port, |first| first.port()));
        match bind_one(at, only_v6) {
            Ok(listener) => listeners.push(listener),
            Err(error) if place.may_be_missing && is_missing(&error) => missing = Some(explain(at, error)),
            Err(error) => return Err(explain(at, error)),
        }
    }
    match missing {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

fn bind_one(at: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // Without it a restart has to wait until the old connections' TIME_WAIT is over. On Windows it means something else:
    // it would let two servers listen on one port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

/// Whether an address is one that this machine does not have at all.
fn is_missing(error: &io::Error) -> bool {
    // A kernel without IPv6 refuses the socket itself: EAFNOSUPPORT (its Linux, macOS and Windows numbers).
    error.kind() == io::ErrorKind::AddrNotAvailable || matches!(error.raw_os_error(), Some(97 | 47 | 10047))
}

fn explain(at: SocketAddr, error: io::Error) -> BindError {
    if is_missing(&error) {
        return BindError::NotHere(at.ip(), Setting::Main);
    }
    if error.kind() == io::ErrorKind::AddrInUse {
        return BindError::Taken(at, Setting::Main);
    }
    if error.kind() == io::ErrorKind::PermissionDenied {
        return BindError::Forbidden(at, Setting::Main);
    }
    BindError::Other(at, error)
}
