//! What this machine is called, and the addresses that it has.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::addresses::{can_be_typed, interfaces};
use crate::config::HostNames;

/// What a certificate of this machine names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Names {
    pub(super) hosts: BTreeSet<String>,
    pub(super) addresses: BTreeSet<IpAddr>,
}

impl Names {
    /// As they are now, with names that it is known by besides.
    pub(super) fn of_machine(besides: &HostNames) -> Self {
        let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        let typed = interfaces().into_iter().filter(can_be_typed);
        Self {
            hosts: hosts(&gethostname::gethostname().to_string_lossy(), besides),
            addresses: loopback.into_iter().chain(typed).collect(),
        }
    }
}

fn hosts(own: &str, besides: &HostNames) -> BTreeSet<String> {
    let own = own.to_ascii_lowercase();
    let mut hosts: BTreeSet<String> = besides.iter().map(str::to_owned).collect();
    hosts.insert("localhost".to_owned());
    // By multicast DNS others find the machine's first name below `local`.
    let first = own.split('.').next().unwrap_or_default();
    hosts.extend([format!("{first}.local"), own.clone()]);
    hosts.retain(|name| is_host_name(name));
    hosts
}

/// Whether a certificate can name it. A machine may be called anything.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len()) && label.chars().all(valid) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_its_own_name_one_for_the_neighbours_and_those_it_was_given() {
        let besides = HostNames::parse("Class.example,with_underscore").unwrap();
        let named = |own| hosts(own, &besides).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(named("Pc-7"), "class.example localhost pc-7 pc-7.local");
        assert_eq!(
            named("pc.school.example"),
            "class.example localhost pc.local pc.school.example"
        );
        for odd in ["", "my laptop", "lärmbude", "a..b", "-", &"x".repeat(300)] {
            // Of what no certificate can name, nothing is left; of some, a name for the neighbours.
            let names = hosts(odd, &besides);
            assert!(names.iter().all(|name| is_host_name(name)), "{names:?}");
            assert!(names.contains("localhost") && !names.contains(odd), "{names:?}");
        }
    }

    #[test]
    fn loopback_is_named_and_what_only_one_machine_understands_is_not() {
        let names = Names::of_machine(&HostNames::default());
        assert!(names.addresses.contains(&IpAddr::from(Ipv4Addr::LOCALHOST)));
        assert!(names.hosts.contains("localhost"));
        assert!(names.addresses.iter().all(|ip| ip.is_loopback() || can_be_typed(ip)));
    }
}
