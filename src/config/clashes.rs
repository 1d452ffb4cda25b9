//! Whether two parts of the server are to listen at one place, which only one of them can have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::listen::ListenAt;
use super::value::{Host, Hosts};

/// Where one part is to listen, and by which setting.
struct Place<'a> {
    setting: &'static str,
    hosts: &'a Hosts,
    port: u16,
}

/// A sentence for each two settings of which only one can be followed: where everything is, where the review is, where
/// metrics are, and where other nodes come in.
pub(super) fn between(
    (host, port): (&Hosts, u16),
    review: Option<&ListenAt>,
    metrics: Option<&ListenAt>,
    cluster: Option<&ListenAt>,
) -> Vec<String> {
    let loopback = Hosts::loopback();
    let review = review.map(|listen| Place {
        setting: "REVIEW_LISTEN",
        hosts: listen.hosts().unwrap_or(host),
        port: listen.port(),
    });
    let metrics = metrics.map(|listen| Place {
        setting: "METRICS_LISTEN",
        hosts: listen.hosts().unwrap_or(&loopback),
        port: listen.port(),
    });
    let cluster = cluster.map(|listen| Place {
        setting: "CLUSTER_LISTEN",
        hosts: listen.hosts().unwrap_or(&loopback),
        port: listen.port(),
    });
    let main = Place {
        setting: "PORT",
        hosts: host,
        port,
    };
    let places: Vec<Place<'_>> = [Some(main), review, metrics, cluster].into_iter().flatten().collect();
    let pairs = places.iter().enumerate();
    let pairs = pairs.flat_map(|(number, one)| places.iter().skip(number + 1).map(move |other| (one, other)));
    pairs.filter(|(one, other)| one.takes(other)).map(sentence).collect()
}

fn sentence((one, other): (&Place<'_>, &Place<'_>)) -> String {
    format!(
        "{} and {} are both port {} of one address: choose another port for one of them.",
        one.setting, other.setting, one.port
    )
}

impl Place<'_> {
    /// Whether nothing is left for another.
    fn takes(&self, other: &Self) -> bool {
        let meet = |one: &Host| other.hosts.iter().any(|other| meet(one, other));
        // 0 is a free one for each.
        self.port == other.port && self.port != 0 && self.hosts.iter().any(meet)
    }
}

/// Whether two hosts have an address in common. What a name stands for is known only when it is asked for.
fn meet(one: &Host, other: &Host) -> bool {
    match (one, other) {
        (Host::Name(one), Host::Name(other)) => one == other,
        (Host::Name(_), host) | (host, Host::Name(_)) => is_every(host),
        _ => {
            let others = addresses(other);
            addresses(one)
                .iter()
                .any(|one| others.iter().any(|other| meet_at(*one, *other)))
        }
    }
}

fn is_every(host: &Host) -> bool {
    addresses(host).iter().any(IpAddr::is_unspecified)
}

fn addresses(host: &Host) -> Vec<IpAddr> {
    match host {
        Host::Loopback => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Host::Address(address) => vec![*address],
        Host::Name(_) => Vec::new(),
    }
}

fn meet_at(one: IpAddr, other: IpAddr) -> bool {
    let is_every = one.is_unspecified() || other.is_unspecified();
    one == other || is_every && one.is_ipv4() == other.is_ipv4()
}
